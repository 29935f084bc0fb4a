"""How the end of a job is shown: how long still, and by how much it is past what is usual."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from jobd.commands._shell import Asked
from jobd.commands.screens import cards, looks, tables
from jobd.config import Paths
from jobd.core import showing
from jobd.core.estimates.usual import Experience
from jobd.core.model import State
from jobd.core.views import JobView
from jobd.core.work.progress_record import Progress, Sample
from jobd.ui.screen import Screen
from tests.core.samples import job_in, moment

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

SCREEN = Screen(io.StringIO(), io.StringIO(), {"COLUMNS": "200", "LANG": "C.UTF-8"})
HALF = Progress(fraction=0.5, updated_elapsed=200.0, samples=(Sample(100.0, 0.25), Sample(200.0, 0.5)))
EXPERIENCE = Experience(20, 16.0, 18.0, 19.0, 20.0)


def seen(elapsed: float, progress: Progress = Progress(), state: State = State.RUNNING) -> JobView:  # noqa: B008
    """Look at a job some seconds after its start."""
    from msgspec.structs import replace

    job = replace(job_in(state), progress=progress, usual=EXPERIENCE.usual)
    return showing.view(job, moment(elapsed), None, None, EXPERIENCE)


def card(job: JobView) -> str:
    """Draw the card of a job."""
    out = io.StringIO()
    screen = Screen(out, io.StringIO(), {})
    shell = SimpleNamespace(screen=screen, asked=Asked(), paths=Paths(Path("/nowhere")))
    cards.show(cast("Shell", shell), [job], [])
    return out.getvalue()


@pytest.mark.parametrize(
    ("job", "table", "line"),
    [
        (seen(10.0), "8s±", "left"),
        (seen(200.0), "3m over p95", "over the usual p95 by 3m"),
        (seen(200.0, HALF), "3m±", "left · over the usual p95 by 3m"),
    ],
    ids=["as usual", "past it, silent", "past it, with a rate"],
)
def test_running(job: JobView, table: str, line: str) -> None:
    """The table says it briefly, the card and the bottom line in words; silence past what is usual gives no number."""
    assert table in tables.active([job], SCREEN)
    assert line in looks.bottom_line(job, SCREEN)
    assert ("over the usual p95 by 3m" in card(job)) == ("over" in line)


def test_time_goes_on() -> None:
    """Between two looks at a job what it is over grows, and what is left shrinks."""
    assert "by 3m10s" in looks.bottom_line(seen(200.0), SCREEN, since=10.0)
    assert looks.left(seen(10.0), since=100.0) == "0s"


def test_ended() -> None:
    """An ended job has no end to come."""
    done = seen(200.0, state=State.COMPLETED)
    assert (looks.left(done), looks.over(done)) == ("", "")
