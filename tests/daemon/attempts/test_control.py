"""Ending, stopping and continuing whole trees: the signal, the grace, the kill, and pauses that outlive the daemon."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobd.core import lifecycle
from jobd.core.model import Process, State
from jobd.daemon.attempts import control
from jobd.daemon.system import processes, trees
from tests.daemon.working import working
from tests.living import Living, Refusal, shared
from tests.waiting import until

#: Two processes that count; the second one is below the first.
COUNTING = ("sh", "-c", "count() { while :; do echo $1; sleep 0.02; done; }; count a & count b")
#: Ends well when asked to, with a word.
POLITE = ("sh", "-c", 'trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.02; done')
#: Goes on whatever is asked of it, with a child that does, too.
DEAF = ("sh", "-c", 'trap "" TERM; sleep 60 & echo ready; while :; do sleep 1; done')


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    """Give a daemon for all tests of this file."""
    with shared(JOBD_JOBS_SLOTS="8") as living:
        yield living
        living.call("cancel", jobs=["all"], grace=0)
        until(lambda: set(living.call("status")["counts"]) <= {"completed", "failed", "canceled"})


class Running:
    """A job that runs and has said that it is ready."""

    def __init__(self, living: Living, *argv: str, **params: Any) -> None:
        self.living = living
        self.id: int = living.submit(*argv, **params)["id"]
        self.word = str(self.id)
        until(lambda: self.output() and self.job["pid"], what="a first line")
        self.main = psutil.Process(self.job["pid"])

    @property
    def job(self) -> dict[str, Any]:
        """The job as it is."""
        return self.living.job(self.id)

    @property
    def state(self) -> str:
        """Its state."""
        return str(self.job["state"])

    def output(self) -> bytes:
        """Read what it has said."""
        return self.living.output(self.id) if self.job["output"] else b""

    def tree(self) -> list[psutil.Process]:
        """List its processes."""
        return [self.main, *self.main.children(recursive=True)]

    def ask(self, verb: str, **params: Any) -> dict[str, Any]:
        """Do something to it."""
        (view,) = self.living.call(verb, jobs=[self.word], **params)
        assert isinstance(view, dict)
        return view

    def stands(self) -> bool:
        """Whether no process of it writes any more; they may be stopped each, or frozen together."""
        before, processes = self.output(), alive(self.tree())
        times = [process.cpu_times() for process in processes]
        time.sleep(0.2)
        return (self.output(), [process.cpu_times() for process in processes]) == (before, times)

    def moves(self) -> bool:
        """Whether it writes."""
        before = self.output().splitlines()
        until(lambda: {b"a", b"b"} <= set(self.output().splitlines()[len(before) :]), what="both count on")
        return True

    def kinds(self) -> list[str]:
        """List what has happened to it, but for how far it is."""
        entries = self.living.call("events", since_seq=0, limit=10_000)
        return [entry["event"]["type"] for entry in entries if entry["job"] == self.id][2:]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """List those that have not ended."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_it_is_asked_first(living: Living) -> None:
    """A job that ends by itself in its grace has its own status and its last words, and is canceled."""
    job = Running(living, *POLITE)
    assert job.ask("cancel", reason="enough")["state"] in ("canceling", "canceled")
    ended = living.ended(job.id)
    assert (ended["state"], ended["reason"], ended["exit_code"]) == ("canceled", "enough", 3)
    assert job.output().endswith(b"bye\n")


def test_it_is_asked_by_the_signal_that_was_wished(living: Living) -> None:
    """The signal of the submission, or that of the request."""
    argv = ("sh", "-c", 'trap "exit 5" USR1; trap "exit 6" USR2; echo ready; while :; do sleep 0.02; done')
    one, two = Running(living, *argv, signal=int(signal.SIGUSR1)), Running(living, *argv)
    one.ask("cancel")
    two.ask("cancel", signal=int(signal.SIGUSR2))
    assert [living.ended(job.id)["exit_code"] for job in (one, two)] == [5, 6]


