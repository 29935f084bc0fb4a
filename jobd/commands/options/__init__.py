"""Options that several commands have, each said once."""
