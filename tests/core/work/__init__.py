"""Tests of what jobs say of their work."""
