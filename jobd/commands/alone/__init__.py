"""What is done without a daemon."""
