"""Tests of the socket as the daemon sees it."""
