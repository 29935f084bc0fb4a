"""What somebody follows live: which jobs, which events, and what of them is told."""
