"""Benchmarks, run by hand: `python -m tests.bench [ROW …]`. Nothing here is part of the test suite."""
