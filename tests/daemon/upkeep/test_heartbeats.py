"""Jobs that fall silent: noted, taken back by any sign of life, canceled if that was asked for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from jobd.core.events import catalogue as happened
from jobd.core.model import Origin
from jobd.core.promises import Heartbeat
from jobd.core.work.progress import Report
from jobd.daemon.upkeep import heartbeats as listening
from jobd.daemon.upkeep.heartbeats import Heartbeats
from tests.commands.conftest import built
from tests.commands.running import Gate, House
from tests.daemon.hearing import eventually
from tests.daemon.working import Works, working
from tests.living import Refusal
from tests.waiting import until

#: By so many seconds the clock of files, which ticks, and the one that timers go by may differ.
CLOCKS = 0.01
SHORT = {"stale_after": 0.2}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Give a daemon that most tests of this file share."""
    with built(serving=True) as shared:
        yield shared


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Give steps at which a job waits for the test."""
    return Gate(tmp_path)


def kinds(house: House, job_id: int) -> list[str]:
    """List what happened to a job that has to do with its heartbeat."""
    entries = [entry for entry in house.daemon.entries() if entry["job"] == job_id]
    return [
        entry["event"]["type"] for entry in entries if entry["event"]["type"] in ("stale", "revived", "cancel_asked")
    ]


def times(house: House, job_id: int, kind: str) -> list[float]:
    """Say when something happened to a job, in seconds since the epoch."""
    found = [e for e in house.daemon.entries() if (e["job"], e["event"]["type"]) == (job_id, kind)]
    return [datetime.fromisoformat(entry["at"]).timestamp() for entry in found]


def stale(house: House, job_id: int, *, is_so: bool = True) -> dict[str, Any]:
    """Wait until a job is stale, or no longer, and give it."""
    until(lambda: (house.daemon.job(job_id)["stale_since"] is not None) == is_so, what=f"job {job_id} stale: {is_so}")
    return house.daemon.job(job_id)


def test_a_silent_job_is_noted_and_runs_on(house: House) -> None:
    """It is marked, with an event that matters; a report takes that back, and so does a beat."""
    job_id = house.running(heartbeat=SHORT)
    job = stale(house, job_id)
    assert (job["state"], job["heartbeat"]["stale_after"]) == ("running", 0.2)
    event = next(e["event"] for e in house.daemon.entries() if e["job"] == job_id and e["event"]["type"] == "stale")
    assert event["silent"] >= 0.2
    for line in ("beat", "10%"):
        house.daemon.call("progress", job=str(job_id), line=line)
        until(lambda: kinds(house, job_id)[-2:] == ["revived", "stale"], what="heard of, and silent again")
    house.over(job_id)
    assert house.daemon.job(job_id)["stale_since"] is None


def test_a_line_that_makes_no_sense_is_a_sign_of_life(house: House, gate: Gate) -> None:
    """It says nothing, but somebody has said it."""
    job_id = house.running("sh", "-c", f"{gate.wait()}; echo nonsense >&$JOBD_FD; sleep 600", heartbeat=SHORT)
    stale(house, job_id)
    gate.open()
    until(lambda: "revived" in kinds(house, job_id), what="heard of")
    house.over(job_id)


def test_output_is_a_sign_of_life(house: House, gate: Gate) -> None:
    """Silence counts from the last byte that was written; a stale job that writes again is heard of."""
    job_id = house.running(
        "sh", "-c", f"{gate.wait(1)}; echo here; {gate.wait(2)}; echo back; sleep 600", heartbeat={"stale_after": 0.4}
    )
    path = Path(until(lambda: house.daemon.job(job_id)["output"], what="a place for what it writes")["path"])
    gate.open(1)
    until(lambda: path.stat().st_size, what="it has written")
    written = path.stat().st_mtime
    until(lambda: times(house, job_id, "stale")[-1:] > [written], what="it is silent again")
    assert times(house, job_id, "stale")[-1] >= written + 0.4 - CLOCKS
    gate.open(2)
    until(lambda: times(house, job_id, "revived")[-1:] > [written], what="its output is noticed")
    house.over(job_id)


def test_a_report_is_a_sign_of_life(house: House) -> None:
    """Silence counts from the last one."""
    job_id = house.daemon.call("begin", name="outside", heartbeat={"stale_after": 0.4})["id"]
    house.daemon.call("progress", job=str(job_id), line="beat")
    [said] = times(house, job_id, "progressed")
    until(lambda: times(house, job_id, "stale")[-1:] > [said], what="it is silent again")
    assert times(house, job_id, "stale")[-1] >= said + 0.4
    house.daemon.call("end", jobs=[str(job_id)])


def test_it_is_canceled_if_that_was_asked_for(house: House) -> None:
    """With the reason, by jobd itself."""
    job = house.daemon.ended(house.submit("sleep", "600", heartbeat={**SHORT, "on_stale": "cancel"}))
    assert (job["state"], job["reason"]) == ("canceled", "stale")
    asked = next(e for e in house.daemon.entries() if e["job"] == job["id"] and e["event"]["type"] == "cancel_asked")
    assert "by" not in asked
    assert kinds(house, job["id"]) == ["stale", "cancel_asked"]


def test_a_job_that_stands_still_need_not_speak(house: House) -> None:
    """A pause stops the clock, and afterwards it goes on."""
    job_id = house.running(heartbeat={"stale_after": 0.8})
    house.daemon.call("pause", jobs=[str(job_id)])
    house.reaches(job_id, "paused")
    other = house.running(heartbeat={"stale_after": 0.9})
    stale(house, other)
    house.daemon.call("resume", jobs=[str(job_id)])
    stale(house, job_id)
    paused, resumed, noted = (times(house, job_id, kind)[0] for kind in ("pause_asked", "resumed", "stale"))
    assert not paused < noted < resumed
    house.over(job_id)
    house.over(other)


def test_a_job_in_a_rate_limit_need_not_speak(house: House) -> None:
    """Its silence counts from the end of the limit; one that goes on before that is listened to from then on."""
    limited = house.running(heartbeat={"stale_after": 0.3})
    house.daemon.call("progress", job=str(limited), line="rate_limited 600")
    ended, lifted = (house.running(heartbeat={"stale_after": 0.3}) for _ in range(2))
    house.daemon.call("progress", job=str(ended), line="rate_limited 500ms")
    house.daemon.call("progress", job=str(lifted), line="rate_limited 600")
    house.daemon.call("progress", job=str(lifted), line="1/2")
    stale(house, lifted)
    stale(house, ended)
    [said], [noted] = times(house, ended, "rate_limited"), times(house, ended, "stale")[-1:]
    assert noted >= said + 0.5 + 0.3
    assert times(house, limited, "stale")[-1:] < times(house, limited, "rate_limited")
    for job_id in (limited, ended, lifted):
        house.over(job_id)


def test_what_jobd_did_not_start(house: House) -> None:
    """It is listened to as well; it cannot be canceled, so that is refused."""
    begun = house.daemon.call("begin", name="outside", heartbeat={"beat_every": 0.05})
    assert begun["heartbeat"] == {"beat_every": 0.05, "stale_after": 0.2}
    stale(house, begun["id"])
    house.daemon.call("progress", job=str(begun["id"]), line="beat")
    until(lambda: "revived" in kinds(house, begun["id"]), what="heard of")
    house.daemon.call("end", jobs=[str(begun["id"])])
    with pytest.raises(Refusal, match="only a job that jobd starts can be ended"):
        house.daemon.call("begin", name="outside", heartbeat={"beat_every": 0.05, "on_stale": "cancel"})


def test_a_new_daemon_waits_anew(state_dir: Path) -> None:
    """Who is silent stays marked, and is heard of by it; nobody is stale for what was while no daemon listened."""
    house = House(state_dir)
    with house.daemon as living:
        silent = house.running(heartbeat=SHORT)
        stale(house, silent)
        late = house.running(heartbeat={"stale_after": 0.7})
        living.kill()
        back = time.time()
        living.start()
        assert living.job(silent)["stale_since"] is not None
        living.call("progress", job=str(silent), line="beat")
        until(lambda: kinds(house, silent) == ["stale", "revived", "stale"], what="heard of, and silent again")
        stale(house, late)
        assert times(house, late, "stale")[0] >= back + 0.7


def in_the_loop(state: Path, scene: Callable[[Works, Heartbeats], Awaitable[None]]) -> None:
    """Play a scene with all parts of a daemon."""

    async def play() -> None:
        async with working(state) as works:
            heartbeats = Heartbeats(works.engine)
            heartbeats.start()
            await scene(works, heartbeats)
            heartbeats.close()

    asyncio.run(play())


def begin(works: Works, promise: Heartbeat | None) -> int:
    """Begin a job."""
    origin, boot = Origin(uid=0, pid=1), works.engine.clock.now().boot
    begun = happened.Begun(name="b", origin=origin, boot=boot, boottime=1, heartbeat=promise)
    return works.engine.create(begun).id


def test_one_timer_for_all(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None where nothing was promised; reports of many jobs set no new one."""
    armed: list[float] = []

    async def scene(works: Works, heartbeats: Heartbeats) -> None:
        loop = asyncio.get_running_loop()
        call_at = loop.call_at

        def counted(when: float, callback: Callable[..., object], *rest: Any, **named: Any) -> asyncio.TimerHandle:
            if callback == heartbeats.look:
                armed.append(when)
            return call_at(when, callback, *rest, **named)

        monkeypatch.setattr(loop, "call_at", counted)
        begin(works, None)
        await works.engine.committed()
        assert armed == []
        for _ in range(20):
            job_id = begin(works, Heartbeat(stale_after=600.0))
            for _ in range(3):
                works.engine.record(works.job(job_id), [happened.Progressed(report=Report(message="x"))])
            await works.engine.committed()
        assert len(armed) == 1

    in_the_loop(state_dir, scene)


def test_what_could_not_be_recorded_is_tried_again(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that fell silent while the disk was full is stale when it is not any more."""
    monkeypatch.setattr(listening, "LOOK", 0.05)

    async def scene(works: Works, _: Heartbeats) -> None:
        tried: list[object] = []
        job_id = begin(works, Heartbeat(stale_after=0.1))
        await works.engine.committed()
        works.break_down()
        record = works.engine.record

        def noted(*asked: Any) -> object:
            tried.append(asked)
            return record(*asked)

        monkeypatch.setattr(works.engine, "record", noted)
        await eventually(lambda: tried)
        assert works.kinds(job_id) == ["begun"]
        works.mend()
        await works.until(lambda: works.kinds(job_id) == ["begun", "stale"])

    in_the_loop(state_dir, scene)
