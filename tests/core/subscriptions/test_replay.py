"""Jobs as they were: folded from their beginning, or kept as they are where the log does not fit."""

import pytest
from msgspec.structs import replace

from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry, Event
from jobd.core.model import Job, State
from jobd.core.subscriptions.replay import Replay, after
from tests.core.samples import EVENTS, entry, job_in


def test_once_for_each_job() -> None:
    """It is asked once what a job was before the first entry about it, whichever of them somebody asks for."""
    asked: list[Entry] = []

    def find(first: Entry) -> Job | None:
        asked.append(first)
        return job_in(State.RUNNING, job_id=first.job)

    told: tuple[tuple[type[Event], int], ...] = (
        (happened.PauseAsked, 7), (happened.PauseAsked, 8), (happened.Paused, 7), (happened.Resumed, 7),
    )  # fmt: skip
    entries = [entry(EVENTS[kind], seq=seq, job=job) for seq, (kind, job) in enumerate(told, 1)]
    replay = Replay(entries, find)
    states = [[job and job.state for job in replay.versions(each)] for each in reversed(entries)]
    assert states == [
        [State.PAUSED, State.RUNNING], [State.PAUSING, State.PAUSED], [State.RUNNING, State.PAUSING],
        [State.RUNNING, State.PAUSING],
    ]  # fmt: skip
    assert [each.seq for each in asked] == [1, 2]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.title())
def test_what_does_not_fit_changes_nothing(state: State, event: Event) -> None:
    """Whatever a job is taken for and whatever happened to it, nothing breaks."""
    for job in (job_in(state), replace(job_in(state), attempts=(), numbered=0)):
        found = after(job, entry(event))
        assert found is None or found.id == job.id
    assert after(None, entry(event)) is None or isinstance(event, happened.Created)
