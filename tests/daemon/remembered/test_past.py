"""What jobs were is known again: where they stood and what they were given, before and after all that happened."""

import asyncio
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from jobd.config import Paths
from jobd.core import filters
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry
from jobd.core.filters import Filter
from jobd.core.filters.fields import known
from jobd.core.filters.moving import STILL
from jobd.core.model import Job, Moment, State
from jobd.core.subscriptions.interest import Interest, Listening
from jobd.core.subscriptions.rooms import Known, parse
from jobd.daemon.remembered import past
from jobd.daemon.remembered.archive import Archive
from jobd.daemon.remembered.asking import asker
from jobd.daemon.system.clock import Clock
from jobd.daemon.telling.hub import MOST_AT_ONCE, Hub, Line
from tests.daemon.gating import gate
from tests.daemon.storing import ask, reading, write
from tests.daemon.test_audit import Playing
from tests.making import START, Maker

if TYPE_CHECKING:
    from jobd.core.subscriptions.replay import Versions

OPERATIONS = 4000
FILTERS = (
    "state = running", "state in (failed, canceled) OR attempts > 1", "NOT state = pending", "name = job-1*",
    "label.a is set AND ended is null", "reason = exit*", "signal = KILL", "priority > 0 begun = no", "exit_code = 1",
)  # fmt: skip


class Played:
    """A log of random operations: its lines as they were told when they happened, and those read anew."""

    def __init__(self, path: Path, seed: int) -> None:
        self.live: list[Line] = []
        self.old: list[Line] = []
        asyncio.run(self._play(path, seed))

    async def _play(self, path: Path, seed: int) -> None:
        async with gate(path) as engine:
            told: dict[int, Versions] = {}
            publish = engine.hub.publish

            def watched(entries: list[Entry]) -> None:
                told.update({entry.seq: engine.hub.versions[entry.seq] for entry in entries})
                self.live.extend(Line(entry, told[entry.seq]) for entry in entries)
                publish(entries)

            engine.hub.publish = watched  # type: ignore[method-assign]
            await Playing(engine, Random(seed)).play(OPERATIONS)  # noqa: S311 -- dice
            assert engine.hub.versions == {}
            anew = Hub(engine.archive)
            while len(self.old) < len(self.live):
                self.old += anew.since(len(self.old), MOST_AT_ONCE)
            for line in self.old:
                assert line.versions is not None


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Play once."""
    return Played(tmp_path_factory.mktemp("played"), 4)


def filtering(text: str) -> Filter:
    """Read a filter."""
    return filters.parse(text, asker(START))


def seen(job: Job | None, entry: Entry) -> dict[str, object] | None:
    """Look at all of a job that does not move by itself."""
    at = Moment(entry.at, 0, "")
    return None if job is None else {name: known(name).get(job, at) for name in STILL}


def test_as_it_was(played: Played) -> None:
    """A job that is folded anew is before and after each line of the log what it was then."""
    assert len(played.live) > OPERATIONS / 4
    for told, anew in zip(played.live, played.old, strict=True):
        assert told.entry == anew.entry
        for then, now in zip(told.versions, anew.versions, strict=True):
            assert seen(then, told.entry) == seen(now, told.entry), told.entry


@pytest.mark.parametrize("text", FILTERS)
def test_who_was_away_hears_the_same(played: Played, text: str) -> None:
    """From any place in the log on, whoever reads it later is told just what was told to those who were there."""
    room = parse(f"filter:{text}", Known({}.get, filtering))
    there = Listening(Interest((room,)), {}.get)
    heard = [there.wants(line) for line in played.live]
    for start in range(0, len(played.old), 97):
        away = Listening(Interest((room,)), {}.get)
        assert [away.wants(line) for line in played.old[start:]] == heard[start:], start


def test_what_is_frequent_moves_nothing_else(played: Played) -> None:
    """Fields that are said to stand still do, through all events that are frequent."""
    frequent = [line for line in played.live if line.entry.event.frequent]
    assert len({type(line.entry.event) for line in frequent}) >= 5
    for line in frequent:
        before, after = line.versions
        assert seen(before, line.entry) == seen(after, line.entry), line.entry


def test_one_that_was_removed(tmp_path: Path) -> None:
    """It is known as it was last, and before each of its lines as it was then."""
    maker, path = Maker(), tmp_path / "jobd.db"
    write(path, maker.run(1, "bad", status=256), maker.run(2))
    write(path, maker.happen(1, happened.Removed()))
    with reading(path) as reader:
        archive = Archive(reader, Clock(), Paths(tmp_path))
        last = archive.recall(1)
        assert last is not None
        assert (last.state, last.reason, last.ended_at is None) == (State.FAILED, "exit:1", False)
        before = [archive.before(entry) for entry in archive.entries(0, 100, job=1)]
        states = [job and job.state for job in before]
        assert states == [None, State.PENDING, State.PENDING, State.RUNNING, State.FAILED]
        assert archive.recall(3) is None


def test_what_is_not_kept_is_as_it_is_now(tmp_path: Path) -> None:
    """If retention has removed its beginning, or if there is too much of it."""
    maker, path = Maker(), tmp_path / "jobd.db"
    write(path, maker.run(1, "old"))
    with reading(path) as reader:
        archive = Archive(reader, Clock(), Paths(tmp_path))
        last = archive.entries(0, 100, job=1)[-1]
        assert past.before(reader, last) == archive.before(last)
        ask(path, "DELETE FROM events WHERE seq < 3")
        assert past.before(reader, last) is None
        assert archive.before(last) == archive.job(1)


def test_too_much_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of what is read is no answer for what comes later."""
    maker, path = Maker(), tmp_path / "jobd.db"
    write(path, maker.run(1))
    monkeypatch.setattr(past, "MOST_REPLAYED", 3)
    with reading(path) as reader:
        first, second, third, fourth = reader.entries(0, 100, 1)
        assert [past.before(reader, entry) is None for entry in (first, second, third)] == [True, False, False]
        assert past.before(reader, fourth) is None
