"""The manual of the filter language tells all of it, and each of its examples finds what it says."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobd.core.estimates.usual import Usual
from jobd.core.filters import BUILT_IN, listing
from jobd.core.filters.operators import OPERATORS, symbols
from jobd.core.filters.parsing import FUNCTIONS
from jobd.core.model import Attempt, Ending, Job, Moment, Origin, Process, Spec, State, Usage, Warned
from jobd.core.work.items import Tally
from jobd.core.work.progress_record import Progress
from jobd.daemon.storage import rows
from jobd.manual.filters import EXAMPLES, FUNCTIONS_TOLD, filter_page
from tests.core.filters.reading import NOW, database, read
from tests.core.samples import BOOT, ORIGIN

PAGE = filter_page()
HOUR = timedelta(hours=1)
MOMENT = Moment(NOW.astimezone(UTC), 10**15, BOOT)


def ended(status: int = 0, *, seconds: float = 60.0, at: datetime = NOW - HOUR, **fields: Any) -> Job:
    """Make a job that has ended so many seconds after its start."""
    signal, code = status & 0x7F, status >> 8
    state = State.COMPLETED if status == 0 else State.FAILED
    reason = None if status == 0 else f"signal:{signal}" if signal else f"exit:{code}"
    began = at - timedelta(seconds=seconds)
    attempt = Attempt(
        number=1, boot=BOOT, opened_at=began, main=Process(7, 7), started_at=began,
        ending=Ending(status=status, ended_at=at, elapsed=seconds),
    )  # fmt: skip
    job = Job(
        id=1, name="plain", state=state, reason=reason, created_at=began, started_at=began, ended_at=at, origin=ORIGIN,
        spec=Spec(argv=("true",), cwd="/"), attempts=(attempt,), numbered=1,
    )  # fmt: skip
    return replace(job, **fields)


def running(**fields: Any) -> Job:
    """Make a job that runs."""
    job = ended(**fields)
    attempt = replace(job.attempts[0], ending=None, stale_since=NOW - HOUR)
    return replace(job, state=State.RUNNING, ended_at=None, attempts=(attempt,))


def waiting(**fields: Any) -> Job:
    """Make a job that waits."""
    return replace(ended(), state=State.PENDING, started_at=None, ended_at=None, attempts=(), numbered=0, **fields)


def run_by(*argv: str, cwd: str = "/") -> Spec:
    """Say what to run."""
    return Spec(argv=argv, cwd=cwd)


USUAL = Usual(9, 5.0, 10.0, 20.0, 25.0)
YESTERDAY = NOW - 20 * HOUR

#: A job for each example that it finds.
FOUND: dict[str, Job] = {
    "state = failed": ended(256),
    "state in (failed, canceled) ended >= today": ended(256, state=State.CANCELED),
    "@failed @today name = backup*": ended(9, name="backup-db"),
    'name = "backup*" AND (state = failed OR duration > 20m)': ended(name="backup-home", seconds=1300.0),
    "reason = exit:* exit_code not in (1, 2)": ended(23 * 256),
    "signal = KILL OR @oom": ended(9),
    "codec": ended(warnings=(Warned(NOW, "clip-17: Codec not found"),)),
    '"disk full" -name = test*': ended(256, progress=Progress(message="Disk full on /srv")),
    "message:timeout": ended(progress=Progress(message="Timeout of the mirror")),
    r"command ~ '\brsync .*--delete\b'": ended(spec=run_by("rsync", "-a", "--delete", "x", "y")),
    "command *= ffmpeg cwd ^= /srv/video": ended(spec=run_by("ffmpeg", "-i", "a.mov", cwd="/srv/video/today")),
    "label.env = prod -label.owner is set": ended(labels={"env": "prod"}),
    "labels:env": ended(labels={"env": ""}),
    'label."cost centre" in (17, 18)': ended(labels={"cost centre": "18"}),
    "duration between 5m and 2h": ended(seconds=7200.0),
    "wait > 10m group = night": waiting(group="night", created_at=NOW - HOUR),
    "memory > 4G OR written >= 100GiB": ended(usage=Usage(write_bytes=100 * 2**30)),
    "cpu > 2h created >= -30d": ended(usage=Usage(cpu_seconds=7201.0)),
    "ratio > 200%": ended(usual=USUAL, seconds=21.0),
    "progress < 50% state = running updated < -10m": running(progress=Progress(fraction=0.49, updated_at=NOW - HOUR)),
    "items.failed > 0 state = completed": ended(progress=Progress(items=Tally(failed=1, completed=9))),
    "created = yesterday uid = me": ended(at=YESTERDAY, origin=Origin(uid=1000, pid=1)),
    "started between 02:00 and 04:00": ended(seconds=6.5 * 3600),
    "ended >= 2026-11-01 ended < 2026-12-01T00:00:00Z": ended(at=NOW - 100 * HOUR),
    "id between 100 and 199 attempts > 1": ended(id=150, numbered=2),
    "parent = 17 NOT @ended": waiting(parent=17),
    "exit_code is null @ended": ended(reason="lost", state=State.FAILED, attempts=()),
    "begun = yes stale = yes": running(spec=None),
    "warned > 0 warnings !~ '(?i)deprecat'": ended(warned=1, warnings=(Warned(NOW, "slow"),)),
    "priority >= 10 state = pending": waiting(priority=10),
}
#: What most of them do not find.
PLAIN = ended(at=NOW - 1000 * HOUR, origin=Origin(uid=7, pid=1))


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_finds_what_it_says(text: str) -> None:
    """It finds the job that was made for it, and not just any; of jobs that have ended so does the database."""
    which, job = read(text), replace(FOUND[text], id=150)
    assert which.matches(job, MOMENT)
    assert not which.matches(PLAIN, MOMENT)
    condition, values = which.sql()
    with closing(database()) as connection:
        rows.put_jobs(connection, [job, PLAIN])
        found = connection.execute(f"SELECT id FROM {rows.WHOLE_JOBS} WHERE {condition}", values).fetchall()  # noqa: S608
    assert found == ([(150,)] if job.done else found)


def test_there_are_enough_examples() -> None:
    """Twenty at least, each with a job of its own above."""
    assert len(EXAMPLES) >= 20
    assert FOUND.keys() == EXAMPLES.keys()


def test_all_of_the_language_is_told() -> None:
    """Every field with all its names, every operator, kind, preset and function."""
    for told in listing():
        assert re.search(rf"^\.It Va {re.escape(told.name)} Pq {re.escape(told.kind)}$", PAGE, re.MULTILINE)
        for name in told.aliases:
            assert name in PAGE.replace("\\", "")
    assert PAGE.count("\n.It Ic ") == len({row.symbol for row in OPERATORS.values()})
    for preset in BUILT_IN:
        assert f".It Cm @{preset.name}\n" in PAGE
    for name in FUNCTIONS:
        assert f".It Fn {name}" in PAGE
    assert FUNCTIONS.keys() == FUNCTIONS_TOLD.keys()


def test_what_fits_a_kind_is_told() -> None:
    """The operators under a kind are those that the parser takes."""
    words = PAGE.replace("\n", " ").replace("\\(ha", "^").replace("\\(ti", "~")
    kinds = {kind for row in OPERATORS.values() for kind in row.kinds}
    for kind in kinds:
        assert f"Operators: {', '.join(symbols(kind))}." in words, kind.name
