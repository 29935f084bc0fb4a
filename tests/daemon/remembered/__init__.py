"""Tests of what is known of jobs."""
