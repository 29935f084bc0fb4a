"""Attempts: real shims, real directories, killed at every point."""
