"""--retries and --retry-delay through the real program: every attempt is shown, and what comes next is said."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from msgspec.structs import replace

from jobd.commands.following.jobs import Following
from jobd.commands.following.output import Wanted
from jobd.config import Paths
from jobd.core import showing
from jobd.core.model import State
from jobd.ui.screen import Screen
from tests.commands.running import House
from tests.core.samples import job_in, moment
from tests.waiting import until

if TYPE_CHECKING:
    from jobd.commands._shell import Shell


def test_run_shows_every_attempt(house: House) -> None:
    """Its whole output, in order, however short each was; the status is that of the last one."""
    script = "echo attempt $JOBD_ATTEMPT; echo why >&2; [ $JOBD_ATTEMPT = 3 ] && exit 0; exit 4"
    done = house("run", "--retries", "3", "--retry-delay", "0s", "-J", "thrice", "--", "sh", "-c", script)
    assert (done.status, done.out) == (0, "".join(f"attempt {n}\nwhy\n" for n in (1, 2, 3)))
    done = house("run", "--retries", "1", "--retry-delay", "100ms", "-J", "twice", "--", "sh", "-c", script)
    assert (done.status, done.out) == (4, "attempt 1\nwhy\nattempt 2\nwhy\n")
    quiet = house("run", "--quiet-ok", "--retries", "2", "--retry-delay", "0s", "--", "sh", "-c", script)
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")


def test_what_is_said_on_a_terminal(house: House) -> None:
    """Why the attempt failed, and when the next one is due; in the list, on the card, in the line at the bottom."""
    with house.on_terminal(
        "run", "--retries", "2", "--retry-delay", "20m", "-J", "flaky", "--", "sh", "-c", "exit 4"
    ) as session:
        session.until("attempt 1 failed, exit 4; again in 20m")
        session.until("again in 20m")
        assert house("list", "flaky").out.split("\t")[2:4] == ["pending", "backoff"]
        assert any("again in 20m" in row for row in house.screen("list", columns=100))
        card = house.screen("status", "flaky", columns=100)
        assert any("pending, again in 20m, after exit 4" in row for row in card)
        assert any("Retries: 1 of 2, the first after 20m" in row for row in card)
        assert house("retry", "--dry-run", "flaky").out.endswith("flaky: pending\n")
        assert house("retry", "flaky").status == 0
        session.until("attempt 2 failed, exit 4; again in 40m")
        assert house("cancel", "flaky").status == 0
        assert session.end() == 4


class Terminal(io.StringIO):
    """What is a terminal as far as a screen knows."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(("began", "said"), [(None, "attempt 1 failed"), (1, "")])
def test_an_attempt_that_failed_before_it_was_told(began: int | None, said: str) -> None:
    """It is said of one that ran after the following had begun, and not of one that was over then."""
    job = replace(job_in(State.PENDING), not_before=moment(60).wall, attempts=job_in(State.FAILED).attempts)
    told = showing.view(job, moment(10), None, None)
    err = Terminal()
    screen = Screen(io.StringIO(), err, {"COLUMNS": "100", "LANG": "C.UTF-8"})
    shell = cast("Shell", SimpleNamespace(screen=screen, paths=Paths(Path("/nowhere"))))
    assert Following(shell, [replace(told, attempt=began)], iter([told]), Wanted(output=False)).run() >= 0
    assert said in err.getvalue()
    assert bool(said) == bool(err.getvalue())


def test_who_comes_later_sees_the_attempt_that_failed(house: House) -> None:
    """`tail -f` begins with the end of its output, and goes on with the next attempt."""
    script = "echo one $JOBD_ATTEMPT; echo two $JOBD_ATTEMPT; [ $JOBD_ATTEMPT = 2 ]"
    job_id = house.submit("sh", "-c", script, retries={"most": 1, "delay": 3600})
    until(lambda: house.daemon.job(job_id)["reason"] == "backoff")
    with house.started("tail", "-f", "-n", "1", str(job_id)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"two 1\n"
        house("retry", str(job_id))
        assert process.communicate(timeout=30)[0] == b"one 2\ntwo 2\n"


def test_it_is_in_the_record(house: House) -> None:
    """What was asked for, with what was left out."""
    job = house.json("submit", "--json", "--retries", "3", "--", "true")
    assert (job["retries"], job["retried"], job["not_before"]) == ({"most": 3, "delay": 10.0}, 0, None)
    job = house.json("submit", "--json", "--retries", "1", "--retry-delay", "2m", "--", "true")
    assert job["retries"] == {"most": 1, "delay": 120.0}
    assert house.json("submit", "--json", "--retries", "0", "--", "true")["retries"] is None


REFUSED = {
    ("--retry-delay", "1m"): (65, "it is not said how often to retry: --retries N"),
    ("--retries", "1001"): (2, "--retries"),
    ("--retries", "-1"): (2, "--retries"),
    ("--retries", "many"): (2, "--retries"),
    ("--retries", "1", "--retry-delay", "31d"): (65, "2592000"),
    ("--stale-after", "1s", "--on-stale", "retry"): (65, "--retries N"),
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_bad_input(house: House, words: tuple[str, ...]) -> None:
    """Each a line and its status."""
    status, said = REFUSED[words]
    done = house("submit", *words, "--", "true")
    assert (done.status, done.out) == (status, ""), done
    assert said in done.err
