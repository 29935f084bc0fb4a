"""How things look: tables, bars, numbers, colours and errors on a terminal, in a pipe and as JSON.

Nothing is loaded here, and nothing in this room knows a job or a daemon: it gets plain values and a `Screen`.
"""
