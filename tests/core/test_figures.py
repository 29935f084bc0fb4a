"""The figures of a job are those of its view, and what its end makes is not there before it."""

from datetime import timedelta
from errno import EACCES, ENOENT

import pytest
from msgspec.structs import replace

from jobd.core import figures
from jobd.core.figures import Figures
from jobd.core.model import Ending, State
from jobd.core.showing import view
from tests.core.samples import AT, ENDED, USAGE, job_in, moment

SHOWN = {"attempts": "attempt", "reason": "reason", "exit_code": "exit_code", "signal": "signal", "duration": "elapsed"}


@pytest.mark.parametrize("state", State)
def test_they_are_what_the_view_shows(state: State) -> None:
    """One truth for whoever looks at a job and whoever searches for it."""
    job = replace(job_in(state), usage=USAGE, reason="exit:1", parent=3)
    found, shown = figures.of(job), view(job, moment(99), None, None)
    assert found.parent == 3
    assert found.wait == (None if state is State.PENDING else 0.0)
    if job.done:
        assert {name: getattr(found, name) for name in SHOWN} == {
            name: getattr(shown, field) for name, field in SHOWN.items()
        }
        assert (found.cpu, found.memory) == (shown.usage.cpu_seconds, shown.usage.peak_rss_bytes)
    else:
        assert found[4:] == (None,) * 5, "a living job changes often; these columns do not"


def test_what_is_not_known() -> None:
    """A job canceled before it ran has waited for nothing and taken no time."""
    job = replace(job_in(State.CANCELED), attempts=(), numbered=0, started_at=None)
    assert figures.of(job) == Figures(None, 0, None, None, None, None, None, None, None)


def test_waiting() -> None:
    """Seconds from when it was asked for, at last, to its start; what ran before jobd knew of it did not wait."""
    job = job_in(State.RUNNING)
    for before, waited in ((2.5, 2.5), (-60.0, 0.0)):
        asked = AT - timedelta(seconds=before)
        assert figures.of(replace(job, created_at=asked)).wait == waited
        assert figures.of(replace(job, created_at=AT - timedelta(days=3), renewed_at=asked)).wait == waited


@pytest.mark.parametrize(
    ("ending", "parts"),
    [
        (None, (None, None)),
        (Ending(), (None, None)),
        (Ending(status=0), (0, None)),
        (Ending(status=23 * 256), (23, None)),
        (Ending(status=9), (None, 9)),
        (Ending(status=139), (None, 11)),
        (Ending(status=127), (None, None)),
        (Ending(start_errno=ENOENT, start_step="exec"), (127, None)),
        (Ending(start_errno=ENOENT, start_step="cwd"), (126, None)),
        (Ending(start_errno=EACCES, start_step="exec"), (126, None)),
        (replace(ENDED, status=256, start_errno=ENOENT), (1, None)),
    ],
)
def test_exit_code_and_signal(ending: Ending | None, parts: tuple[int | None, int | None]) -> None:
    """Of a wait status one of them; of a command that could not be started what a shell gives it."""
    assert figures.ending_parts(ending) == parts
