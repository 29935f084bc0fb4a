"""Tests of what is asked of jobs that were."""
