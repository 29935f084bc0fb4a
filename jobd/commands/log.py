"""jobd log: the whole output of a job."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import click
import msgspec
from msgspec import Meta

from jobd.commands.following.output import Wanted, show_all, wanted_files
from jobd.commands.list import List
from jobd.commands.options.choosing import jobs_argument
from jobd.commands.options.kept import json_option
from jobd.core.errors import OutputNotFound
from jobd.core.model import Count, Id
from jobd.core.text import Lossless, lossless
from jobd.core.views import JobView, OutputView
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.remembered.archive import Archive

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
        from jobd.daemon.attempts import output

        job = archive.one(self.job)
        attempt = next((a for a in job.attempts if a.number == self.attempt), None)
        if self.attempt is not None and attempt is None:
            raise OutputNotFound(job=job.id, name=job.name, problem=f"there is no attempt {self.attempt}")
        files = output.existing(archive.paths, job, attempt)
        names: list[str] = list(files)
        path = files.get(self.file or names[0])
        if path is None:
            raise OutputNotFound(job=job.id, name=job.name, problem=f"there is no {self.file}, only {', '.join(names)}")
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(min(self.offset, end))
            data = file.read(self.limit if self.offset <= end else 0)
            size = os.fstat(file.fileno()).st_size
        return Chunk(
            path=str(path), files={name: str(each) for name, each in files.items()}, data=lossless(data),
            offset=self.offset, next_offset=self.offset + len(data), size=size, final=job.done,
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
def command(
    shell: Shell, /, jobs: tuple[str, ...], *, attempt: int | None, lines: int | None, path_only: bool, **options: Any
) -> int:
    """Show the whole output of jobs.

    Whether they run or have ended, to a pipe or a file the bytes are given as the job wrote them. With --json the job
    is printed, and with it where its output is.

    Exit status: 1 if --where means no job.
    """
    views = [_of_attempt(shell, job, attempt) for job in shell.client.call(List(jobs=jobs))]
    wanted = Wanted(
        lines=lines, files=wanted_files(stdout=options["stdout"], stderr=options["stderr"]), raw=options["raw"]
    )
    if shell.screen.as_json:
        shell.emit_all(views, lambda: None)
    elif path_only:
        paths = [path for job in views if job.output for file, path in job.output.files.items() if wanted.shows(file)]
        shell.screen.data("".join(f"{path}\n" for path in paths))
    else:
        show_all(shell, views, wanted)
    return int(shell.none_meant(views))


def _of_attempt(shell: Shell, job: JobView, attempt: int | None) -> JobView:
    """Show the job with the output of one of its attempts in place of its latest. Raises OutputNotFound."""
    if job.output is not None and attempt in (None, job.attempt):
        return job
    found = shell.client.call(Log(job=str(job.id), attempt=attempt, limit=1))
    view = OutputView(path=found.path, bytes=found.size, files=found.files)
    return msgspec.structs.replace(job, attempt=attempt or job.attempt, output=view)
