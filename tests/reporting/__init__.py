"""Tests of jobd.reporting."""
