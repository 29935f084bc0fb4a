"""The heartbeat of a job, as options of the commands that make one."""

from collections.abc import Callable
from typing import Any

import click

from jobd.commands.options.values import Function, duration
from jobd.core.promises import Heartbeat, OnStale

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--beat-every", type=duration(), metavar="TIME", help="It promises to report or beat at least so often."
    ),
    click.option(
        "--stale-after",
        type=duration(),
        metavar="TIME",
        help="Without a report, a beat or new output for so long it is stale (default: four times --beat-every).",
    ),
)
_ON_STALE: Callable[[Any], Any] = click.option(
    "--on-stale",
    type=click.Choice([choice.value for choice in OnStale]),
    help="What happens when it is stale: it is noted (the default), or the job canceled, or ended and run again.",
)


def heartbeat_options(function: Function) -> Function:
    """Take --beat-every and --stale-after."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def on_stale_option(function: Function) -> Function:
    """Take --on-stale: for jobs that jobd starts, and so can cancel."""
    decorated: Function = _ON_STALE(function)
    return decorated


def promised(beat_every: float | None, stale_after: float | None, on_stale: str | None = None) -> Heartbeat | None:
    """Make the promise out of the options; None if none of them is given."""
    if beat_every is None and stale_after is None and on_stale is None:
        return None
    return Heartbeat(
        beat_every=beat_every, stale_after=stale_after, on_stale=OnStale(on_stale) if on_stale else OnStale.NOTE
    )
