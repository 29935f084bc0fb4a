"""Tests of the rules: no files, no processes, no clock."""
