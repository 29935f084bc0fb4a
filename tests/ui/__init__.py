"""Tests of how things look: real terminals, pipes and full disks."""
