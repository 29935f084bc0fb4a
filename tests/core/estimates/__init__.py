"""Tests of when jobs will end."""
