"""Kill every part at every named point, and at random: nothing is lost, nothing runs twice, every status is exact."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import connect
from typing import Any

import psutil
import pytest

from jobd.daemon.system import crash
from tests.living import SEARCH_PATH, Living, Refusal, insist
from tests.source import PACKAGE, ROOT
from tests.waiting import until


def points_of(program: str) -> list[str]:
    """Ask a program that imports nothing of jobd for its points."""
    folder = PACKAGE / "daemon" / "attempts"
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import {program}; print(*{program}.CRASH_POINTS)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.split()


DAEMON_POINTS = crash.POINTS
ZYGOTE_POINTS = points_of("zygote")
SHIM_POINTS = points_of("shim")

SHORT, LONG = 0.0, 0.4
STATUS = 5
#: Points of a shim after which its only witness of the end is gone with it, if no daemon is there.
UNSEEN = {"after_claim", "after_go", "after_answer", "main_exited", "exit_written"}

#: A daemon that fences off at once what no shim has claimed, and soon tidies up.
IMPATIENT = """
import jobd.daemon.attempts.starting as starting, jobd.daemon.upkeep.chores as chores
starting.START_TIME, chores.TICK = 0.5, 0.05
"""


@pytest.fixture
def living(state_dir: Path) -> Iterator[Living]:
    """Give a daemon that has not been started, and kill it at the end."""
    daemon = Living(state_dir)
    yield daemon
    daemon.kill()


def script(ran: Path, seconds: float, status: int = STATUS) -> list[str]:
    """Make a job that leaves a trace of each run."""
    return ["sh", "-c", f"echo x >> {ran}; sleep {seconds}; exit {status}"]


def submission(argv: list[str], request_id: str) -> dict[str, Any]:
    """Make the parameters of a submission that may be repeated."""
    return {"argv": argv, "cwd": "/", "surroundings": {"environment": [SEARCH_PATH]}, "request_id": request_id}


def runs(ran: Path) -> int:
    """Count how often the job ran."""
    return len(ran.read_text().split()) if ran.exists() else 0


def plan(state: Path, points: str) -> dict[str, str]:
    """Make the environment in which the points kill, and tell where."""
    return {"JOBD_CRASH": points, "JOBD_CRASH_LOG": str(state / "crashed")}


def hit(state: Path) -> list[str]:
    """List the points at which something died."""
    path = state / "crashed"
    return path.read_text().split() if path.exists() else []


def check_nothing_left(living: Living) -> None:
    """Say that no attempt's directory and no shim of this state directory is left."""
    until(lambda: not list((living.state / "run").iterdir()), what="an empty run directory")
    state = str(living.state)
    until(
        lambda: not [p for p in psutil.process_iter(["cmdline", "name"]) if _is_shim(p, state)],
        what="no shim left",
    )


def _is_shim(process: psutil.Process, state: str) -> bool:
    try:
        return process.name() == "jobd-shim" and any(state in f.path for f in process.open_files())
    except psutil.Error:
        return False


def check_log(living: Living, jobs: int) -> None:
    """Say that the log has no gap, and exactly one end for each job."""
    entries = living.entries()
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    ends = Counter(entry["job"] for entry in entries if entry["event"]["type"] in ("completed", "failed", "canceled"))
    assert ends == dict.fromkeys(range(1, jobs + 1), 1)


@pytest.mark.parametrize("seconds", [SHORT, LONG])
@pytest.mark.parametrize("point", [p for p in DAEMON_POINTS if p not in ("before_recovery", "after_recovery")])
def test_daemon_dies(living: Living, state_dir: Path, point: str, seconds: float) -> None:
    """A daemon that dies at any point of a job's life leaves nothing that its successor cannot set right."""
    ran = state_dir / "ran"
    living.start(plan(state_dir, point))
    argv = script(ran, seconds) if point != "cancel_committed" else script(ran, 60)
    asked = submission(argv, "one")
    job_id = None
    try:
        job_id = living.call("submit", **asked)["id"]
        if point == "cancel_committed":
            until(lambda: runs(ran))
            living.call("cancel", jobs=[str(job_id)], grace=0.2)
    except (OSError, ValueError):
        pass
    until(living.dead, what=f"death at {point}")
    assert hit(state_dir) == [point]
    living.start()
    kept = [job["id"] for job in living.call("list", all=True)]
    assert kept == [job_id] or job_id is None
    assert job_id in (None, insist(living, "submit", **asked)["id"])
    ended = living.ended(1)
    if point == "cancel_committed":
        assert (ended["state"], runs(ran)) == ("canceled", 1)
    else:
        assert (ended["state"], ended["exit_code"], runs(ran)) == ("failed", STATUS, 1)
    assert len(living.call("list", all=True)) == 1
    check_log(living, 1)
    check_nothing_left(living)


