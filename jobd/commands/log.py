"""jobd log: the whole output of a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import click
import msgspec
from msgspec import Meta

from jobd.commands._options import jobs_argument, json_option
from jobd.commands.list import List
from jobd.core.errors import OutputNotFound
from jobd.core.model import Count, Id
from jobd.core.text import Lossless, lossless
from jobd.core.views import JobView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events import Actor
    from jobd.daemon.archive import Archive

EXAMPLES = """\
jobd log 12             # everything it has written
jobd log last | less    # with a pager
jobd log -n 20 backup   # the last 20 lines of the newest run
"""

LONGEST_CHUNK = 512 * 1024


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of output: read at `offset`, the next one begins at `next_offset`; `size` is that of the file now.

    `final` = the job has ended, so that the file does not grow. `files` names all there are.
    """

    path: str
    files: dict[str, str]
    data: Lossless
    offset: int
    next_offset: int
    size: int
    final: bool


class Log(Read[Chunk], frozen=True):
    """Read a piece of a job's output. Text that is not UTF-8 comes as base64, so every byte arrives as it is."""

    method: ClassVar = "log"

    job: Annotated[str, Meta(max_length=4096)]
    attempt: Id | None = None
    file: Literal["output", "stdout", "stderr"] | None = None
    offset: Count = 0
    limit: Annotated[int, Meta(ge=1, le=LONGEST_CHUNK)] = 65536

    def answer(self, archive: Archive, caller: Actor) -> Chunk:
        """Read the file."""
        from jobd.daemon import output

        job = archive.select((self.job,))[0]
        attempt = next((a for a in job.attempts if a.number == self.attempt), None)
        if self.attempt is not None and attempt is None:
            raise OutputNotFound(job=job.id, name=job.name, problem=f"there is no attempt {self.attempt}")
        files = output.existing(archive.paths, job, attempt)
        names: list[str] = list(files)
        path = files.get(self.file or names[0])
        if path is None:
            raise OutputNotFound(job=job.id, name=job.name, problem=f"there is no {self.file}, only {', '.join(names)}")
        with path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.limit)
        return Chunk(
            path=str(path), files={name: str(each) for name, each in files.items()}, data=lossless(data),
            offset=self.offset, next_offset=self.offset + len(data), size=path.stat().st_size, final=job.done,
        )  # fmt: skip


@click.command("log", epilog=EXAMPLES)
@jobs_argument()
@click.option("--attempt", type=click.IntRange(min=1), metavar="N", help="The output of an earlier attempt.")
@click.option("-n", "-l", "--lines", type=click.IntRange(min=0), metavar="N", help="Only the last lines.")
@click.option("--stdout", is_flag=True, help="Of split output only stdout.")
@click.option("--stderr", is_flag=True, help="Of split output only stderr.")
@click.option("--path", "path_only", is_flag=True, help="Print where the output is, not what it is.")
@click.option("--raw", is_flag=True, help="Give the terminal the bytes as they are, harmless or not.")
@json_option(JobView)
@click.pass_obj
def command(shell: Shell, /, jobs: tuple[str, ...], *, attempt: int | None, path_only: bool, **options: Any) -> None:
    """Show the whole output of jobs.

    Whether they run or have ended, to a pipe or a file the bytes are given as the job wrote them. With --json the job
    is printed, and with it where its output is.
    """
    views = shell.client.call(List(jobs=jobs))
    if shell.screen.as_json:
        shell.emit_all(views, lambda: None)
        return
    for job in views:
        files = files_of(shell, job, attempt)
        if path_only:
            shell.screen.data("".join(f"{path}\n" for path in files.values()))
        else:
            copy(shell, job, files, **options)


def files_of(shell: Shell, job: JobView, attempt: int | None) -> dict[str, str]:
    """Say where the output of a job is. Raises OutputNotFound."""
    if job.output is not None and attempt in (None, job.attempt):
        return job.output.files
    first = shell.client.call(Log(job=str(job.id), attempt=attempt, limit=1))
    return dict(first.files)


def copy(
    shell: Shell,
    job: JobView,
    files: dict[str, str] | None = None,
    *,
    lines: int | None = None,
    stdout: bool = False,
    stderr: bool = False,
    raw: bool = False,
) -> None:
    """Copy the output of a job to the screen, from its start or its last lines."""
    from jobd.commands._output import Source, Style, start_of_last_lines
    from jobd.ui.live import LiveLine

    chosen = {name for name, wanted in (("stdout", stdout), ("stderr", stderr)) if wanted}
    files = files if files is not None else (job.output.files if job.output else {})
    with LiveLine(shell.screen) as live:
        for name, path in files.items():
            if not chosen or name in chosen or name == "output":
                offset = 0 if lines is None else start_of_last_lines(Path(path), lines)
                Source(shell.screen, live, Path(path), offset, Style(job.id, name, raw=raw)).finish()
