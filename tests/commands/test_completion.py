"""jobd completion: the scripts, where they are installed, and the words that a TAB key is offered."""

import os
from pathlib import Path

import pytest

from tests.calling import jobd
from tests.living import Living
from tests.source import ROOT

SCRIPTS = {"bash": "jobd.bash", "zsh": "_jobd", "fish": "jobd.fish"}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_the_committed_one(shell: str) -> None:
    """What is printed is what is shipped."""
    done = jobd("completion", shell)
    assert (done.status, done.err) == (0, "")
    assert done.out == (ROOT / "completions" / SCRIPTS[shell]).read_text()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    return tmp_path


def files(home: Path) -> dict[str, str]:
    """Read every file below the home."""
    return {str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()}


def test_install_is_for_the_users_shell(home: Path) -> None:
    """The script of $SHELL and all manual pages, as they are shipped; a second time changes nothing and says so."""
    done = jobd("completion", "install")
    assert done.status == 0, done
    found = files(home)
    script = found.pop(".local/share/bash-completion/completions/jobd")
    assert script == (ROOT / "completions" / "jobd.bash").read_text()
    pages = {
        f".local/share/man/man{path.suffix[1:]}/{path.name}": path.read_text() for path in (ROOT / "man").iterdir()
    }
    assert found == pages
    times = {path: os.stat(home / path).st_mtime_ns for path in found}
    again = jobd("completion", "install")
    assert "written" not in again.out
    assert again.out.count("up to date") == done.out.count("written") == 4
    assert times == {path: os.stat(home / path).st_mtime_ns for path in found}


def test_install_mends_what_differs(home: Path) -> None:
    """An old page is replaced, and counted."""
    jobd("completion", "install")
    page = home / ".local/share/man/man1/jobd.1"
    text = page.read_text()
    page.write_text("old")
    assert "man1: 1 written, " in jobd("completion", "install").out
    assert page.read_text() == text


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", "data/bash-completion/completions/jobd"),
        ("zsh", "data/zsh/site-functions/_jobd"),
        ("fish", "config/fish/completions/jobd.fish"),
    ],
)
def test_install_for_a_shell_by_name(home: Path, shell: str, place: str) -> None:
    """Each shell's own directory, by the variables of the user; zsh needs a line more, and is told."""
    environ = {"XDG_DATA_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home / "config")}
    done = jobd("completion", "install", "--shell", shell, environ=environ)
    assert (home / place).read_text() == (ROOT / "completions" / SCRIPTS[shell]).read_text()
    assert sum("man" not in path.split("/") for path in files(home)) == 1
    assert ("fpath=" in done.err) == (shell == "zsh")


def test_an_unknown_shell_gets_all(home: Path) -> None:
    """Whoever uses another shell may use one of these, too."""
    done = jobd("completion", "install", environ={"SHELL": "/bin/elvish"})
    assert done.status == 0
    assert sum("man" not in path.split("/") for path in files(home)) == 3


def test_install_where_nothing_can_be_written(home: Path) -> None:
    """One line that names the place."""
    (home / ".local").write_text("")
    done = jobd("completion", "install")
    assert done.status == 1
    assert done.err.startswith(f"jobd: jobd completion install failed: {home}/.local/share/")
    assert len(done.err.splitlines()) == 1


def test_words_for_jobs(state_dir: Path) -> None:
    """Living jobs come first, then those that ended; a name is offered once, with its newest job."""
    with Living(state_dir) as living:
        for name in ("encode", "encode", "other"):
            living.submit("true", name=name)
        for job in (1, 2, 3):
            living.ended(job)
        living.submit("sleep", "60", name="long")
        words = living.call("completion.words")
        assert [word.split("\t")[0] for word in words] == ["4", "3", "2", "1"]
        assert words[1] == "3\tother completed"
        assert living.call("completion.words", kind="names", prefix="e") == ["encode\t2 completed"]
        assert living.call("completion.words", prefix="9") == []
