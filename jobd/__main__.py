"""The entry point: what a script calls in a loop goes first and loads almost nothing; all else is the program.

What the program loads stays, so nothing is collected meanwhile: a twentieth of its start.
"""

import _signal  # type: ignore[import-not-found]
import gc
import sys

if __name__ == "__main__" and not __package__:
    sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0])
    import jobd  # noqa: F401  # this very package, whatever else is installed under the name

    sys.path.append(sys.path.pop(0))


def main() -> None:
    """Run the command line of this process and end it."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from os import _exit

    _exit(_status(sys.argv[1:]))


def _status(arguments: list[str]) -> int:
    from jobd import hot

    if arguments and arguments[0] in hot.VERBS:
        status = hot.run(arguments)
        if status is not None:
            return status
    gc.disable()
    from jobd.cli import main as run

    return run(arguments)


if __name__ == "__main__":
    main()
