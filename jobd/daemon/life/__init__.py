"""The life of a daemon: start, lock, socket, settings, restart and end."""
