"""How often a job is run again by itself, as options of the commands that make one."""

from collections.abc import Callable
from typing import Any

import click

from jobd.commands.options.values import Function, duration
from jobd.core.errors import BadValue
from jobd.core.retries import FIRST_PAUSE, MOST_RETRIES, Retries

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--retries",
        type=click.IntRange(0, MOST_RETRIES),
        default=0,
        metavar="N",
        help="If it fails, run it again, so many times at most.",
    ),
    click.option(
        "--retry-delay",
        type=duration(),
        metavar="TIME",
        help=f"Wait so long before that (default: {FIRST_PAUSE:g}s); twice as long each time, up to an hour.",
    ),
)


def retries_options(function: Function) -> Function:
    """Take --retries and --retry-delay."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def wanted(most: int, delay: float | None) -> Retries | None:
    """Make the record out of the options; None if it is run once. Raises BadValue."""
    if not most:
        if delay is not None:
            raise BadValue(field="retry-delay", problem="it is not said how often to retry: --retries N")
        return None
    return Retries(most=most, delay=FIRST_PAUSE if delay is None else delay)
