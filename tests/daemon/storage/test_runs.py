"""The latest runs of a name: quantiles and shape of those that completed, also of removed ones."""

import math
from datetime import timedelta
from pathlib import Path

import pytest

from jobd.core.estimates.outlook import GRID
from jobd.core.events import catalogue as happened
from jobd.core.model import Ending
from jobd.daemon.storage import runs
from tests.daemon.storing import ask, reading, write
from tests.making import Maker


def test_how_long_runs_take(tmp_path: Path) -> None:
    """Quantiles over the latest completed runs; failures and pauses do not count, and runs of long ago drop out."""
    path, maker = tmp_path / "jobd.db", Maker()
    old = [maker.run(job_id, elapsed=9999.0) for job_id in range(1, 11)]
    late = [maker.run(job_id, elapsed=float(job_id - 10)) for job_id in range(11, 61)]
    write(
        path, *old, *late, maker.run(61, status=256, elapsed=0.1), maker.run(62, "other", elapsed=0.2), maker.submit(63)
    )
    with reading(path) as reader:
        usual = runs.experience(reader, "encode")
        assert usual is not None
        assert (usual.runs, usual.p10, usual.p50, usual.p90, usual.p95) == (50, 5.9, 25.5, 45.1, 47.55)
        other = runs.experience(reader, "other")
        assert other is not None
        assert (other.runs, other.p10, other.p95) == (1, 0.2, 0.2)
        assert runs.experience(reader, "unknown") is None


def test_runs_without_a_measured_time(tmp_path: Path) -> None:
    """Where nobody measured, the wall clock says how long it took; a run of which nobody knows does not count."""
    path, maker = tmp_path / "jobd.db", Maker()
    for job_id in (1, 2):
        write(path, maker.submit(job_id), maker.start(job_id))
    maker.at += timedelta(seconds=99)
    started = maker.jobs[1].started_at
    assert started is not None
    completed = happened.Completed(ending=Ending(status=0, ended_at=maker.at))
    write(path, maker.happen(1, completed), maker.happen(2, happened.Completed()))
    with reading(path) as reader:
        usual = runs.experience(reader, "encode")
        assert usual is not None
        assert usual.runs == 1
        assert completed.ending.ended_at is not None
        assert usual.p50 == (completed.ending.ended_at - started).total_seconds() > 99


def test_the_shape_of_earlier_runs(tmp_path: Path) -> None:
    """It comes from the samples kept in the records, over the time that a run took; the size is told by the total."""
    path, maker = tmp_path / "jobd.db", Maker()
    for job_id in (1, 2, 3):
        write(path, maker.submit(job_id), maker.start(job_id))
        write(path, maker.progress(job_id, done=5), maker.progress(job_id, done=10), maker.end(job_id, elapsed=30.0))
    with reading(path) as reader:
        usual = runs.experience(reader, "encode")
    assert usual is not None
    assert (usual.followed, usual.total) == (3, pytest.approx(math.log(10), abs=1e-4))
    for fraction, seconds in ((0.5, 7.5), (1.0, 15.0)):
        assert math.exp(usual.course[GRID.index(fraction)].passed) == pytest.approx(seconds, rel=1e-3)


def test_runs_that_were_removed_still_teach(tmp_path: Path) -> None:
    """The latest of them, behind those that are there; what a person removes is forgotten."""
    path, maker = tmp_path / "jobd.db", Maker()
    for number in range(1, 5):
        write(path, maker.submit(number), maker.start(number))
        steps = [maker.progress(number, done=done) for done in range(1, 10)]
        write(path, *steps, maker.end(number, elapsed=10.0 * number))
    with reading(path) as reader:
        before = runs.experience(reader, "encode")
        assert before is not None
        assert before.runs == 4
    write(path, *(maker.happen(number, happened.Removed(why="retention")) for number in (1, 2, 3)))
    write(path, maker.happen(4, happened.Removed(why="retention")))
    with reading(path) as reader:
        assert runs.experience(reader, "encode") == before
    write(path, maker.run(5, elapsed=100.0))
    with reading(path) as reader:
        usual = runs.experience(reader, "encode")
        assert usual is not None
        assert (usual.runs, usual.p50) == (5, 30.0)
    write(path, maker.happen(5, happened.Removed()))
    ask(path, "UPDATE bygone SET runs = 'nonsense'")
    with reading(path) as reader:
        assert runs.experience(reader, "encode") is None