def test_after_the_grace_all_of_it_is_killed(living: Living) -> None:
    """What still lives when the grace is over is killed, children too, and not before."""
    job = Running(living, *DEAF)
    tree = job.tree()
    assert len(tree) >= 2
    job.ask("cancel", grace=0.5)
    assert job.state == "canceling"
    ended = living.ended(job.id)
    assert (ended["state"], ended["signal"]) == ("canceled", 9)
    assert alive(tree) == []
    (asked,) = [e["at"] for e in living.entries() if e["job"] == job.id and e["event"]["type"] == "cancel_asked"]
    assert (datetime.fromisoformat(ended["ended_at"]) - datetime.fromisoformat(asked)).total_seconds() >= 0.5


def test_a_second_cancel_shortens_the_grace(living: Living) -> None:
    """Who asks again with less patience is heard; who asks with more is not."""
    job = Running(living, *DEAF, grace=60)
    job.ask("cancel")
    job.ask("cancel", grace=600)
    assert job.state == "canceling"
    job.ask("cancel", grace=0, reason="now")
    ended = living.ended(job.id)
    assert (ended["state"], ended["reason"], ended["signal"]) == ("canceled", "now", 9)


def test_what_came_too_late(living: Living) -> None:
    """A job that ends well in spite of a cancel has completed."""
    job = Running(living, "sh", "-c", 'trap "exit 0" TERM; echo ready; while :; do sleep 0.02; done')
    job.ask("cancel")
    assert living.ended(job.id)["state"] == "completed"


def test_a_waiting_job_is_canceled_at_once(living: Living) -> None:
    """It never runs; nor does one whose start was decided in the same moment."""
    jobs = [Running(living, *DEAF) for _ in range(8)]
    waiting = living.submit("sh", "-c", "echo ran")
    (view,) = living.call("cancel", jobs=[str(waiting["id"])], reason="not needed")
    assert (view["state"], view["reason"], view["output"]) == ("canceled", "not needed", None)
    for job in jobs:
        job.ask("cancel", grace=0)
        living.ended(job.id)
    assert living.job(waiting["id"])["attempt"] is None


def test_a_job_that_is_being_started_is_canceled(living: Living) -> None:
    """Before its shim has claimed it or just after: it ends as canceled, and what ran of it is gone."""
    living.ended(living.submit("true")["id"])  # so that there is a zygote
    children = psutil.Process(living.pid).children()
    zygotes = [child for child in children if any("zygote.py" in word for word in child.cmdline())]
    (zygote,) = [child for child in zygotes if child.name() != "jobd-shim"]
    zygote.suspend()
    job = living.submit("sh", "-c", f"echo x > {living.state}/ran-too-late; sleep 60")
    until(lambda: living.job(job["id"])["attempt"] == 1)
    living.call("cancel", jobs=[str(job["id"])])
    ended = living.ended(job["id"])
    zygote.resume()
    assert ended["state"] == "canceled"
    after = living.submit("true")
    assert living.ended(after["id"])["state"] == "completed"
    assert not (living.state / "ran-too-late").exists()
    until(lambda: not (living.state / "run" / f"{job['id']}.1").exists(), what="nothing left")


def test_a_pause_stops_everything(living: Living) -> None:
    """Every process stands still, the clock of the job too, and goes on when it is told to."""
    job = Running(living, *COUNTING)
    assert job.ask("pause")["state"] == "pausing"
    until(lambda: job.state == "paused")
    assert job.stands()
    elapsed = job.job["elapsed"]
    assert job.ask("pause")["state"] == "paused", "asking twice changes nothing"
    assert job.job["elapsed"] == elapsed
    assert job.ask("resume")["state"] == "running"
    assert job.moves()
    assert job.ask("resume")["state"] == "running"
    job.ask("cancel", grace=0)
    living.ended(job.id)
    assert job.kinds() == ["started", "pause_asked", "paused", "resumed", "cancel_asked", "canceled"]


def test_orders_are_carried_out_in_turn(living: Living) -> None:
    """However quickly they follow each other, the last word holds."""
    job = Running(living, *COUNTING)
    for _ in range(5):
        job.ask("pause")
        job.ask("resume")
    assert job.moves()
    job.ask("pause")
    job.ask("resume")
    job.ask("pause")
    until(lambda: job.state == "paused")
    assert job.stands()
    job.ask("cancel", grace=0)
    living.ended(job.id)


