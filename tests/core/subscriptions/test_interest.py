"""Interest: of which jobs, and of what; decided by the job as each event found and left it."""

import sys
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from jobd.core import recording
from jobd.core.errors import BadValue
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry, Event
from jobd.core.events.happening import Severity
from jobd.core.filters import Asker, parse
from jobd.core.model import Job, Moment, State
from jobd.core.subscriptions import interest, rooms
from jobd.core.subscriptions.interest import ALL, FREQUENT, RARE, Interest, Listening
from jobd.core.subscriptions.replay import Versions
from jobd.core.subscriptions.rooms import Sight
from jobd.core.work.progress import Report
from jobd.core.work.progress_record import Progress
from tests.core.samples import AT, EVENTS, entry, job_in


def room(text: str) -> rooms.Room:
    """Make a room."""
    return rooms.parse(text, rooms.Known({}.get, lambda text: parse(text, Asker(AT, lambda naive: naive))))


NOW = Moment(AT, 0, "")
NOBODY = (None, None)
JOBS = {number: replace(job_in(State.RUNNING, job_id=number), name=name) for number, name in enumerate("abc", 1)}


def test_rooms_add_up_and_conditions_narrow_down() -> None:
    """In any of the rooms, and in every one of the others; no room is none, and None is all."""
    cases = {
        ALL: {1, 2, 3},
        Interest(()): set(),
        Interest((room("name:a"), room("job:2"))): {1, 2},
        Interest(None, (room("name:a"),)): {1},
        Interest((room("name:a"), room("name:b")), (room("job:2"), room("group:default"))): {2},
        Interest((room("job:1"), room("all"))): {1, 2, 3},
        interest.jobs([1, 3]): {1, 3},
    }
    for wanted, held in cases.items():
        assert {job_id for job_id in JOBS if wanted.holds(job_id, Sight(JOBS.get, NOW))} == held, wanted
    assert [wanted.everything for wanted in cases] == [True, False, False, False, False, True, False]
    assert interest.jobs([]) == Interest(())


def test_kinds_by_name_and_severity() -> None:
    """Those named, those at least so severe, or both; a name that is none is refused."""
    assert interest.kinds() == FREQUENT | RARE
    assert interest.kinds(["failed", "started"]) == {happened.Failed, happened.Started}
    assert interest.kinds(["failed", "started"], Severity.MEDIUM) == {happened.Failed}
    assert interest.kinds(severity=Severity.LOW) == FREQUENT | RARE
    assert interest.kinds(severity=Severity.HIGH) == {happened.Failed, happened.Stale, happened.CancelStalled}
    assert interest.kinds(severity=Severity.CRITICAL) == set()
    with pytest.raises(BadValue, match="no event is called 'fail'"):
        interest.kinds(["fail", "failed"])


class Told(NamedTuple):
    """A line of the log."""

    entry: Entry
    versions: Versions


def told(job: Job, *events: Event) -> list[Told]:
    """Let events happen to a job, and give the lines of the log."""
    lines = []
    for event in events:
        line, now = recording.enter(job, entry(event, job=job.id))
        lines.append(Told(line, (job, now)))
        job = now or job
    return lines


def heard(wanted: Interest, lines: Iterable[Told]) -> list[str]:
    """Name the events that are heard by one who listens to all of them."""
    listening = Listening(wanted, {}.get)
    return [line.entry.event.title() for line in lines if listening.wants(line)]


def test_all_is_heard_without_a_look_at_any_job() -> None:
    """Whoever wants everything, or jobs by their numbers, costs nothing."""
    for wanted in (ALL, interest.jobs([7, 9])):
        listening = Listening(wanted, lambda _: pytest.fail("a job was looked at"))
        assert all(listening.wants(Told(entry(event), NOBODY)) for event in EVENTS.values())


def test_kinds_that_are_wanted() -> None:
    """Of the jobs that are meant only these."""
    lines = [Told(entry(event), NOBODY) for event in EVENTS.values()]
    assert heard(Interest(None, (), interest.kinds(["failed"])), lines) == ["failed"]
    assert heard(Interest((room("job:8"),)), lines) == []


