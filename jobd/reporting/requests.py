"""The three requests that a program makes for a job of its own, as it sees them.

They are those of jobd-protocol(7); what the daemon answers to them stands in the commands of the same names, which load
more than a program should.
"""

from typing import ClassVar

import msgspec

from jobd.core.text import Lossless
from jobd.wire import Mutation


class Begun(msgspec.Struct, frozen=True):
    """The job that was begun."""

    id: int


class Begin(Mutation[Begun], frozen=True):
    """Begin a job that fails as lost when the process `watch` ends without a word."""

    method: ClassVar = "begin"

    name: str
    watch: int
    pid: int
    cwd: Lossless | None
    parent: str | None
    weight: float


class Progress(Mutation[object], frozen=True):
    """Report a line for a job."""

    method: ClassVar = "progress"

    job: str
    line: str


class End(Mutation[object], frozen=True):
    """End jobs with an exit status."""

    method: ClassVar = "end"

    jobs: tuple[str, ...]
    exit: int
