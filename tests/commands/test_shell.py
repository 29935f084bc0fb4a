"""What a command is given: where it was called from, and one way to print whatever was asked for."""

import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobd.commands._shell import Shell
from jobd.core.errors import BadValue, ConfigInvalid
from jobd.core.text import Base64, raw
from jobd.ui.fields import Template
from tests.source import ROOT


def _never(*_: Any) -> None:
    raise AssertionError


def shell(**environ: str) -> Shell:
    """Make a shell with that environment."""
    return Shell(environ, ["/venv/bin/python"], offline=_never, make_server=_never)


class Thing(msgspec.Struct, frozen=True):
    """A record."""

    id: int
    name: str
    parts: dict[str, int | None] = {}


THINGS = [Thing(1, "one", {"a": 1}), Thing(2, "two\nlines", {"a": None})]


def printed(asking: Shell, capsys: pytest.CaptureFixture[str], *, one: bool = False) -> str:
    """Print the things."""
    if one:
        asking.emit(THINGS[0], lambda: asking.screen.data("shown"))
    else:
        asking.emit_all(THINGS, lambda: asking.screen.data("shown"))
    return capsys.readouterr().out


def test_a_person_is_shown_something(capsys: pytest.CaptureFixture[str]) -> None:
    """Without flags the command shows what it likes."""
    assert printed(shell(), capsys) == printed(shell(), capsys, one=True) == "shown\n"


def test_json_is_an_object_or_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    """One record is an object, several are an array, whatever their number; fields may be picked."""
    asking = shell()
    asking.asked.json = True
    assert json.loads(printed(asking, capsys)) == [msgspec.to_builtins(thing) for thing in THINGS]
    assert json.loads(printed(asking, capsys, one=True)) == msgspec.to_builtins(THINGS[0])
    asking.asked.fields = ("id", "parts.a")
    assert json.loads(printed(asking, capsys))[1] == {"id": 2, "parts": {"a": None}}
    asking.emit_all([], _never)
    assert capsys.readouterr().out == "[]\n"


def test_a_template_gives_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Also if a value has several lines."""
    asking = shell()
    asking.asked.template = Template("{id}: {name}")
    assert printed(asking, capsys) == "1: one\n2: two\\nlines\n"


def test_quiet_gives_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """One a line, and no remarks."""
    asking = shell()
    asking.asked.quiet = True
    assert printed(asking, capsys) == "1\n2\n"
    asking.screen.notice("never seen")
    assert capsys.readouterr().err == ""


def test_a_setting_asks_for_json_unless_a_flag_asks_for_else(capsys: pytest.CaptureFixture[str]) -> None:
    """JOBD_OUTPUT=json is a default."""
    assert printed(shell(JOBD_OUTPUT="json"), capsys).startswith("[{")
    asking = shell(JOBD_OUTPUT="json")
    asking.asked.quiet = True
    assert printed(asking, capsys) == "1\n2\n"


def test_settings_that_cannot_be_read() -> None:
    """The screen does without them, so that the error itself can be shown; whoever asks is told."""
    asking = shell(JOBD_OUTPUT_COLOR="green")
    assert asking.screen.color is False
    with pytest.raises(ConfigInvalid):
        asking.check_settings()
    shell(JOBD_DIR="/srv", JOBD_JOB_ID="7", JOBD_AUTOSTART="0").check_settings()


def test_a_flag_for_color_goes_before_the_setting() -> None:
    """The setting is only a default."""
    asking = shell(JOBD_OUTPUT_COLOR="always")
    asking.asked.color = "never"
    assert asking.screen.color is False
    assert shell(JOBD_OUTPUT_COLOR="always").screen.color is True


HERE = """
import json, sys, msgspec
from jobd.commands._shell import Shell
shell = Shell({}, [], offline=None, make_server=None)
sys.stdout.write(msgspec.json.encode(shell.here).decode())
"""


def test_here_is_without_loss(tmp_path: Path) -> None:
    """Directory and environment with any bytes, umask and limits: all as the process has them."""
    folder = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(folder)
    environ = {**os.environb, b"ODD": b"\xff=\n", b"PYTHONPATH": os.fsencode(ROOT)}

    def prepare() -> None:
        os.umask(0o027)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))

    done = subprocess.run(
        [sys.executable, "-c", HERE], cwd=folder, env=environ, preexec_fn=prepare, capture_output=True, check=True
    )
    here = json.loads(done.stdout)
    texts = [raw(text if isinstance(text, str) else Base64(text["b64"])) for text in (here["cwd"], *here["environ"])]
    assert texts[0] == folder
    assert b"ODD=\xff=\n" in texts
    assert (here["umask"], here["limits"]["NOFILE"], here["uid"]) == (0o027, [200, 300], os.getuid())
    assert "OFILE" not in here["limits"]
    assert here["tty"] is None


def test_here_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current directory that was removed is an error of one line."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(BadValue, match="does not exist any more"):
        _ = shell().here


def test_no_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program started without one still has a screen; the error comes when something is written."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(OSError, match="Bad file descriptor"):
        shell().screen.data("x")
