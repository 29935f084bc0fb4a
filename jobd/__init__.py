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
    reporting  what a Python program says of its own progress: jobd.track, jobd.job, jobd.tracked
    commands   what jobd can be told, a file for each verb: the request, its answer, its command
    server     the socket seen from the daemon
    cli        the program: finds the command, ends with the right exit status
    __main__   where a process begins

Nothing is loaded here: every start of a client passes through this file. What a Python program uses is found when it is
asked for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobd.reporting.item import Item
    from jobd.reporting.job import Job, job
    from jobd.reporting.tracked import tracked
    from jobd.reporting.tracking import track

__version__ = "0.1.0"

__all__ = ["Item", "Job", "__version__", "job", "track", "tracked"]

_MODULES = {"Item": "item", "Job": "job", "job": "job", "track": "tracking", "tracked": "tracked"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Find a name of the room `reporting` when it is first asked for."""
        if name not in _MODULES:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from importlib import import_module

        found = globals()[name] = getattr(import_module(f"jobd.reporting.{_MODULES[name]}"), name)
        return found
