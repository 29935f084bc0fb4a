"""Interest: of which jobs, and of what; decided anew when a job may have changed."""

import pytest
from msgspec.structs import replace

from jobd.core.errors import BadValue
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Event
from jobd.core.events.happening import Severity
from jobd.core.model import Job, State
from jobd.core.subscriptions import interest, rooms
from jobd.core.subscriptions.interest import ALL, FREQUENT, RARE, Interest, Listening
from tests.core.samples import EVENTS, entry, job_in


def room(text: str) -> rooms.Room:
    """Make a room."""
    return rooms.parse(text, rooms.Known({}.get, lambda _: lambda _: False))


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
        assert {job_id for job_id in JOBS if wanted.holds(job_id, JOBS.get)} == held, wanted
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


def heard(wanted: Interest, jobs: dict[int, Job], *events: Event) -> list[str]:
    """Say what is heard of events of job 7."""
    listening = Listening(wanted, jobs.get)
    return [event.title() for event in events if listening.wants(entry(event))]


def test_all_is_heard_without_a_look_at_any_job() -> None:
    """Whoever wants everything costs nothing."""
    listening = Listening(ALL, lambda _: pytest.fail("a job was looked at"))
    assert all(listening.wants(entry(event)) for event in EVENTS.values())


def test_kinds_that_are_wanted() -> None:
    """Of the jobs that are meant only these."""
    wanted = Interest(None, (), interest.kinds(["failed"]))
    assert heard(wanted, {}, *EVENTS.values()) == ["failed"]
    assert heard(Interest((room("job:8"),)), {}, *EVENTS.values()) == []


def test_a_job_that_changes_is_looked_at_again() -> None:
    """But not for each report; and the event that takes it out of the room is the last that is heard there."""
    looks: list[int] = []
    jobs = {7: replace(job_in(State.RUNNING), group="a")}

    def find(job_id: int) -> Job | None:
        looks.append(job_id)
        return jobs.get(job_id)

    listening = Listening(Interest((room("group:a"),)), find)
    progressed, resumed = EVENTS[happened.Progressed], EVENTS[happened.Resumed]
    assert [listening.wants(entry(progressed)) for _ in range(5)] == [True] * 5
    assert len(looks) == 1
    jobs[7] = replace(jobs[7], group="b")
    assert listening.wants(entry(progressed))
    assert listening.wants(entry(resumed))
    assert not listening.wants(entry(progressed))
    assert not listening.wants(entry(resumed))
    assert len(looks) == 3


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many jobs there are."""
    monkeypatch.setattr(interest, "MOST_REMEMBERED", 10)
    listening = Listening(Interest((room("name:a"),)), JOBS.get)
    found = [job_id for job_id in range(1, 100) if listening.wants(entry(EVENTS[happened.Started], job=job_id))]
    assert found == [1]