LIFE = told(
    replace(job_in(State.PENDING, job_id=7), progress=Progress()),
    *(EVENTS[kind] for kind in (happened.Opened, happened.Started, happened.Progressed, happened.PauseAsked)),
    *(EVENTS[kind] for kind in (happened.Paused, happened.Resumed, happened.Progressed, happened.Failed)),
)
HEARD = {
    "filter:state = running": "started progressed pause_asked resumed progressed failed",
    "filter:state = paused": "paused resumed",
    "filter:state = failed": "failed",
    "filter:NOT state = pending": "started progressed pause_asked paused resumed progressed failed",
    "filter:progress > 0%": "progressed pause_asked paused resumed progressed failed",
    "filter:progress > 0% state = running": "progressed pause_asked resumed progressed failed",
    "filter:state = canceled": "",
    "name:encode": "opened started progressed pause_asked paused resumed progressed failed",
}


@pytest.mark.parametrize("text", HEARD)
def test_what_happens_in_a_room(text: str) -> None:
    """All that finds the job there or brings it there; the event that takes it out is the last that is heard."""
    assert " ".join(heard(Interest((room(text),)), LIFE)) == HEARD[text]


@pytest.mark.parametrize("text", HEARD)
@pytest.mark.parametrize("missed", range(len(LIFE)))
def test_whoever_comes_later_hears_the_same(text: str, missed: int) -> None:
    """Where one begins to listen makes no difference to what is heard from there on."""
    listening = Listening(Interest((room(text),)), {}.get)
    whole = [listening.wants(line) for line in LIFE]
    later = Listening(Interest((room(text),)), {}.get)
    assert [later.wants(line) for line in LIFE[missed:]] == whole[missed:]


def test_time_is_that_of_the_event() -> None:
    """What a job has run for is counted to when something happened, not to when that is told."""
    job = job_in(State.RUNNING)
    assert job.attempts[0].started_at == AT
    lines = [
        Told(entry(EVENTS[happened.Progressed], seq=seconds, job=job.id), (job, job)) for seconds in (1, 4, 6, 300)
    ]
    listening = Listening(Interest((room("filter:duration between 5s and 1m"),)), {}.get)
    assert [listening.wants(line) for line in lines] == [False, False, True, False]


def test_what_was_heard_of_a_job_is_remembered() -> None:
    """Those who look back know nothing of its reports; whoever heard them knows when it leaves a room for them."""
    half = happened.Progressed(report=Report(fraction=0.5), elapsed=1.0)
    heard_of, forgotten = told(job_in(State.RUNNING), half), told(job_in(State.RUNNING), EVENTS[happened.Failed])
    listening = Listening(Interest((room("filter:progress >= 50% state = running"),)), JOBS.get)
    assert [listening.wants(line) for line in (*heard_of, *forgotten)] == [True, True]
    assert not Listening(Interest((room("filter:progress >= 50%"),)), JOBS.get).wants(forgotten[0])


def test_a_job_is_looked_at_once() -> None:
    """What was found of it holds as long as it is the same, and through all that is frequent."""
    looks: list[Job] = []

    class Watched(NamedTuple):
        moves: bool = False

        def matches(self, job: Job, _: Moment) -> bool:
            looks.append(job)
            return True

    listening = Listening(Interest((rooms.parse("filter:x", rooms.Known({}.get, lambda _: Watched())),)), {}.get)
    job = job_in(State.RUNNING)
    lines = told(job, *[EVENTS[happened.Progressed]] * 50, EVENTS[happened.PauseAsked], EVENTS[happened.Paused])
    assert all(listening.wants(line) for line in lines)
    assert len(looks) == 3


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many jobs there are."""
    monkeypatch.setattr(interest, "MOST_REMEMBERED", 10)
    listening = Listening(Interest((room("name:a"),)), JOBS.get)
    jobs = [JOBS.get(number) for number in range(1, 100)]
    lines = [Told(entry(EVENTS[happened.Started], job=at), (job, job)) for at, job in enumerate(jobs, 1)]
    assert [line.entry.job for line in lines if listening.wants(line)] == [1]


def test_of_jobs_that_are_over_nothing_is_kept() -> None:
    """Their records would stay in memory for as long as somebody listens."""
    job = replace(job_in(State.RUNNING), name="a")
    lines = told(job, EVENTS[happened.Progressed], EVENTS[happened.Completed])
    versions = [version for line in lines for version in line.versions if version]
    listening = Listening(Interest((room("name:a"),)), JOBS.get)
    before = list(map(sys.getrefcount, versions))
    assert all(listening.wants(line) for line in lines)
    assert list(map(sys.getrefcount, versions)) == before
