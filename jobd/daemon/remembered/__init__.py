"""What is known of jobs: those that live from memory, the others from the file."""
