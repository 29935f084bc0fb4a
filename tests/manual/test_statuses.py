"""The manual tells of every exit status that a command can end with."""

import ast
import inspect
import re

import click
import pytest

from jobd import commands
from jobd.core import errors
from jobd.manual import tree
from jobd.manual.pages import man_page

ERRORS = {kind.__name__: kind.exit_status for kind in errors.every()}


def told(name: str) -> set[int]:
    """List the statuses that the page of a command explains."""
    command = commands.find_command(name)
    assert command is not None
    section = man_page(tree.read(command, ("jobd", name))).partition(".Sh EXIT STATUS")[2].partition(".Sh ")[0]
    return {int(status) for status in re.findall(r"^\.It (\d+)$", section, re.MULTILINE)}


def refusals(source: ast.Module) -> set[str]:
    """Name the errors that a file raises, or says that it does."""
    found = {word.id for word in ast.walk(source) if isinstance(word, ast.Name)}
    texts = [
        ast.get_docstring(item) or ""
        for item in ast.walk(source)
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    said = re.findall(r"\w+", " ".join(re.findall(r"Raises ([^.]*)", " ".join(texts))))
    return (found | set(said)) & ERRORS.keys()


def judges(command: click.Command) -> bool:
    """Whether a command ends with a status of its own."""
    return "-> int" in str(inspect.signature(inspect.unwrap(command.callback or print))).replace("'", "")


@pytest.mark.parametrize("name", commands.names())
def test_every_status_is_told(name: str) -> None:
    """Those of the errors it raises, and those that it gives by itself."""
    source = ast.parse(inspect.getsource(commands.load(name)))
    assert {ERRORS[word] for word in refusals(source)} <= told(name)
    command = commands.find_command(name)
    assert command is not None
    every = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    if any(map(judges, every)):
        assert 1 in told(name)
