"""jobd attach: give a record to a process that runs already."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands.options.heartbeat import heartbeat_options, promised
from jobd.commands.options.kept import output_options
from jobd.commands.options.new_job import tag_option
from jobd.commands.options.parents import named_parent_options, parent_of
from jobd.commands.submit import named_after
from jobd.core.errors import AlreadyFollowed, BadValue, NotPermitted
from jobd.core.events.catalogue import Actor, Begun
from jobd.core.history import selection
from jobd.core.model import Count, Id, Job, Origin, Process
from jobd.core.promises import Heartbeat, settle
from jobd.core.views import JobView
from jobd.core.work.children import Weight
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd attach "$pid" --name import   # a process of yours that runs already
jobd attach $$                     # this shell, and what it will run
"""


class Attach(Mutation[JobView], frozen=True):
    """Begin to follow a process of this user that runs already, until it ends.

    How it ended is known where the kernel tells it; else the job fails as lost.
    """

    method: ClassVar = "attach"

    process: Id
    name: str | None = None
    group: Annotated[str, Meta(min_length=1, max_length=200)] = "default"
    labels: Annotated[dict[str, str], Meta(max_length=100)] = msgspec.field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    parent: Annotated[str, Meta(max_length=4096)] | None = None
    weight: Weight = 1.0
    pid: Count = 0
    tty: str | None = None

    def answer(self, engine: Engine, caller: Actor) -> JobView:
        """Look at the process, and record."""
        from jobd.daemon.system import strangers

        now = engine.clock.now()
        seen = strangers.look(self.process, now)
        if seen is None:
            raise BadValue(field="process", problem=f"there is no process {self.process}")
        if seen.uid != os.getuid():
            raise NotPermitted(problem=f"process {self.process} belongs to user {seen.uid}, not to you")
        known = next((job for job in engine.jobs.values() if _follows(job, seen.process)), None)
        if known is not None:
            raise AlreadyFollowed(process=self.process, job=known.id, name=known.name)
        name = selection.name(named_after(seen.argv[0] if seen.argv else "") if self.name is None else self.name)
        begun = Begun(
            name=name, watched=seen.process, command=seen.argv, group=self.group, labels=self.labels, boot=now.boot,
            boottime=seen.boottime, started_at=now.wall - timedelta(microseconds=(now.boottime - seen.boottime) / 1000),
            origin=Origin(uid=caller.uid, pid=self.pid or caller.pid, tty=self.tty, cwd=seen.cwd),
            usual=engine.archive.usual(name), heartbeat=settle(self.heartbeat, ours=False),
            parent=parent_of(engine, self.parent), weight=self.weight,
        )  # fmt: skip
        return engine.archive.view(engine.create(begun, caller))


def _follows(job: Job, process: Process) -> bool:
    """Whether a job that has not ended is this process, or is about it."""
    return not job.done and process in (job.watched, job.attempts[-1].main if job.open else None)


@click.command("attach", epilog=EXAMPLES)
@click.argument("process", type=click.IntRange(min=1), metavar="PID")
@click.option("-J", "--name", metavar="NAME", help="Call it so (default: after its command).")
@click.option("-g", "--group", default="default", metavar="GROUP", help="Put it into this group.")
@tag_option
@click.option("--request-id", metavar="ID", help="Repeating it with the same id attaches once.")
@heartbeat_options
@named_parent_options
@output_options(JobView)
@click.pass_obj
def command(
    shell: Shell,
    /,
    process: int,
    *,
    beat_every: float | None,
    stale_after: float | None,
    **options: Any,
) -> None:
    """Give a record to a process that runs already.

    Prints the id. The record begins when the process began, shows what it uses, and ends with it. How it ended is
    known while a daemon runs on Linux 6.15 or later, with an older kernel only if its parent has not asked yet;
    otherwise the job fails with the reason `lost`. `jobd end ID --exit N` says it before the process has ended.
    """
    here = shell.here
    heartbeat = promised(beat_every, stale_after)
    asked = Attach(process=process, pid=here.pid, tty=here.tty, heartbeat=heartbeat, **options)
    job = shell.client.call(asked)
    shell.emit(job, lambda: shell.screen.data(f"{job.id}\n"))
