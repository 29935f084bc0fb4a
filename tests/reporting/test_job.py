"""A block of a program is a job, or speaks for the one it is in."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import jobd
from tests.reporting.said import Said
from tests.source import ROOT


def test_all_it_can_say(said: Said) -> None:
    """Counts, stages, words and signs of life arrive in their order; numbers of one stage do not mix with another's."""
    with jobd.job("unused", total=4, unit="files") as job:
        job.advance()
        job.advance(2, "c.png")
        job.stage("upload", total=10)
        job.progress(7, unit="MB")
        job.beat()
        job.note("nearly\nthere")
    upload = said.lines.index("stage upload")
    first, last = said.reached(said.lines[:upload]), said.progress
    assert (first.done, first.total, first.unit, first.message) == (3, 4, "files", "c.png")
    assert (last.stage, last.done, last.total, last.unit, last.message) == ("upload", 7, 10, "MB", "nearly there")
    assert said.lines.index("beat") < said.lines.index('{"message":"nearly there"}')
    with jobd.job("unused") as job:
        job.progress(fraction=0.5, message="half")
    assert (said.fraction, said.progress.stage) == (0.5, "upload")


def test_the_first_stage_counts_to_the_total_of_the_job(said: Said) -> None:
    """It shows percent then; the next one, and one after something was counted, knows no total until it is said."""
    with jobd.job("unused", total=4, unit="files") as job:
        job.progress(message="about to begin")
        job.stage("copy")
        for _ in range(3):
            job.advance()
    now = said.progress
    assert (now.stage, now.done, now.total, now.unit, now.fraction) == ("copy", 3, 4, "files", 0.75)
    with jobd.job("unused", total=4) as job:
        job.stage("empty")
        job.stage("next")
        job.advance()
    assert (said.progress.stage, said.progress.done, said.progress.total) == ("next", 1, None)
    with jobd.job("unused", total=4) as job:
        job.advance()
        job.stage("rest")
        job.advance()
    assert (said.progress.stage, said.progress.done, said.progress.total) == ("rest", 1, None)


def test_what_a_stage_says_goes_before_the_total_of_the_job(said: Said) -> None:
    """Its own total or unit, numbers that were said meanwhile; so do those of a stage that knows a unit only."""
    with jobd.job("unused", total=4, unit="files") as job:
        job.stage("copy", total=8, unit="MB")
        job.advance(2)
    assert (said.progress.done, said.progress.total, said.progress.unit) == (2, 8, "MB")
    with jobd.job("unused", total=4, unit="files") as job:
        job.stage("send", unit="kB")
        job.advance(2)
    assert (said.progress.done, said.progress.total, said.progress.unit) == (2, None, "kB")
    with jobd.job("unused", total=4) as job:
        job.progress(0, total=6)
        job.stage("clean")
        job.advance(2)
    assert (said.progress.done, said.progress.total) == (2, None)
    with jobd.job("unused", total=4) as job:
        for number in jobd.track(range(5)):
            if not number:
                job.stage("loop")
    assert (said.progress.done, said.progress.total) == (5, None)


def test_a_rate_limit_comes_after_the_numbers_before_it(said: Said) -> None:
    """What was counted before it does not end it; what is counted after it does."""
    with jobd.job("unused", total=4) as job:
        job.advance()
        job.rate_limited(30, "the API said\n429")
        job.rate_limited(1e9)
    assert said.lines == ["1/4", "rate_limited 30 the API said 429", "rate_limited 604800"]
    with jobd.job("unused") as job:
        for _ in jobd.track(range(3)):
            job.rate_limited(1.5)
    assert said.lines[-2:] == ["rate_limited 1.5", '{"done":3,"total":3,"restart":true}']
    with pytest.raises(ValueError, match="NaN"):
        job.rate_limited(float("nan"))


def test_many_threads(said: Said) -> None:
    """Each step of each thread is counted."""
    with jobd.job("unused", total=8000) as job, ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(lambda: [job.advance() for _ in range(1000)])
    assert (said.progress.done, said.progress.fraction) == (8000, 1)
    assert len(said.lines) < 1000


def test_many_words_at_once(said: Said) -> None:
    """More than is kept waiting goes out at once, in order and complete."""
    with jobd.job("unused") as job:
        for number in range(3000):
            job.stage(f"stage-{number}")
    assert said.lines == [f"stage stage-{number}" for number in range(3000)]


def test_nobody_listens(nobody: Path) -> None:
    """Without a daemon a block is just a block: no word, no file, no exception, no thread."""
    script = """
import threading, jobd
with jobd.job("x", total=3) as job:
    job.advance(); job.stage("s"); job.note("n"); job.beat(); job.progress(1, 2, fraction=0.5)
assert threading.active_count() == 1
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not nobody.exists()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork(said: Said) -> None:
    """A copy of the program does not speak for its parent; what it begins itself it says."""
    with jobd.job("unused", total=100) as job:
        job.advance(10)
        child = os.fork()
        if child == 0:
            job.advance(50)
            with jobd.job("unused") as mine:
                mine.note("from the child")
            os._exit(0)
        os.waitpid(child, 0)
        job.advance(10)
    assert said.progress.done == 20
    assert said.lines.count('{"message":"from the child"}') == 1


def test_the_end_of_the_program(said: Said) -> None:
    """What waits when the program ends is said, though a loop has not ended."""
    script = "import jobd\nloop = jobd.track(range(5))\nnext(loop), next(loop), next(loop)\nraise SystemExit(0)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", script], env=environ, check=False).returncode == 0
    assert said.lines[-1] == "2/5"


@pytest.mark.usefixtures("said")
def test_what_is_no_number() -> None:
    """A mistake of the program is told to it."""
    with pytest.raises(ValueError, match="NaN"), jobd.job("unused") as job:
        job.progress(float("nan"))
