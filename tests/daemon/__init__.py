"""Tests of the side effects: real processes, real files, real SQLite."""
