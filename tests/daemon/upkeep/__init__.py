"""Tests of what happens by itself, now and then."""
