"""A daemon from its start to its end."""
