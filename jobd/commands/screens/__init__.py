"""How things look to a person."""
