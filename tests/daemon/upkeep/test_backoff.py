"""Jobs that fail are run again when they are due: by the daemon that saw it, by a later one, or earlier by request."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobd.core.events import catalogue as happened
from jobd.core.model import Moment, Origin, Spec, State
from jobd.core.retries import Retries
from jobd.daemon.upkeep import backoff
from jobd.daemon.upkeep.backoff import Backoff
from tests.daemon.working import Works, working
from tests.living import Living
from tests.waiting import until

#: A job that leaves a trace of each attempt and fails but for the attempt it is told.
COUNT = 'echo "$JOBD_ATTEMPT" >> ran; [ "$JOBD_ATTEMPT" = {good} ]'


@pytest.fixture
def living(state_dir: Path) -> Iterator[Living]:
    """Give a daemon with one slot."""
    daemon = Living(state_dir)
    daemon.start({"JOBD_JOBS_SLOTS": "1"})
    yield daemon
    daemon.kill()


def submit(living: Living, script: str, **params: Any) -> int:
    """Submit a script that works in the state directory."""
    job_id: int = living.submit("sh", "-c", script, cwd=str(living.state), **params)["id"]
    return job_id


def rests(living: Living, job_id: int, attempt: int = 1) -> dict[str, Any]:
    """Wait until a job has failed and waits for its next attempt, and give it."""
    until(
        lambda: (living.job(job_id)["reason"], living.job(job_id)["attempt"]) == ("backoff", attempt),
        what=f"job {job_id} waits after attempt {attempt}",
    )
    return living.job(job_id)


def kinds(living: Living, job_id: int) -> list[str]:
    """List what happened to a job, but for its measurements."""
    types = [entry["event"]["type"] for entry in living.entries() if entry["job"] == job_id]
    return [kind for kind in types if kind != "measured"]


def times(living: Living, job_id: int, kind: str) -> list[datetime]:
    """Say when something happened to a job."""
    found = [entry for entry in living.entries() if (entry["job"], entry["event"]["type"]) == (job_id, kind)]
    return [datetime.fromisoformat(entry["at"]) for entry in found]


def test_until_it_is_well(living: Living) -> None:
    """Each attempt in its turn, after a pause that doubles; nobody else waits for it, and nothing is left of it."""
    job_id = submit(living, COUNT.format(good=3), retries={"most": 5, "delay": 0.3})
    assert living.ended(submit(living, "true"))["state"] == "completed"
    job = living.ended(job_id)
    assert (job["state"], job["attempt"], job["retried"]) == ("completed", 3, 2)
    assert [attempt["exit_code"] for attempt in job["attempts"]] == [1, 1, 0]
    assert (living.state / "ran").read_text().split() == ["1", "2", "3"]
    ended = [datetime.fromisoformat(attempt["ended_at"]) for attempt in job["attempts"][:2]]
    asked = times(living, job_id, "retried")
    assert all(due - end >= timedelta(seconds=pause) for end, due, pause in zip(ended, asked, (0.3, 0.6), strict=True))
    assert list((living.state / "run").iterdir()) == []
    assert not [entry for entry in living.entries() if entry["event"]["type"] == "retried" and entry.get("by")]


def test_not_for_ever(living: Living) -> None:
    """After the last retry it has failed; asked for by somebody, it begins to count anew."""
    job_id = submit(living, COUNT.format(good=9), retries={"most": 1, "delay": 0.0})
    assert living.ended(job_id)["attempt"] == 2
    started = ["opened", "started"]
    assert kinds(living, job_id) == ["submitted", *started, "attempt_failed", "retried", *started, "failed"]
    living.call("retry", jobs=[str(job_id)])
    until(lambda: living.job(job_id)["attempt"] == 4 and living.job(job_id)["done"])
    assert living.job(job_id)["retried"] == 1


def test_across_the_death_of_the_daemon(living: Living) -> None:
    """When it is due stands in the record: the next daemon waits for the rest, or not at all if it comes too late."""
    soon = submit(living, COUNT.format(good=2), retries={"most": 1, "delay": 1.0})
    late = submit(living, "[ $JOBD_ATTEMPT = 2 ]", retries={"most": 1, "delay": 3600.0})
    due = {job_id: rests(living, job_id)["not_before"] for job_id in (soon, late)}
    living.kill()
    living.start()
    assert living.job(late)["not_before"] == due[late]
    assert living.ended(soon)["state"] == "completed"
    assert times(living, soon, "retried")[0] >= datetime.fromisoformat(due[soon])
    assert living.job(late)["reason"] == "backoff"
    living.stop()
    living.start()
    assert (living.job(late)["reason"], living.job(late)["not_before"]) == ("backoff", due[late])


def test_an_attempt_that_fails_while_no_daemon_is_there(living: Living) -> None:
    """The next one records it, and the pause counts from the end that the shim saw."""
    job_id = submit(living, "until [ -e gate ]; do sleep 0.02; done; [ $JOBD_ATTEMPT = 2 ]", retries={"most": 1})
    until(lambda: living.job(job_id)["state"] == "running")
    living.kill()
    (living.state / "gate").touch()
    until((living.state / "run" / f"{job_id}.1" / "exit").exists, what="the end of the job")
    living.start()
    job = rests(living, job_id)
    ended = datetime.fromisoformat(job["attempts"][0]["ended_at"])
    assert datetime.fromisoformat(job["not_before"]) - ended == timedelta(seconds=10)


def test_somebody_does_not_want_to_wait(living: Living) -> None:
    """A retry runs it at once, once; a cancel ends it, and it is not run again."""
    first, second = (
        submit(living, "[ $JOBD_ATTEMPT = 2 ]", retries={"most": 3, "delay": 3600.0}, name=name) for name in "ab"
    )
    rests(living, first)
    rests(living, second)
    assert living.call("retry", jobs=[str(first)])[0]["not_before"] is None
    assert (living.ended(first)["state"], living.ended(first)["attempt"]) == ("completed", 2)
    living.call("cancel", jobs=[str(second)], reason="enough")
    job = living.ended(second)
    assert (job["state"], job["reason"], job["not_before"], job["attempt"]) == ("canceled", "enough", None, 1)


def test_a_stale_job_is_ended_and_run_again(living: Living) -> None:
    """Its whole tree; then it has failed as stale."""
    promise = {"stale_after": 0.2, "on_stale": "retry"}
    script = 'echo "$JOBD_ATTEMPT" >> ran; sleep 600 & wait'
    job = living.ended(submit(living, script, heartbeat=promise, retries={"most": 1, "delay": 0.1}, grace=0.2))
    assert (job["state"], job["reason"], job["attempt"]) == ("failed", "stale", 2)
    assert [attempt["reason"] for attempt in job["attempts"]] == ["stale", "stale"]
    assert (living.state / "ran").read_text().split() == ["1", "2"]
    ends = ["stale", "cancel_asked"]
    again = ["attempt_failed", "retried", "opened", "started"]
    assert kinds(living, job["id"]) == ["submitted", "opened", "started", *ends, *again, *ends, "failed"]


# ---- in the loop of the test


def in_the_loop(state: Path, scene: Callable[[Works], Awaitable[None]]) -> None:
    """Play a scene with all parts of a daemon."""

    async def play() -> None:
        async with working(state) as works:
            waiting = Backoff(works.engine)
            waiting.start()
            works.orders.close()
            await scene(works)
            waiting.close()

    asyncio.run(play())


def fail(works: Works, delay: float) -> int:
    """Bring a job into being that has failed, and is due after so many seconds."""
    spec = Spec(argv=("false",), cwd="/")
    event = happened.Submitted(name="x", origin=Origin(uid=0, pid=1), spec=spec, retries=Retries(most=9, delay=delay))
    job = works.engine.create(event)
    opened = happened.Opened(number=1, boot="b", cookie="c")
    works.engine.record(job, [opened, happened.AttemptFailed(reason="exit:1", pause=delay)])
    return job.id


def test_each_in_its_turn(state_dir: Path) -> None:
    """Many that wait need one timer, and each is put back into the queue when it is due."""

    async def scene(works: Works) -> None:
        late, soon, never = (fail(works, delay) for delay in (0.4, 0.1, 3600.0))
        order: list[int] = []
        works.engine.observers.append(
            lambda batch: order.extend(e.job for e in batch.entries if isinstance(e.event, happened.Retried))
        )
        await works.until(lambda: len(order) == 2)
        assert order == [soon, late]
        assert works.job(never).backs_off
        assert len(works.engine.queue) == 2

    in_the_loop(state_dir, scene)


def test_a_clock_that_was_set_back(state_dir: Path) -> None:
    """No pause becomes longer than it was meant to be."""

    async def scene(works: Works) -> None:
        now = works.engine.clock.now

        def earlier() -> Moment:
            moment = now()
            return moment._replace(wall=moment.wall - timedelta(days=1))

        job_id = fail(works, 0.3)
        works.engine.clock.now = earlier  # type: ignore[method-assign]
        await works.until(lambda: not works.job(job_id).backs_off)
        works.engine.clock.now = now  # type: ignore[method-assign]

    in_the_loop(state_dir, scene)


def test_what_could_not_be_recorded_is_tried_again(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was due while the disk was full is run again when it is not any more."""
    monkeypatch.setattr(backoff, "AGAIN", 0.05)

    async def scene(works: Works) -> None:
        job_id = fail(works, 0.1)
        await works.engine.committed()
        works.break_down()
        await asyncio.sleep(0.3)
        assert works.job(job_id).backs_off
        works.engine.store.fault = None
        await works.until(lambda: not works.job(job_id).backs_off)
        assert works.job(job_id).state is State.PENDING

    in_the_loop(state_dir, scene)