@pytest.mark.parametrize("turn", [2, 3, 4, 5])
@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_daemon_dies_in_a_later_commit(living: Living, state_dir: Path, point: str, turn: int) -> None:
    """Whichever commit is cut short, the job runs once and its status is exact."""
    ran = state_dir / "ran"
    living.start(plan(state_dir, f"{point}:{turn}"))
    asked = submission(script(ran, SHORT), "one")
    try:
        living.call("submit", **asked)
        until(lambda: living.dead() or living.job(1)["done"])
        while not living.dead():
            living.call("progress", job="1", line="1/2", request_id=f"more-{time.monotonic_ns()}")
    except (OSError, ValueError, Refusal):
        pass
    if not living.dead():
        for number in range(turn):
            try:
                living.call("begin", name=f"filler-{number}")
            except (OSError, ValueError):
                break
    until(living.dead, what=f"death at {point}:{turn}")
    living.start()
    insist(living, "submit", **asked)
    ended = living.ended(1)
    assert (ended["state"], ended["exit_code"], runs(ran)) == ("failed", STATUS, 1)


@pytest.mark.parametrize("point", ["before_recovery", "after_recovery"])
def test_daemon_dies_in_recovery(living: Living, state_dir: Path, point: str) -> None:
    """A daemon that dies while it sets things right leaves them to the next one."""
    ran = state_dir / "ran"
    living.start()
    living.call("submit", **submission(script(ran, 1), "one"))
    until(lambda: runs(ran))
    living.kill()
    living.start(plan(state_dir, point))
    until(living.dead)
    assert hit(state_dir) == [point]
    living.start()
    ended = living.ended(1)
    assert (ended["state"], ended["exit_code"], runs(ran)) == ("failed", STATUS, 1)
    check_log(living, 1)
    check_nothing_left(living)


@pytest.mark.parametrize("point", [*ZYGOTE_POINTS, *SHIM_POINTS])
def test_zygote_or_shim_dies(living: Living, state_dir: Path, point: str) -> None:
    """A zygote or shim that dies under a living daemon costs at most an attempt that never ran."""
    ran = state_dir / "ran"
    living.start(plan(state_dir, point))
    living.call("submit", **submission(script(ran, LONG), "one"))
    ended = living.ended(1)
    assert point in hit(state_dir)
    assert (ended["state"], ended["exit_code"], runs(ran)) == ("failed", STATUS, 1), ended
    check_log(living, 1)
    check_nothing_left(living)


@pytest.mark.parametrize("seconds", [SHORT, 0.8])
@pytest.mark.parametrize("point", SHIM_POINTS)
def test_shim_and_daemon_die(living: Living, state_dir: Path, point: str, seconds: float) -> None:
    """With both witnesses gone a job still runs at most once, and what nobody saw is called lost, not made up."""
    ran = state_dir / "ran"
    living.start(plan(state_dir, f"after_request,{point}"))
    with suppress(OSError, ValueError):
        living.call("submit", **submission(script(ran, seconds), "one"))
    until(living.dead)
    until(lambda: point in hit(state_dir) or runs(ran) or seconds == SHORT, 5)
    living.start()
    insist(living, "submit", **submission(script(ran, seconds), "one"))
    ended = living.ended(1)
    assert runs(ran) <= 1
    if ended["reason"] == "lost":
        assert point in UNSEEN
    else:
        assert (ended["state"], ended["exit_code"], runs(ran)) == ("failed", STATUS, 1), ended
    check_log(living, 1)
    check_nothing_left(living)


def stopped_shim(state_dir: Path) -> psutil.Process:
    """Wait for the one shim, which stops."""
    shim = until(lambda: next((p for p in psutil.process_iter(["name"]) if _is_shim(p, str(state_dir))), None))
    assert shim is not None
    until(lambda: shim.status() == psutil.STATUS_STOPPED)
    return shim


