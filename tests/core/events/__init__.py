"""Tests of what can happen to jobs."""
