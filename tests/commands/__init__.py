"""Tests of what jobd can be told: a file for each verb."""
