"""Jobs followed to their end: what is told of them, their output, and what an interrupt does."""
