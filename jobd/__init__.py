"""Run, follow and remember the jobs of one Unix machine.

The map of the house; a room imports only from those above it:

    core       the rules, pure: records, events, states, what follows from what
    wire       the protocol: requests as types, messages as lines
    config     every setting said once, and where files live
    ui         how things look, on a terminal, in a pipe and as JSON
    growth     following files that grow
    manual     manual pages and completions, made from the program
    hot        what scripts call in a loop, without loading anything
    client     the socket seen from the shell; starts the daemon where none runs
    daemon     all side effects: the database, the processes, the engine that joins them
    commands   what jobd can be told, a file for each verb: the request, its answer, its command
    server     the socket seen from the daemon
    cli        the program: finds the command, ends with the right exit status
    __main__   where a process begins

Nothing is loaded here: every start of a client passes through this file.
"""

__version__ = "0.1.0"
