"""What was said: the lines of a report file as the daemon reads them, and the jobs of a name."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobd.core.work import progress
from jobd.core.work.progress_record import Progress
from tests.commands.running import House
from tests.waiting import until


class Said:
    """A report file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lines(self) -> list[str]:
        """The lines so far."""
        return self.path.read_text().splitlines()

    @property
    def progress(self) -> Progress:
        """What all of them amount to."""
        return self.reached(self.lines)

    def reached(self, lines: list[str]) -> Progress:
        """Say what some lines amount to; each must be one that the daemon takes."""
        reached = Progress()
        for count, line in enumerate(lines):
            reached = progress.advance(reached, progress.parse(line.encode()), 1, float(count), datetime.now(UTC))
        return reached

    @property
    def fraction(self) -> float | None:
        """How far it is."""
        return self.progress.fraction


def ended(house: House, name: str) -> dict[str, Any]:
    """Wait for the end of the only job of a name."""

    def look() -> Any:
        found = [job for job in house.daemon.call("list", limit=1000) if job["name"] == name]
        assert len(found) == 1, found
        return found[0]["done"] and found[0]

    job: dict[str, Any] = until(look, what=f"the end of {name}")
    return job


def words() -> Iterator[str]:
    """Give two words, and fail."""
    yield from ("a", "b")
    raise OSError("the disk\nis gone")
