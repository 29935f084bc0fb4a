"""What waits to be said is gathered, and survives that nobody takes it for a while."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import jobd
from jobd.reporting import lines, outbox
from jobd.reporting.channels import ReportFile
from jobd.reporting.courier import Courier
from jobd.reporting.outbox import Outbox


class Stubborn:
    """Takes so many lines of each delivery, as a daemon does that goes away in the middle."""

    immediate = False

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.said: list[str] = []

    def send(self, lines: Sequence[str]) -> int:
        """Take some."""
        self.said += lines[: self.takes]
        return min(self.takes, len(lines))

    def end(self, status: int) -> bool:
        """End at once."""
        return True


class Meanwhile(Stubborn):
    """Takes lines so slowly that the program goes on and ends before it is done with them."""

    def __init__(self) -> None:
        super().__init__(9)
        self.goes_on: Callable[[], None] = lambda: None

    def send(self, lines: Sequence[str]) -> int:
        """Let the program go on, once."""
        done = super().send(lines)
        goes_on, self.goes_on = self.goes_on, lambda: None
        goes_on()
        return done

    def end(self, status: int) -> bool:
        """Say so."""
        self.said.append(f"end {status}")
        return True


class Idle(Courier):
    """Comes only when the test calls."""

    def _start(self) -> None:
        """Start nothing."""


def test_the_last_numbers_are_kept() -> None:
    """Of numbers that nobody takes the last remain, with the words and the unit that came before them."""
    channel = Stubborn(0)
    box = Outbox(channel, Idle())
    box.begin_count(10, "files")
    box.advance(1, "one")
    assert box.deliver()
    box.advance(1, None)
    assert box.deliver()
    channel.takes = 9
    assert not box.deliver()
    assert channel.said == ['{"done":2,"total":10,"unit":"files","message":"one"}']


def test_stages_are_not_mixed() -> None:
    """What was counted before a stage is said before it, though it had to wait."""
    channel = Stubborn(0)
    box = Outbox(channel, Idle())
    box.begin_count(10, None)
    box.advance(7, None)
    box.deliver()
    box.begin_stage("stage two")
    box.begin_count(4, None)
    box.deliver()
    box.advance(1, None)
    channel.takes = 9
    box.deliver()
    assert channel.said == ["7/10", "stage two", "1/4"]


def test_a_delivery_stops_in_the_middle() -> None:
    """What was taken is not said again, the rest follows in its order."""
    channel = Stubborn(2)
    box = Outbox(channel, Idle())
    for stage in "abcde":
        box.begin_stage(f"stage {stage}")
    while box.deliver():
        assert len(channel.said) <= 5
    assert channel.said == [f"stage {stage}" for stage in "abcde"]


def test_what_is_said_last_goes_before_the_end() -> None:
    """A program that counts on and ends while its words before are being taken ends with its last number."""
    channel = Meanwhile()
    box = Outbox(channel, Idle())

    def goes_on() -> None:
        box.advance(1, None)
        box.finish(0)

    box.begin_count(2, None)
    box.advance(1, None)
    channel.goes_on = goes_on
    while box.deliver():
        assert len(channel.said) < 3
    assert channel.said == ["1/2", "2/2", "end 0"]


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody takes anything for long, the newest is kept."""
    monkeypatch.setattr(outbox, "MOST_WAITING", 10)
    monkeypatch.setattr(outbox, "MOST_KEPT", 20)
    channel = Stubborn(0)
    box = Outbox(channel, Idle())
    for number in range(100):
        box.say(lines.note(number))
    channel.takes = 99
    box.deliver()
    assert channel.said == [lines.note(number) for number in range(80, 100)]


def test_a_full_disk(tmp_path: Path) -> None:
    """A line that could not be written is written when there is room, once and whole."""
    full = ReportFile("/dev/full")
    assert full.send(["1/2"]) == 1
    assert full.send(["2/2"]) == 0
    report = tmp_path / "report"
    report.touch()
    channel = ReportFile(str(report))
    assert [channel.send(["1/2", "beat"]), channel.send([]), channel.send(["2/2"])] == [2, 0, 1]
    assert report.read_text() == "1/2\nbeat\n2/2\n"


def test_nan_begins_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A total that is no number is refused before anything is said."""
    report = tmp_path / "report"
    report.touch()
    monkeypatch.setenv("JOBD_REPORT", str(report))
    with pytest.raises(ValueError, match="NaN"):
        jobd.track([1], total=float("nan"))
    with pytest.raises(ValueError, match="NaN"), jobd.job("unused", total=float("nan")):
        pass
    assert report.read_text() == ""
