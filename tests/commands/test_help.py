"""jobd help: the short help in a pipe, the manual page on a terminal, topics, and slips."""

import shutil
from pathlib import Path

import pytest

from tests.calling import jobd, on_terminal

with_man = pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")


def test_without_words_it_is_the_help() -> None:
    """The same as --help."""
    assert jobd("help").out == jobd("--help").out


@pytest.mark.parametrize(
    "words", [["submit"], ["daemon"], ["daemon", "status"], ["completion", "bash"], ["ls"]], ids=" ".join
)
def test_in_a_pipe_it_is_the_short_help(words: list[str]) -> None:
    """The same as --help of the command, also below a noun and by another word for it."""
    done = jobd("help", *words)
    assert (done.status, done.err) == (0, "")
    assert done.out.partition("\n")[2] == jobd(*words, "--help").out.partition("\n")[2]
    assert done.out.startswith("Usage: jobd ")


@with_man
@pytest.mark.parametrize("words", [["submit"], ["ls"], ["daemon", "status"]], ids=" ".join)
def test_on_a_terminal_it_is_the_manual(words: list[str], tmp_path: Path) -> None:
    """The page is shown by man, whether pages are installed or not."""
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho the pager; cat\n")
    pager.chmod(0o755)
    shown = on_terminal("help", *words, environ={"MANPAGER": str(pager), "PAGER": str(pager)})
    assert shown.status == 0, shown
    assert "the pager" in shown.out
    assert "General Commands Manual" in shown.out


@with_man
@pytest.mark.parametrize("topic", ["protocol", "states", "jobd.toml"])
def test_topics(topic: str) -> None:
    """What is no command has a page, too, shown as text in a pipe."""
    done = jobd("help", topic, environ={"COLUMNS": "40"})
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(("JOBD-", "JOBD.TOML"))
    assert "DESCRIPTION" in done.out


def test_without_man_the_page_is_printed_as_it_is(tmp_path: Path) -> None:
    """Better than nothing; a command still has its short help."""
    environ = {"PATH": str(tmp_path)}
    assert jobd("help", "states", environ=environ).out.startswith(".Dd ")
    assert on_terminal("help", "submit", environ=environ).out.startswith("Usage: jobd submit")


def test_slips() -> None:
    """What is neither is a usage error, with what was meant."""
    done = jobd("help", "sbmit")
    assert (done.status, done.out) == (2, "")
    assert "'sbmit'; did you mean 'submit'?" in done.err
