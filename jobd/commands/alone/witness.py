"""What a daemon would do for a job while it runs, done by the client that runs it: hear it, and keep its promises."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from jobd.core import clocks, lifecycle, staleness
from jobd.core.events import catalogue as happened
from jobd.core.promises import Silence
from jobd.daemon.attempts import output
from jobd.daemon.report_file import ReportFile
from jobd.daemon.reported import Reported

if TYPE_CHECKING:
    from jobd.core.model import Job, Moment
    from jobd.core.work.items import Item
    from jobd.daemon.system.clock import Clock


class Witness:
    """Take in what a job says that no database knows of. Raises OSError if its report file cannot be opened."""

    def __init__(self, job: "Job", path: Path, clock: "Clock") -> None:
        self.job = job
        self._path = path
        self._clock = clock
        self._reports = ReportFile((0, 1), path / "report", 0)
        self._items: dict[str, Item] = {}
        self._silence = Silence(time.monotonic())
        self._size = 0

    def known(self, job: "Job") -> "dict[str, Item]":
        """Give the items that were told of."""
        return self._items

    def look(self, *, last: bool = False) -> bool:
        """Take in what is new, at the end also a line without its own; whether the job is another than before."""
        before, now = self.job, self._clock.now()
        while (reading := self._reports.read(last=last)) is not None:
            said = Reported(self.job, self, now, clocks.worked(self.job, now))
            self.take(said.read(reading.lines, reading.offset), now)
            self._reports.accept(reading)
            self._hear()
        if not last:
            self._listen(now)
        return self.job is not before

    def take(self, events: "list[happened.Event]", now: "Moment") -> None:
        """Let events happen to the record."""
        for event in events:
            self.job = lifecycle.fold(self.job, happened.Entry(1, now.wall, self.job.id, event)) or self.job

    def _listen(self, now: "Moment") -> None:
        """Say whether the job is stale; output is as good as a report."""
        if staleness.limit(self.job) is None:
            return
        size, _ = output.growth(self._path)
        if size != self._size:
            self._size = size
            self._hear()
        self.take(staleness.silent(self.job, self._silence.lasted(time.monotonic()), now), now)

    def _hear(self) -> None:
        now = self._clock.now()
        self._silence = self._silence.broken(time.monotonic() + clocks.limit_left(self.job, now))
        self.take(staleness.heard(self.job), now)
