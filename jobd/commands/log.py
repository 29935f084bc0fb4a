"""jobd log: the whole output of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from jobd.core.errors import OutputNotFound
from jobd.core.events import Actor
from jobd.core.model import Count, Id
from jobd.core.text import Lossless, lossless
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.daemon.archive import Archive

LONGEST_CHUNK = 512 * 1024


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of output: what was read at `offset`, where the next piece begins, the size now, and whether it is final."""

    path: str
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
            path=str(path), data=lossless(data), offset=self.offset, next_offset=self.offset + len(data),
            size=path.stat().st_size, final=job.done,
        )  # fmt: skip
