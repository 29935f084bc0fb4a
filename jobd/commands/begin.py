"""jobd begin: give a record to something that jobd did not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands.options.heartbeat import heartbeat_options, promised
from jobd.commands.options.kept import output_options
from jobd.commands.options.new_job import tag_option
from jobd.commands.options.parents import belonging, parent_of, parent_options
from jobd.core.errors import BadValue
from jobd.core.events.catalogue import Actor, Begun
from jobd.core.history import selection
from jobd.core.model import Count, Id, Origin
from jobd.core.promises import Heartbeat, settle
from jobd.core.text import Lossless
from jobd.core.views import JobView
from jobd.core.work.children import Weight
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.daemon.engine import Engine

EXAMPLES = """\
id=$(jobd begin nightly-sync --pid $$ --beat-every 1m)
jobd progress --job "$id" 3/10 photos
jobd end "$id" --exit $?
"""


class Begin(Mutation[JobView], frozen=True):
    """Begin to follow something that jobd did not start; it counts as running until `end` is told.

    With `watch` the job fails as lost when that process ends without a word. Without a `parent` it is a part of the job
    that the caller runs `inside`, if that has not ended.
    """

    method: ClassVar = "begin"

    name: str
    group: Annotated[str, Meta(min_length=1, max_length=200)] = "default"
    labels: Annotated[dict[str, str], Meta(max_length=100)] = msgspec.field(default_factory=dict)
    watch: Id | None = None
    cwd: Lossless | None = None
    heartbeat: Heartbeat | None = None
    parent: Annotated[str, Meta(max_length=4096)] | None = None
    inside: Id | None = None
    weight: Weight = 1.0
    pid: Count = 0
    tty: str | None = None

    def answer(self, engine: Engine, caller: Actor) -> JobView:
        """Look at the process, and record."""
        from jobd.daemon.system import processes

        name = selection.name(self.name)
        watched = processes.identify(self.watch) if self.watch is not None else None
        if self.watch is not None and watched is None:
            raise BadValue(field="watch", problem=f"there is no process {self.watch}")
        now = engine.clock.now()
        begun = Begun(
            name=name, watched=watched, group=self.group, labels=self.labels, boot=now.boot, boottime=now.boottime,
            origin=Origin(uid=caller.uid, pid=self.pid or caller.pid, tty=self.tty, cwd=self.cwd),
            usual=engine.archive.usual(name), heartbeat=settle(self.heartbeat, ours=False),
            parent=parent_of(engine, self.parent, self.inside), weight=self.weight,
        )  # fmt: skip
        return engine.archive.view(engine.create(begun, caller))


@click.command("begin", epilog=EXAMPLES)
@click.argument("name")
@click.option(
    "--pid",
    type=click.IntRange(min=1),
    metavar="PID",
    help="Watch this process: show what it uses, fail as lost if it ends without a word.",
)
@click.option("-g", "--group", default="default", metavar="GROUP", help="Put it into this group.")
@tag_option
@click.option("--request-id", metavar="ID", help="Repeating it with the same id begins one job.")
@heartbeat_options
@parent_options
@output_options(JobView)
@click.pass_obj
def command(
    shell: Shell,
    /,
    name: str,
    *,
    pid: int | None,
    group: str,
    beat_every: float | None,
    stale_after: float | None,
    request_id: str | None,
    labels: dict[str, str],
    **family: Any,
) -> None:
    """Give a record to something that jobd did not start.

    Prints the id; `jobd progress --job ID` reports for it and `jobd end ID` ends it.
    """
    here = shell.here
    begun = Begin(
        name=name, group=group, watch=pid, cwd=here.cwd, pid=here.pid, tty=here.tty, request_id=request_id,
        labels=labels, heartbeat=promised(beat_every, stale_after), **belonging(shell, **family),
    )  # fmt: skip
    job = shell.client.call(begun)
    shell.emit(job, lambda: shell.screen.data(f"{job.id}\n"))
