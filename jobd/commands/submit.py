"""jobd submit: put a command into the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from jobd.core import selection
from jobd.core.events import Actor, Submitted
from jobd.core.model import Count, Leftover, Origin, Seconds, Spec, Surroundings
from jobd.core.text import Lossless, plain
from jobd.core.views import JobView
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.daemon.engine import Engine

Argument = Annotated[tuple[Lossless, ...], Meta(min_length=1, max_length=65536)]


class Submit(Mutation[JobView], frozen=True):
    """Put a command into the queue; it starts when a slot is free, and its output goes to files.

    What is left out is taken from the daemon's configuration; a job without a name is called after its command.
    """

    method: ClassVar = "submit"

    argv: Argument
    cwd: Lossless
    name: str | None = None
    group: Annotated[str, Meta(min_length=1, max_length=200)] = "default"
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    labels: Annotated[dict[str, str], Meta(max_length=100)] = {}
    surroundings: Surroundings = Surroundings()
    stdin: Lossless | None = None
    split: bool = False
    nice: Annotated[int, Meta(ge=-20, le=19)] = 0
    signal: Annotated[int, Meta(ge=1, le=64)] = 15
    grace: Seconds | None = None
    leftover: Leftover | None = None
    output_limit: Count | None = None
    pid: Count = 0
    tty: str | None = None

    def answer(self, engine: Engine, caller: Actor) -> JobView:
        """Check what can be known now, and record."""
        from jobd.daemon import preflight

        name = selection.name(self.name if self.name is not None else named_after(self.argv[0]))
        preflight.check(self.argv, self.cwd, self.surroundings.environment, self.stdin)
        defaults = engine.config.jobs
        spec = Spec(
            argv=self.argv, cwd=self.cwd, surroundings=engine.keep_surroundings(self.surroundings), stdin=self.stdin,
            split=self.split, nice=self.nice, signal=self.signal,
            grace=defaults.grace if self.grace is None else self.grace,
            leftover=self.leftover or Leftover(defaults.leftover),
            output_limit=defaults.output_limit if self.output_limit is None else self.output_limit,
        )  # fmt: skip
        submitted = Submitted(
            name=name, spec=spec, group=self.group, priority=self.priority, labels=self.labels,
            origin=Origin(uid=caller.uid, pid=self.pid or caller.pid, tty=self.tty, cwd=self.cwd),
            usual=engine.archive.usual(name),
        )  # fmt: skip
        return engine.archive.view(engine.create(submitted, caller))


def named_after(command: Lossless) -> str:
    """Make a name from a command: its last part, without what names cannot have."""
    last = plain(command).rstrip("/").rpartition("/")[2]
    cleaned = "".join(c if c.isprintable() and c not in ",~" else "_" for c in last).lstrip("%-@")
    return f"job-{cleaned}"[:200] if not cleaned or cleaned.isdigit() or cleaned in ("last", "all") else cleaned[:200]
