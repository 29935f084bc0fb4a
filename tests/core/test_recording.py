"""A line of the log says from which state to which it led, if it led anywhere, and costs no more than it must."""

import json
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from jobd.core import lifecycle, states
from jobd.core.errors import IllegalChange
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Entry
from jobd.core.model import Ending, Job, State
from jobd.core.recording import enter
from jobd.core.work.progress import Report
from tests.core.samples import AT, EVENTS, MAIN, SHIM, entry, job_in

CALLER = Actor(1000, 4242, "jobd")
CASES = [(event, before) for event, row in states.TABLE.items() for before in row]


@pytest.mark.parametrize(
    ("kind", "before"), CASES, ids=lambda case: getattr(case, "value", getattr(case, "__name__", ""))
)
def test_each_change_is_noted(kind: type[happened.Event], before: State | None) -> None:
    """As the table has it; what leaves the state alone is the very line that was made."""
    job, line = job_in(before) if before else None, entry(EVENTS[kind])
    entered, changed = enter(job, line)
    after = states.TABLE[kind][before]
    assert changed == lifecycle.fold(job, line)
    assert entered.event.from_state == (before if before is not after else None)
    assert entered.event.to_state == (after if before is not after else None)
    assert (entered is line) == (before is after)
    assert lifecycle.fold(job, entered) == changed


def test_what_cannot_happen_is_refused() -> None:
    """By the same table."""
    with pytest.raises(IllegalChange):
        enter(job_in(State.PENDING), entry(EVENTS[happened.Paused]))


def test_lines_written_before_states_were_noted() -> None:
    """They are read, and say nothing of states; a newer line reads well."""
    old = """{"seq":1,"at":"2026-03-01T12:00:01.123456Z","job":7,"event":{"type":"resumed","boottime":5},
        "by":{"uid":0,"pid":7}}"""
    line = msgspec.json.decode(old, type=Entry)
    assert (line.event.from_state, line.event.to_state, line.by) == (None, None, Actor(0, 7))
    entered, _ = enter(job_in(State.PAUSED), line)
    said = json.loads(msgspec.json.encode(entered))
    assert said["event"] == {"type": "resumed", "from": "paused", "to": "running", "boottime": 5}
    gone, _ = enter(job_in(State.FAILED), entry(happened.Removed()))
    assert json.loads(msgspec.json.encode(gone))["event"] == {"type": "removed", "from": "failed"}


def test_what_is_noted_beside_the_event_is_small() -> None:
    """In the life of a job with a hundred reports, who asked and the states add no more than 5 bytes to a line."""
    job: Job | None = None
    added, count = 0, 0

    def happen(*events: happened.Event, by: Actor | None = None) -> None:
        nonlocal job, added, count
        for event in events:
            count += 1
            line, job = enter(job, Entry(count, AT + timedelta(seconds=count), 7, event, by))
            added += len(msgspec.json.encode(line)) - len(msgspec.json.encode(replace(line, event=event, by=None)))

    happen(EVENTS[happened.Submitted], by=CALLER)
    happen(happened.Opened(number=1, boot="b" * 36, cookie="7.1.0123456789abcdef"))
    happen(happened.Started(main=MAIN, shim=SHIM, started_at=AT, boottime=10**12))
    happen(*[happened.Progressed(report=Report(done=3.0, total=100.0), elapsed=4.5, offset=40)] * 100)
    happen(happened.PauseAsked(), by=CALLER)
    happen(happened.Paused(boottime=10**12))
    happen(happened.Resumed(boottime=2 * 10**12), by=CALLER)
    happen(happened.Completed(ending=Ending(status=0, ended_at=AT, elapsed=200.0)))
    assert added / count < 5
