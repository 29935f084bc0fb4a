"""The life of a daemon: start, lock, socket, settings, the slow clock, restart and end."""
