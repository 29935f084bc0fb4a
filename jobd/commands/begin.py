"""jobd begin: give a record to something that jobd did not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core import selection
from jobd.core.errors import BadValue
from jobd.core.events import Actor, Begun
from jobd.core.model import Count, Id, Origin
from jobd.core.text import Lossless
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine


class Begin(Mutation[JobView], frozen=True):
    """Begin to follow something that jobd did not start; it counts as running until `end` is told.

    With `watch` the job fails as lost when that process ends without a word.
    """

    method: ClassVar = "begin"

    name: str
    group: Annotated[str, Meta(min_length=1, max_length=200)] = "default"
    labels: Annotated[dict[str, str], Meta(max_length=100)] = {}
    watch: Id | None = None
    cwd: Lossless | None = None
    pid: Count = 0
    tty: str | None = None

    def answer(self, engine: Engine, caller: Actor) -> JobView:
        """Look at the process, and record."""
        from jobd.daemon import processes

        name = selection.name(self.name)
        watched = processes.identify(self.watch) if self.watch is not None else None
        if self.watch is not None and watched is None:
            raise BadValue(field="watch", problem=f"there is no process {self.watch}")
        now = engine.clock.now()
        begun = Begun(
            name=name, watched=watched, group=self.group, labels=self.labels, boot=now.boot, boottime=now.boottime,
            origin=Origin(uid=caller.uid, pid=self.pid or caller.pid, tty=self.tty, cwd=self.cwd),
            usual=engine.archive.usual(name),
        )  # fmt: skip
        return engine.archive.view(engine.create(begun, caller))
