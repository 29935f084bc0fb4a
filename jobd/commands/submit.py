"""jobd submit: put a command into the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import click
import msgspec
from msgspec import Meta

from jobd.commands.options.kept import output_options
from jobd.commands.options.new_job import job_options, parameters
from jobd.commands.options.parents import parent_of
from jobd.core import retries
from jobd.core.history import selection
from jobd.core.model import ALIVE, Count, Id, Leftover, Origin, Seconds, Spec, State, Surroundings
from jobd.core.promises import Heartbeat, OnStale, settle
from jobd.core.retries import Retries
from jobd.core.text import Lossless, plain
from jobd.core.views import JobView
from jobd.core.work.children import Weight
from jobd.ui import amounts
from jobd.ui.terminal_text import field
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd submit -- make -j2                    # put it into the queue, print its id
jobd submit -J backup -o 5 -- ./backup.sh  # with a name and a higher priority
id=$(jobd submit -- make)                  # in a script
jobd submit --follow -- make               # and watch it
jobd submit --stale-after 10m --on-stale cancel -- ./backup.sh  # unless it hangs
jobd submit --retries 5 --retry-delay 30s -- ./backup.sh  # again after 30s, 1m, 2m, 4m and 8m
"""

Argument = Annotated[tuple[Lossless, ...], Meta(min_length=1, max_length=65536)]


class Submit(Mutation[JobView], frozen=True):
    """Put a command into the queue; it starts when a slot is free, and its output goes to files.

    What is left out is taken from the daemon's configuration; a job without a name is called after its command. One
    without a `parent` is a part of the job that its submitter runs `inside`, if that has not ended.
    """

    method: ClassVar = "submit"

    argv: Argument
    cwd: Lossless
    name: str | None = None
    group: Annotated[str, Meta(min_length=1, max_length=200)] = "default"
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    labels: Annotated[dict[str, str], Meta(max_length=100)] = msgspec.field(default_factory=dict)
    surroundings: Surroundings = Surroundings()
    stdin: Lossless | None = None
    split: bool = False
    nice: Annotated[int, Meta(ge=-20, le=19)] = 0
    signal: Annotated[int, Meta(ge=1, le=64)] = 15
    grace: Seconds | None = None
    leftover: Leftover | None = None
    output_limit: Count | None = None
    heartbeat: Heartbeat | None = None
    retries: Retries | None = None
    parent: Annotated[str, Meta(max_length=4096)] | None = None
    inside: Id | None = None
    weight: Weight = 1.0
    progress: Literal["reports", "auto"] = "reports"
    pid: Count = 0
    tty: str | None = None

    def answer(self, engine: Engine, caller: Actor) -> JobView:
        """Check what can be known now, and record."""
        from jobd.core.events.catalogue import Submitted
        from jobd.daemon.attempts import preflight

        name = name_of(self)
        preflight.check(self.argv, self.cwd, self.surroundings.environment, self.stdin)
        defaults = engine.config.jobs
        spec = Spec(
            argv=self.argv, cwd=self.cwd, surroundings=engine.keep_surroundings(self.surroundings), stdin=self.stdin,
            split=self.split, nice=self.nice, signal=self.signal,
            grace=defaults.grace if self.grace is None else self.grace,
            leftover=self.leftover or Leftover(defaults.leftover),
            output_limit=defaults.output_limit if self.output_limit is None else self.output_limit,
            progress=self.progress,
        )  # fmt: skip
        submitted = Submitted(
            name=name, spec=spec, group=self.group, priority=self.priority, labels=self.labels,
            heartbeat=settle(self.heartbeat, ours=True), retries=self._retries(),
            parent=parent_of(engine, self.parent, self.inside), weight=self.weight,
            origin=Origin(uid=caller.uid, pid=self.pid or caller.pid, tty=self.tty, cwd=self.cwd),
            usual=engine.archive.usual(name),
        )  # fmt: skip
        return engine.archive.view(engine.create(submitted, caller))

    def _retries(self) -> Retries | None:
        return retries.settle(self.retries, on_stale=bool(self.heartbeat and self.heartbeat.on_stale is OnStale.RETRY))


def name_of(asked: Submit) -> str:
    """Say what the job is called: as asked, or after the last part of its command. Raises BadValue."""
    return selection.name(named_after(asked.argv[0]) if asked.name is None else asked.name)


def named_after(command: Lossless) -> str:
    """Make a name of the last part of a command; what names cannot have is left out or replaced."""
    last = plain(command).rstrip("/").rpartition("/")[2]
    cleaned = "".join(c if c.isprintable() and c not in ",~" else "_" for c in last).lstrip("%-@")
    return f"job-{cleaned}"[:200] if not cleaned or cleaned.isdigit() or cleaned in ("last", "all") else cleaned[:200]


@click.command("submit", epilog=EXAMPLES)
@job_options
@click.option("-p", "--print-id", "--parsable", "print_id", is_flag=True, help="Print only the id, as in a pipe.")
@click.option("--follow", is_flag=True, help="Then follow it, as `jobd tail -f` does, and end with its exit status.")
@click.option("-W", "--wait", "wait", is_flag=True, help="Then wait for it and end with its exit status.")
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, *, print_id: bool, follow: bool, wait: bool, **options: Any) -> int:
    """Put a command into the queue.

    It starts when a slot is free, with the environment, umask and limits of here, and outlives this terminal. Its id is
    printed; its output goes to a file that `jobd tail` and `jobd log` show.

    Exit status: with --wait or --follow that of the command, 128 + N after signal N, 125 if nobody knows how it ended,
    126 or 127 if it could not be started, 130 if it was canceled before it began.
    """
    job = shell.client.call(Submit(**parameters(shell, **options)))
    if print_id:
        shell.screen.data(f"{job.id}\n")
    else:
        shell.emit(job, lambda: _show(shell, job, follow=follow or wait))
    if not (follow or wait):
        return 0
    from jobd.commands.following.output import Wanted
    from jobd.commands.tail import follow_to_the_end

    return follow_to_the_end(shell, [job], Wanted(output=follow, remarks=not shell.asked.quiet))


def _show(shell: Shell, job: JobView, *, follow: bool) -> None:
    from jobd.commands.screens import looks

    screen = shell.screen
    if not screen.is_terminal:
        screen.data(f"{job.id}\n")
        return
    screen.data(f"{job.id} {field(job.name)}: {_stands(shell, job)}\n")
    if not follow:
        looks.hint(screen, *looks.next_commands(job))


def _stands(shell: Shell, job: JobView) -> str:
    """Say where a new job stands in the queue, and when the first slot should be free if it is the next."""
    from jobd.commands.history import History
    from jobd.commands.list import List

    busy = [other for other in shell.client.call(List(states=tuple(ALIVE), limit=1000)) if not other.begun]
    slots = shell.config.jobs.slots
    if len(busy) < slots or shell.client.call(List(jobs=(str(job.id),)))[0].state is not State.PENDING:
        return "started"
    waiting = shell.client.call(History(states=(State.PENDING,), page_size=1000, total=True))
    behind = sum((-other.priority, other.id) >= (-job.priority, job.id) for other in waiting.jobs)
    ahead = max(0, (waiting.total_size or 0) - behind)
    ends = [eta.seconds for other in busy if (eta := other.progress.eta) and eta.high]
    soon = f", starts in about {amounts.eta(min(ends))}" if ends and not ahead else ""
    before = f", {ahead} before it" if ahead else ""
    return f"waiting for a free slot ({len(busy)} of {slots} busy{before}){soon}"
