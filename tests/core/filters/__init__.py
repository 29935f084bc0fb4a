"""Tests of the language in which jobs are chosen."""
