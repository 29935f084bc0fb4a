"""Whose part a new job is: options of the commands that make one, and what the daemon makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.commands.options.values import Function
    from jobd.daemon.engine import Engine

PARENT = "Make it a part of this job, whose progress follows from its parts if it does not say it itself{default}."
_WEIGHT = click.option(
    "--weight",
    type=click.FloatRange(min=0, min_open=True, max=1e9),
    default=1.0,
    metavar="N",
    help="Its share of the parent's work, in proportion to the other parts (default: 1).",
)
_NO_PARENT = click.option("--no-parent", is_flag=True, help="Make it a part of no job.")


def parent_options(function: Function) -> Function:
    """Take --parent, --no-parent and --weight: for jobs that begin here."""
    default = click.option("--parent", metavar="JOB", help=PARENT.format(default=" (default: the job this runs in)"))
    decorated: Function = default(_NO_PARENT(_WEIGHT(function)))
    return decorated


def named_parent_options(function: Function) -> Function:
    """Take --parent and --weight: for what has begun elsewhere."""
    decorated: Function = click.option("--parent", metavar="JOB", help=PARENT.format(default=""))(_WEIGHT(function))
    return decorated


def belonging(shell: Shell, *, parent: str | None, no_parent: bool, weight: float) -> dict[str, Any]:
    """Make the parameters of a request; where none is named, the job around this process is the parent."""
    if no_parent and parent is not None:
        raise click.UsageError("--parent and --no-parent exclude each other")
    around = None if no_parent or parent is not None else _around(shell)
    return {"parent": parent, "inside": around, "weight": weight}


def parent_of(engine: Engine, parent: str | None, inside: int | None = None) -> int | None:
    """Find the parent that a request means.

    One that is named must be there and not have ended. Raises JobNotFound, JobFinished, BadValue. Of the job that the
    caller is `inside` something may go on after its end: that belongs to nobody.
    """
    from jobd.core.lifecycle import not_done

    if parent is not None:
        job = engine.archive.one(parent)
        not_done(job, "given children")
        return job.id
    around = engine.jobs.get(inside) if inside is not None else None
    return around.id if around is not None and not around.done else None


def _around(shell: Shell) -> int | None:
    """Give the job in which this process runs, if it is one of the daemon that is meant."""
    number = shell.environ.get("JOBD_JOB_ID", "")
    inside = number.isdecimal() and shell.environ.get("JOBD_SOCKET") == str(shell.paths.socket)
    return int(number) if inside else None
