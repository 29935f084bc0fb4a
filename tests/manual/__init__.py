"""Tests of manual pages and completions."""