def test_a_shim_that_comes_too_late_never_runs_it(living: Living, state_dir: Path, tmp_path: Path) -> None:
    """In doubt an attempt is fenced off and made once more; the first shim finds the fence when it goes on."""
    ran = state_dir / "ran"
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT)
    living.start(plan(state_dir, "before_claim:1:stop") | {"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    living.call("submit", **submission(script(ran, SHORT), "one"))
    shim = stopped_shim(state_dir)
    assert hit(state_dir) == ["before_claim"]
    until((state_dir / "run/1.1/claim").exists, what="the fence")
    shim.resume()
    ended = living.ended(1)
    until(lambda: not shim.is_running())
    assert (ended["state"], ended["exit_code"], runs(ran)) == ("failed", STATUS, 1), ended
    check_log(living, 1)
    check_nothing_left(living)


@pytest.mark.parametrize("point", ["main_exited", "exit_written"])
def test_a_slow_witness_is_waited_for(living: Living, state_dir: Path, point: str) -> None:
    """While a shim has not written its exit record its lock is held, so nobody takes the job for lost."""
    ran = state_dir / "ran"
    living.start(plan(state_dir, f"{point}:1:stop"))
    living.call("submit", **submission(script(ran, SHORT), "one"))
    until(lambda: hit(state_dir) == [point])
    shim = stopped_shim(state_dir)
    living.kill()
    living.start()
    assert not living.job(1)["done"]
    shim.resume()
    ended = living.ended(1)
    assert (ended["state"], ended["exit_code"], runs(ran)) == ("failed", STATUS, 1), ended
    check_log(living, 1)
    check_nothing_left(living)


class Monkey:
    """Submits and reports while the daemon and its zygote are killed at random; remembers what was acknowledged."""

    def __init__(self, living: Living, seed: int, jobs: int, operations: int) -> None:
        self.living = living
        self.random = random.Random(seed)  # noqa: S311 -- to be the same each time
        self.ran = living.state / "ran"
        self.jobs = jobs
        self.operations = operations
        self.submitted: dict[int, tuple[int, int]] = {}
        self.reported: Counter[int] = Counter()
        self.turn = threading.Lock()
        self.over = threading.Event()
        self.kills: Counter[str] = Counter()
        self.failures: list[BaseException] = []

    def run(self) -> None:
        """Do it all, then wait until everything has ended."""
        self.living.start(self._settings())
        killer = threading.Thread(target=self._guard, args=(self._kill_at_random,))
        workers = [threading.Thread(target=self._guard, args=(self._submit, k)) for k in range(4)]
        workers += [threading.Thread(target=self._guard, args=(self._report, k)) for k in range(8)]
        for thread in (killer, *workers):
            thread.start()
        for thread in workers:
            thread.join()
        self.over.set()
        killer.join()
        if self.living.dead():
            self.living.start(self._settings())
        if self.failures:
            raise self.failures[0]
        until(self._all_ended, 120, what="the end of all jobs")

    def _settings(self) -> dict[str, str]:
        return {"JOBD_JOBS_SLOTS": "12"}

    def _guard(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001 -- told by the main thread
            self.failures.append(error)
            self.over.set()

    def _all_ended(self) -> bool:
        counts = insist(self.living, "status")["counts"]
        return set(counts) <= {"completed", "failed", "canceled"}

    def _kill_at_random(self) -> None:
        while not self.over.wait(self.random.choice([0.15, 0.4, 0.8]) * self.random.uniform(0.7, 1.3)):
            if self.random.random() < 0.8:
                self.living.kill()
                self.kills["daemon"] += 1
                self.living.start(self._settings())
            else:
                self._kill_zygote()

    def _kill_zygote(self) -> None:
        for child in psutil.Process(self.living.pid).children():
            with suppress(psutil.NoSuchProcess):
                if any("zygote.py" in word for word in child.cmdline()) and child.name() != "jobd-shim":
                    child.kill()
                    self.kills["zygote"] += 1

    def _submit(self, first: int) -> None:
        choice = random.Random(first)  # noqa: S311 -- to be the same each time
        for number in range(first, self.jobs, 4):
            status = choice.choice([0, 0, 3, 137])
            end = "kill -9 $$" if choice.random() < 0.1 else f"exit {status}"
            wanted = 9 if "kill" in end else status << 8
            seconds = choice.choice([0, 0.02, 0.3, 1.0])
            argv = ["sh", "-c", f"echo {number} >> {self.ran}; sleep {seconds}; {end}"]
            job = insist(self.living, "submit", **submission(argv, f"job-{number}"))
            with self.turn:
                self.submitted[number] = (job["id"], wanted)
            self.over.wait(choice.uniform(0, 0.2))

    def _report(self, first: int) -> None:
        begun = insist(self.living, "begin", name=f"reporter-{first}", request_id=f"reporter-{first}")
        each = self.operations // 8
        for number in range(each):
            line, request_id = f"{number + 1}/{each}", f"report-{first}-{number}"
            insist(self.living, "progress", job=str(begun["id"]), line=line, request_id=request_id)
            self.reported[begun["id"]] += 1
        insist(self.living, "end", jobs=[str(begun["id"])], request_id=f"end-{first}")


@pytest.mark.timeout(300)
def test_random_kills(living: Living, state_dir: Path) -> None:
    """Through random kills of daemon and zygote: every acknowledged submission and report is there, once, and exact."""
    monkey = Monkey(living, seed=1, jobs=200, operations=5000)
    monkey.run()
    jobs = {job["id"]: job for job in living.call("list", all=True, limit=1000)}
    ran = Counter(int(line) for line in monkey.ran.read_text().split())
    assert len(jobs) == 200 + 8
    assert ran == dict.fromkeys(range(200), 1)
    for number, (job_id, wanted) in monkey.submitted.items():
        job = jobs[job_id]
        assert (job["exit_code"], job["signal"]) == ((wanted >> 8, None) if wanted != 9 else (None, 9)), (number, job)
        assert job["state"] == ("completed" if wanted == 0 else "failed")
    for job_id, count in monkey.reported.items():
        assert jobs[job_id]["progress"]["reports"] == count == 625
        assert jobs[job_id]["progress"]["fraction"] == 1.0
    check_log(living, 208)
    check_nothing_left(living)
    living.kill()
    with closing(connect(state_dir / "jobd.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert monkey.kills["daemon"] >= 10
    assert monkey.kills["zygote"] >= 1
