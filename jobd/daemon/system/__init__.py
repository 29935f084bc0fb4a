"""What the operating system says and does: processes, trees, control groups, clocks; nothing of jobs is known here."""
