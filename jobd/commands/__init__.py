"""What jobd can be told: a file for each verb, found by its name and loaded when it is asked for.

A file holds the types of its requests, what they answer, and `command`, what the shell sees. The method of a request is
the path of the command, joined by dots: `submit`, `daemon.status`. What several verbs share is in the folders and in
files with a leading underscore.
"""

import os
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jobd.wire import Request

if TYPE_CHECKING:
    import click

#: Methods that are no command of their own, and the file they are in.
ELSEWHERE = {"hello": "rpc"}


@cache
def names() -> tuple[str, ...]:
    """List the commands in the order of the alphabet; a file whose name begins with an underscore is none."""
    files = sorted(os.listdir(os.path.dirname(__file__)))
    return tuple(file[:-3].replace("_", "-") for file in files if file.endswith(".py") and file[0] != "_")


def load(name: str) -> ModuleType:
    """Load the file of a command."""
    return import_module(f"{__name__}.{name.replace('-', '_')}")


def find_command(name: str) -> "click.Command | None":
    """Find what the shell runs for a word; None if there is no such command."""
    if name not in names():
        return None
    command: click.Command = load(name).command
    return command


@lru_cache(maxsize=1024)
def find(method: str) -> type[Request[Any]] | None:
    """Find the type of a request by its method; None if there is none. Loads the one file it can be in."""
    verb = method.partition(".")[0]
    name = ELSEWHERE.get(method, verb)
    if name not in names():
        return None
    return next((kind for kind in requests(load(name)) if kind.method == method), None)


def every() -> list[type[Request[Any]]]:
    """List the types of all requests, by command."""
    return [kind for name in names() for kind in requests(load(name))]


def requests(module: ModuleType) -> list[type[Request[Any]]]:
    """List the types of requests that a file defines, in its order."""
    kinds = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Request)]
    return [kind for kind in kinds if kind.__module__ == module.__name__ and "method" in vars(kind)]
