"""Tests of what is followed live."""
