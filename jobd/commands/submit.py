"""jobd submit: put a command into the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands._job_options import job_options, parameters
from jobd.commands._options import output_options
from jobd.core import selection
from jobd.core.events import Submitted
from jobd.core.model import Count, Leftover, Origin, Seconds, Spec, Surroundings
from jobd.core.text import Lossless, plain
from jobd.core.views import JobView
from jobd.ui.terminal_text import field
from jobd.wire import Mutation

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events import Actor
    from jobd.daemon.engine import Engine

EXAMPLES = """\
jobd submit -- make -j2                    # put it into the queue, print its id
jobd submit -J backup -o 5 -- ./backup.sh  # with a name and a higher priority
id=$(jobd submit -- make)                  # in a script
jobd submit --follow -- make               # and watch it
"""

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
    labels: Annotated[dict[str, str], Meta(max_length=100)] = msgspec.field(default_factory=dict)
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


@click.command("submit", epilog=EXAMPLES)
@job_options
@click.option("-p", "--print-id", "--parsable", "print_id", is_flag=True, help="Print only the id, as in a pipe.")
@click.option("--follow", is_flag=True, help="Then follow it, as `jobd tail -f` does.")
@click.option("-W", "--wait", "wait", is_flag=True, help="Then wait for it and end with its exit status.")
@output_options(JobView)
@click.pass_obj
def command(shell: Shell, /, *, print_id: bool, follow: bool, wait: bool, **options: Any) -> int:
    """Put a command into the queue.

    It starts when a slot is free, with the environment, umask and limits of here, and outlives this terminal. Its id is
    printed; its output goes to a file that `jobd tail` and `jobd log` show.
    """
    job = shell.client.call(Submit(**parameters(shell, **options)))
    if print_id:
        shell.screen.data(f"{job.id}\n")
    else:
        shell.emit(job, lambda: _show(shell, job))
    if follow or wait:
        from jobd.commands._following import Following, Wanted
        from jobd.commands.tail import Tail

        return Following(shell, Tail(jobs=(str(job.id),)), Wanted(output=follow)).run()
    return 0


def _show(shell: Shell, job: JobView) -> None:
    screen = shell.screen
    if not screen.is_terminal:
        screen.data(f"{job.id}\n")
        return
    screen.data(f"{job.id} {field(job.name)}: {job.state}\n")
    screen.hint(f"jobd tail -f {job.id} · jobd cancel {job.id}")
