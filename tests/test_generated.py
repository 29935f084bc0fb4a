"""What is generated and committed is what the program says today: manual pages and completions."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest

from jobd.cli import program
from jobd.commands import every
from jobd.core.model import State
from jobd.core.work.items import ItemState
from jobd.manual import tree
from jobd.manual.library import Library
from tests.source import ROOT

FILES = Library(program(), every)
PAGES = [name for name in FILES if name.startswith("man/")]
#: Write a file, once.
text_of = cache(FILES.__getitem__)


def test_committed_equals_generated() -> None:
    """Whoever changes a command, a setting or an error runs `python -m jobd.manual` and commits what it wrote."""
    committed = {
        f"{path.parent.name}/{path.name}": path.read_text()
        for folder in ("man", "completions")
        for path in (ROOT / folder).iterdir()
    }
    different = sorted(name for name in FILES.keys() | committed.keys() if FILES.get(name) != committed.get(name))
    assert different == [], "run: python -m jobd.manual"


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_correct_mdoc(name: str) -> None:
    """Mandoc has nothing to warn of."""
    run = ["mandoc", "-T", "lint", "-W", "warning"]
    assert subprocess.run(run, input=text_of(name), capture_output=True, text=True, check=False).stdout == ""


@pytest.mark.parametrize("name", PAGES)
def test_references_lead_somewhere(name: str) -> None:
    """Each page of jobd that another one refers to exists."""
    found = {f"man/{page}.{section}" for page, section in re.findall(r"\.Xr (jobd\S*) (\d)", text_of(name))}
    assert found <= FILES.keys()


@pytest.mark.parametrize(("shell", "script"), [("bash", "jobd.bash"), ("zsh", "_jobd"), ("fish", "jobd.fish")])
def test_completions_are_correct_shell(shell: str, script: str) -> None:
    """Each shell takes its script."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    run = [shell, "-n", str(ROOT / "completions" / script)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", PAGES)
def test_every_command_says_what_it_does_and_shows_how(name: str) -> None:
    """No page is without a sentence, and each command has examples."""
    summary = re.search(r"\.Nd (.*)", text_of(name))
    assert summary
    assert len(summary[1]) > len("jobd-x")
    assert ".Sh EXAMPLES" in text_of(name) or name.endswith(".7")


def test_words_that_are_offered_are_taken() -> None:
    """What man page and completions name as the values of an option is what its command reads."""
    offered = {}
    for verb in tree.every(tree.read(program(), ("jobd",))):
        command: click.Command = program()
        for name in verb.path[1:]:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), name) or command
        for option in verb.options:
            found = next(each for each in command.params if set(each.opts) & set(option.flags))
            for word in option.source.words:
                assert found.type.convert(word, found, click.Context(command))
            offered[verb.words, option.flags[-1]] = option.source.words
    assert offered["items", "--state"] == tuple(ItemState)
    assert offered["list", "--state"] == offered["wait", "--state"] == tuple(State)
    assert "submitted" in offered["events", "--type"]


#: Devices of the tests, of a restart in place, and names kept free for later.
OWN = {"JOBD_CRASH", "JOBD_CRASH_LOG", "JOBD_LOCK_FD", "JOBD_ARRAY_INDEX", "JOBD_ENTRY", "JOBD_SLOT", "JOBD_SUBMIT_DIR"}


def test_variables_of_the_program_are_documented() -> None:
    """Each JOBD_ variable that the source names is told in jobd(1) or jobd.toml(5)."""
    text = "".join(path.read_text() for path in (ROOT / "jobd").rglob("*.py") if "manual" not in path.parts)
    named = set(re.findall(r"\bJOBD_[A-Z]+(?:_[A-Z]+)*\b", text))
    documented = set(re.findall(r"JOBD_[A-Z_]+", text_of("man/jobd.1") + text_of("man/jobd.toml.5")))
    assert named - OWN <= documented


def test_check_is_silent_when_all_is_well() -> None:
    """`python -m jobd.manual --check` says by its exit status whether something is stale."""
    run = [sys.executable, "-m", "jobd.manual", "--check"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_writing_replaces_what_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs is written, what is wanted no more goes, what is right stays, and a second run changes nothing."""
    from jobd.manual import __main__ as manual

    monkeypatch.setattr(manual, "ROOT", tmp_path)
    (tmp_path / "man").mkdir()
    (tmp_path / "man" / "jobd-gone.1").write_text("old")
    assert manual.main(["--check"]) == 1
    assert manual.main([]) == 0
    assert {f"{path.parent.name}/{path.name}" for path in tmp_path.glob("*/*")} == FILES.keys()
    assert manual.main(["--check"]) == 0
    assert manual.main(["--other"]) == 2
