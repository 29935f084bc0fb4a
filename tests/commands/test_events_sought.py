"""What is sought in a long log is found, however little of it is looked through at a time."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.commands import _log, _seeking, events
from jobd.commands.events import Events
from jobd.config import Paths
from jobd.core.errors import BadValue, JobNotFound, NoLongerKept, NotYetHappened
from jobd.core.events.catalogue import Actor, Entry
from jobd.core.events.happening import Severity
from jobd.daemon.remembered.archive import Archive
from jobd.daemon.system.clock import Clock
from tests.daemon.storing import ask, reading, write
from tests.making import Maker

ME = Actor(1000, 1)
JOBS = 12


class Reading:
    """A client without a daemon."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def call(self, request: Events) -> tuple[Entry, ...]:
        """Answer."""
        return request.answer(self.archive, ME)


class Written:
    """A log that was written, and all its entries in their order."""

    def __init__(self, state: Path, entries: list[Entry]) -> None:
        self.paths = Paths(state)
        self.entries = entries


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Write a log of a dozen jobs whose events are mixed; the first job is removed."""
    path, maker, chance = tmp_path_factory.mktemp("log"), Maker(), Random(3)  # noqa: S311 -- not a secret
    changes: list[Any] = []
    for job_id in range(1, JOBS + 1):
        group = chance.choice(("default", "video"))
        changes += [maker.submit(job_id, f"{chance.choice('ab')}{job_id}", group=group), maker.start(job_id)]
        for _ in range(chance.randint(0, 8)):
            running = [job.id for job in maker.jobs.values() if job.started_at and not job.done]
            changes.append(maker.progress(chance.choice(running)))
        if chance.random() < 0.7:
            changes.append(maker.end(job_id, status=chance.choice((0, 256))))
    ended = next(job for job in maker.jobs.values() if job.done)
    changes.append(maker.happen(ended.id, *[events.leaves()[-1]()]))
    write(Paths(path).database, *changes)
    return Written(path, [entry for _, several in changes for entry in several])


@pytest.fixture
def client(written: Written) -> Iterator[Reading]:
    """Open it as a command does when no daemon runs."""
    with reading(written.paths.database) as reader:
        yield Reading(Archive(reader, Clock(), written.paths))


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "rooms": st.lists(
            st.sampled_from(["job:2", "job:9", "name:a*", "group:video", "user:1000", "all"]), max_size=2
        ),
        "name": st.sampled_from(["b*", "?3", "nobody"]),
        "group": st.sampled_from(["default", "video"]),
        "job": st.integers(1, JOBS),
        "types": st.lists(st.sampled_from(["failed", "progressed", "submitted", "removed"]), max_size=2),
        "severity": st.sampled_from(list(Severity)),
        "since_seq": st.integers(0, 40),
        "limit": st.sampled_from([1, 3, 10, 1000]),
    },
)


def wanted(entries: list[Entry], asked: dict[str, Any]) -> list[Entry]:
    """Seek as a child would: look at each line."""
    named = {entry.job: entry.event for entry in entries if hasattr(entry.event, "name")}
    rooms = {
        "job:2": lambda job: job == 2,
        "job:9": lambda job: job == 9,
        "name:a*": lambda job: named[job].name.startswith("a"),
        "group:video": lambda job: named[job].group == "video",
        "user:1000": lambda job: named[job].origin.uid == 1000,
        "all": lambda _: True,
    }
    names = {"b*": lambda name: name.startswith("b"), "?3": lambda name: name[1:] == "3", "nobody": lambda _: False}
    found = [
        entry
        for entry in entries
        if entry.seq > asked.get("since_seq", 0)
        and (not asked.get("rooms") or any(rooms[text](entry.job) for text in asked["rooms"]))
        and ("name" not in asked or names[asked["name"]](named[entry.job].name))
        and asked.get("group") in (None, named[entry.job].group)
        and asked.get("job") in (None, entry.job)
        and (not asked.get("types") or entry.event.title() in asked["types"])
        and list(Severity).index(entry.event.severity) >= list(Severity).index(asked.get("severity", Severity.LOW))
        and not (entry.event.frequent and single(asked) and not asked.get("types"))
    ]
    limit = asked.get("limit", 100)
    return found[:limit] if "since_seq" in asked else found[-limit:]


def single(asked: dict[str, Any]) -> bool:
    """Whether one job is named and nothing else: then frequent events are left out."""
    named = [*asked.get("rooms", ()), *(key for key in ("name", "group", "job") if key in asked)]
    return len(named) == 1 and named[0].startswith("job")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=CONDITIONS, most=st.sampled_from([1, 7, 10_000]), piece=st.sampled_from([2, 1000]))
def test_whatever_is_sought(client: Reading, written: Written, asked: dict[str, Any], most: int, piece: int) -> None:
    """By any conditions, from a number on or the latest: what is found is what looking at each line finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_log, "MOST_LOOKED_AT", most)
        patch.setattr(_seeking, "MOST_LOOKED_AT", most)
        patch.setattr(_log, "PIECE", piece)
        request = Events(**{name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()})
        found = _seeking.sought(client, request, request.limit)  # type: ignore[arg-type]
    assert list(found) == wanted(written.entries, asked)


