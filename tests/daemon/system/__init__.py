"""The operating system as the daemon sees it: real processes, real control groups."""
