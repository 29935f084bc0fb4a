"""Numbers that cannot be are mended, and warned of once; no loop ends because of them."""

import contextlib
import warnings
from collections.abc import Callable

import pytest

import jobd
from jobd.reporting.job import Job
from tests.reporting.said import Said

#: {what a program says: (what it is told, what it has amounted to: done, total and fraction)}
MENDED: dict[str, tuple[Callable[[Job], object], str, tuple[float | None, float | None, float | None]]] = {
    "beyond": (lambda job: job.advance(10), "10 are done of 2; the total is taken as 10", (10, 10, 1)),
    "set beyond": (lambda job: job.progress(3), "3 are done of 2; the total is taken as 3", (3, 3, 1)),
    "below": (lambda job: job.advance(-1), "done cannot be -1; it is taken as 0", (0, 2, 0)),
    "total": (lambda job: job.progress(1, -5), "total cannot be -5; it is taken as not known", (1, 2, 0.5)),
    "stage": (lambda job: job.stage("s", total=-6), "total cannot be -6", (0, None, None)),
    "percent": (lambda job: job.progress(fraction=40), "fraction cannot be 40; it is taken as 1", (None, 2, 1)),
    "loop": (lambda _: list(jobd.track("abc", total=2)), "3 are done of 2; the total is taken as 3", (3, 3, 1)),
}


@pytest.mark.parametrize("said_so", MENDED)
def test_what_is_made_of_it(said: Said, said_so: str) -> None:
    """The warning names the value and what it is taken for, and the line of the program."""
    say, told, amounts = MENDED[said_so]
    with pytest.warns(RuntimeWarning) as caught, jobd.job("unused", total=2) as job:
        say(job)
    assert [str(one.message).startswith(f"jobd: {told}") for one in caught] == [True]
    assert caught[0].filename == __file__
    assert (said.progress.done, said.progress.total, said.fraction) == amounts


def test_the_total_of_a_job(said: Said) -> None:
    """One below 0 is as if there were none; that of endless work is no mistake."""
    told = "total cannot be -3; it is taken as not known"
    with pytest.warns(RuntimeWarning, match=told), jobd.job("unused", total=-3) as job:
        job.advance()
    assert (said.progress.done, said.progress.total, said.fraction) == (1, None, None)
    with jobd.job("unused", total=float("inf")) as job:
        job.advance(2)
    assert (said.progress.done, said.progress.total) == (3, None)


@pytest.mark.usefixtures("said")
def test_once_for_each_line() -> None:
    """A long loop says it once; the next one is another."""
    with warnings.catch_warnings(record=True) as caught, jobd.job("unused", total=1) as job:
        warnings.simplefilter("always")
        for _ in range(100):
            job.advance()
        for _ in range(100):
            job.advance()
    assert [str(one.message)[:22] for one in caught] == ["jobd: 2 are done of 1;", "jobd: 101 are done of "]


def test_a_warning_is_no_exception(said: Said) -> None:
    """Where warnings are errors the loop goes on, too, and a rounding error is not worth a word."""
    with warnings.catch_warnings(), jobd.job("unused", total=1) as job:
        warnings.simplefilter("error")
        job.advance(3)
    assert said.progress.done == 3
    with warnings.catch_warnings(record=True) as caught, jobd.job("unused") as job:
        warnings.simplefilter("always")
        job.progress(fraction=0.1 * 3 + 0.7 + 1e-12)
    assert caught == []
    assert said.fraction == 1


@pytest.mark.usefixtures("said")
def test_a_block_entered_by_others() -> None:
    """The line is that of the program also where a stack of blocks enters it."""
    with pytest.warns(RuntimeWarning, match="-4") as caught, contextlib.ExitStack() as stack:
        stack.enter_context(jobd.job("unused", total=-4))
    assert caught[0].filename == __file__