def test_of_one_job_each_once(client: Reading, written: Written) -> None:
    """However long the log is: what is rare of it is found by its number, and told once and in order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_seeking, "MOST_LOOKED_AT", 7)
        patch.setattr(_seeking, "MOST_SHOWN", 3)
        for job in {entry.job for entry in written.entries}:
            rare = [entry for entry in written.entries if entry.job == job and not entry.event.frequent]
            for limit, found in ((None, rare), (2, rare[:2]), (100, rare)):
                for asked in (Events(job=job, since_seq=0), Events(rooms=(f"job:{job}",), since_seq=0)):
                    assert list(_seeking.sought(client, asked, limit)) == found  # type: ignore[arg-type]
            latest = Events(job=job)
            assert list(_seeking.sought(client, latest, 2)) == rare[-2:]  # type: ignore[arg-type]


def test_times(client: Reading, written: Written) -> None:
    """From a time on, up to a time, and between two; the first of them, and without a beginning the last."""
    entries = written.entries
    middle, last = entries[len(entries) // 2], entries[-1]
    cases: list[tuple[dict[str, Any], list[Entry]]] = [
        ({"since": middle.at}, entries[middle.seq - 1 :]),
        ({"since": middle.at, "limit": 2}, entries[middle.seq - 1 : middle.seq + 1]),
        ({"until": middle.at}, entries[: middle.seq - 1]),
        ({"until": middle.at, "limit": 2}, entries[middle.seq - 3 : middle.seq - 1]),
        ({"since": entries[3].at, "until": entries[6].at}, entries[3:6]),
        ({"since": middle.at, "since_seq": middle.seq + 2}, entries[middle.seq + 2 :]),
        ({"since": last.at.replace(year=2030)}, []),
        ({"until": entries[0].at}, []),
    ]
    for asked, found in cases:
        for limit in {asked.get("limit", 100), asked.get("limit")}:
            assert list(_seeking.sought(client, Events(**asked), limit)) == found, asked  # type: ignore[arg-type]
        narrow = Events(**asked, severity=Severity.LOW)
        assert list(_seeking.sought(client, narrow, asked.get("limit", 100))) == found, asked  # type: ignore[arg-type]


def test_what_is_refused(client: Reading, written: Written) -> None:
    """Numbers that the log has not, jobs that never were, and words that mean nothing."""
    last = len(written.entries)
    assert client.call(Events(since_seq=last)) == ()
    refused: list[tuple[dict[str, Any], Any]] = [
        ({"since_seq": last + 1}, NotYetHappened(seq=last + 1, newest=last)),
        ({"rooms": ("job:99",)}, JobNotFound(job=99, newest=JOBS)),
        ({"rooms": ("tree:99",)}, JobNotFound(job=99, newest=JOBS)),
        ({"job": 99}, JobNotFound(job=99, newest=JOBS)),
    ]
    for asked, error in refused:
        with pytest.raises(type(error)) as raised:
            client.call(Events(**asked))
        assert raised.value == error
    for asked in ({"rooms": ("job:x",)}, {"types": ("fail",)}, {"user": "nobody-at-all"}):
        with pytest.raises(BadValue):
            client.call(Events(**asked))  # type: ignore[arg-type]


def test_a_log_without_its_beginning(tmp_path: Path) -> None:
    """After a number that is no longer kept there is a gap, which is refused; 0 is the oldest that there is."""
    maker = Maker()
    write(Paths(tmp_path).database, *(maker.submit(job_id) for job_id in range(1, 21)))
    ask(Paths(tmp_path).database, "DELETE FROM events WHERE seq <= 10")
    with reading(Paths(tmp_path).database) as reader:
        client = Reading(Archive(reader, Clock(), Paths(tmp_path)))
        with pytest.raises(NoLongerKept) as refused:
            client.call(Events(since_seq=9))
        assert refused.value == NoLongerKept(seq=9, oldest=11)
        for since_seq in (0, 10):
            assert [entry.seq for entry in client.call(Events(since_seq=since_seq))] == list(range(11, 21))
        assert [entry.seq for entry in client.call(Events(limit=3))] == [18, 19, 20]
        narrow = Events(types=("submitted",), since_seq=0, limit=2)
        assert [entry.seq for entry in _seeking.sought(client, narrow, narrow.limit)] == [11, 12]  # type: ignore[arg-type]
        assert client.call(Events(until=maker.at.replace(year=2001))) == ()


def test_an_empty_log(tmp_path: Path) -> None:
    """Nothing is found, and nothing breaks."""
    write(Paths(tmp_path).database)
    with reading(Paths(tmp_path).database) as reader:
        client = Reading(Archive(reader, Clock(), Paths(tmp_path)))
        for asked in (Events(), Events(since_seq=0), Events(types=("failed",)), Events(since_seq=0, name="x")):
            assert list(_seeking.sought(client, asked, 100)) == []  # type: ignore[arg-type]