def test_the_time_of_a_pause_is_left_out_once(living: Living) -> None:
    """Also where no shim has seen the end, and the daemon takes the time itself."""
    job = Running(living, *COUNTING)
    until(lambda: job.job["elapsed"] > 0.6)
    job.ask("pause")
    until(lambda: job.state == "paused")
    stood = time.monotonic()
    until(lambda: time.monotonic() - stood > 0.6)
    job.ask("resume")
    assert job.moves()
    parent, tree = job.main.parent(), job.tree()
    assert parent is not None
    parent.kill()
    until(lambda: "adopted" in job.kinds())
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    ended = living.ended(job.id)
    times = {entry["event"]["type"]: entry["at"] for entry in living.entries() if entry["job"] == job.id}
    seconds = {kind: datetime.fromisoformat(at).timestamp() for kind, at in times.items()}
    expected = seconds["failed"] - seconds["started"] - (seconds["resumed"] - seconds["paused"])
    assert ended["elapsed"] == pytest.approx(expected, abs=0.3)


def test_a_paused_job_can_be_canceled(living: Living) -> None:
    """It is let go on, so that it can act on the signal."""
    job = Running(living, *POLITE)
    job.ask("pause")
    until(lambda: job.state == "paused")
    job.ask("cancel")
    ended = living.ended(job.id)
    assert (ended["state"], ended["exit_code"]) == ("canceled", 3)


def test_what_cannot_be_done_is_refused(living: Living) -> None:
    """Each refusal names the job and its state, and nothing has changed."""
    job = Running(living, *POLITE)
    with pytest.raises(Refusal, match="is running; only a job that has ended can be retried"):
        living.call("retry", jobs=[job.word])
    job.ask("cancel")
    living.ended(job.id)
    for verb in ("pause", "resume", "cancel"):
        with pytest.raises(Refusal, match=r"has already ended \(canceled\)"):
            living.call(verb, jobs=[job.word])


def test_a_pause_outlives_the_daemon(state_dir: Path) -> None:
    """A paused job stays so through a kill of the daemon; the next one lets all of it go on."""
    with Living(state_dir) as living:
        job = Running(living, *COUNTING)
        job.ask("pause")
        until(lambda: job.state == "paused")
        living.kill()
        living.start()
        assert job.state == "paused"
        assert job.stands()
        assert job.ask("resume")["state"] == "running"
        assert job.moves()


def test_a_pause_that_was_cut_short_is_finished(state_dir: Path) -> None:
    """A daemon killed between the request and the standstill leaves it to the next, and a resume reaches everybody."""
    with Living(state_dir) as living:
        job = Running(living, *COUNTING)
        living.kill()
        living.start({"JOBD_CRASH": "before_commit:2"})
        assert job.ask("pause")["state"] == "pausing"
        until(living.dead, what="death before the pause was recorded")
        living.start()
        until(lambda: job.state == "paused")
        job.ask("resume")
        assert job.moves()


def test_a_tree_that_cannot_be_looked_at(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is not called paused before it is: for want of descriptors, stopping it is tried again."""
    failures = [OSError("no descriptors"), OSError("still none")]
    freeze = trees.freeze

    def failing(tree: trees.Tree) -> frozenset[Process]:
        if failures:
            raise failures.pop()
        return freeze(tree)

    async def run() -> None:
        async with working(state_dir) as works:
            job_id = works.submit("sh", "-c", "while :; do sleep 0.01; done")
            await works.until_state(job_id, State.RUNNING)
            works.engine.record(works.job(job_id), lifecycle.pause(works.job(job_id)))
            await works.until_state(job_id, State.PAUSED)
            assert failures == []
            main = works.job(job_id).attempts[0].main
            assert main is not None
            before = processes.stat(main.pid)
            await asyncio.sleep(0.1)
            assert processes.stat(main.pid) == before

    monkeypatch.setattr(control, "AGAIN", 0.01)
    monkeypatch.setattr(trees, "freeze", failing)
    asyncio.run(run())
