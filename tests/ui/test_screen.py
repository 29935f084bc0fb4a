"""Whatever a command says arrives, or the command learns why not; and looks as the other end can show it."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jobd.ui.screen import Screen, wants_color
from jobd.ui.sink import OutputClosed, OutputFailed, Sink, write_all
from tests.source import ROOT
from tests.ui.terminals import XTERM, screen_on_terminal, terminal

PROGRAM = """
import os, sys
from jobd.ui.screen import Screen
from jobd.ui.sink import OutputFailed
screen = Screen(sys.stdout, sys.stderr, os.environ)
try:
    screen.data("one\\n" * 3)
    screen.json({"id": 1})
    screen.write_bytes(b"\\xff" * 200000)
except OutputFailed as error:
    sys.exit(screen.error(f"cannot write output: {error.strerror}", "free some space", 74))
"""


def run(shell: str) -> subprocess.CompletedProcess[str]:
    """Run the program above with the redirections of a shell."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PROGRAM": PROGRAM, "PYTHON": sys.executable}
    return subprocess.run(
        ["sh", "-c", shell], env=environ, capture_output=True, text=True, errors="replace", check=False
    )


def test_a_full_disk_is_said_once() -> None:
    """Writing to a full disk is an error with a reason, and nothing is left for the interpreter's exit."""
    done = run('"$PYTHON" -c "$PROGRAM" >/dev/full')
    assert done.returncode == 74
    assert done.stderr == "jobd: cannot write output: No space left on device\n  free some space\n"


def test_a_closed_output_is_said_once() -> None:
    """A command started without standard output says so; it does not write into another file."""
    done = run('"$PYTHON" -c "$PROGRAM" >&-')
    assert (done.returncode, done.stderr.splitlines()[0]) == (74, "jobd: cannot write output: Bad file descriptor")


def test_a_closed_error_stream_changes_nothing() -> None:
    """Without standard error the data arrives all the same, and the status tells of an error."""
    done = run('"$PYTHON" -c "$PROGRAM" 2>&- | head -n 4')
    assert done.stdout == 'one\none\none\n{"id":1}\n'
    assert run('"$PYTHON" -c "$PROGRAM" 2>&- >/dev/full').returncode == 74


def test_a_reader_that_goes_away_is_told_from_other_errors() -> None:
    """A closed pipe raises an error of its own, that is a BrokenPipeError too."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, pytest.raises(OutputClosed) as caught:
        Screen(stream, None, {}).data("text")
    assert isinstance(caught.value, BrokenPipeError)
    assert isinstance(caught.value, OutputFailed)


def test_a_non_blocking_pipe_gets_everything() -> None:
    """Where another program has made the pipe non-blocking, the rest is written when there is room."""
    reader = subprocess.Popen(["wc", "-c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert reader.stdin
    os.set_blocking(reader.stdin.fileno(), False)
    write_all(reader.stdin.fileno(), bytes(3_000_000))
    assert reader.communicate()[0].split() == [b"3000000"]


def test_what_was_printed_before_comes_before() -> None:
    """What somebody else left in the stream's buffer keeps its place."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        stream.write("first ")
        Screen(stream, None, {}).data("second")
    with os.fdopen(reading) as arrived:
        assert arrived.read() == "first second\n"


def test_streams_without_a_descriptor() -> None:
    """A stream in memory gets text and bytes too, with or without a binary layer."""
    text, binary = io.StringIO(), io.BytesIO()
    wrapped = io.TextIOWrapper(binary, encoding="utf-8")
    for stream in (text, wrapped):
        screen = Screen(stream, stream, {})
        assert (screen.descriptor, screen.columns, screen.is_terminal) == (None, 80, False)
        screen.data("é")
        screen.write_bytes(b"raw\n")
        screen.error("wrong")
    assert text.getvalue() == binary.getvalue().decode() == "é\nraw\njobd: wrong\n"


def test_data_ends_with_one_newline() -> None:
    """A line is ended; an empty text prints nothing; `write` adds nothing."""
    out = io.StringIO()
    screen = Screen(out, None, {})
    for text in ("143", "144\n", ""):
        screen.data(text)
    screen.write("part")
    assert out.getvalue() == "143\n144\npart"


def test_json_is_one_compact_line() -> None:
    """A document is one line of UTF-8, whatever the encoding of the stream."""
    binary = io.BytesIO()
    screen = Screen(io.TextIOWrapper(binary, encoding="latin-1"), None, {}, json=True)
    screen.json([{"id": 1, "name": "漢"}])
    screen.json_line({"id": 2})
    assert binary.getvalue().decode() == '[{"id":1,"name":"漢"}]\n{"id":2}\n'


def test_an_encoding_that_lacks_a_character_shows_its_escape() -> None:
    """No name makes a command fail because of the locale."""
    binary = io.BytesIO()
    stream = io.TextIOWrapper(binary, encoding="ascii")
    Screen(stream, None, {}).data("caf\xe9 漢")
    assert binary.getvalue() == b"caf\\xe9 \\u6f22\n"


def test_an_error_is_a_line_and_a_hint() -> None:
    """What went wrong, then indented what to do; further lines of the message are indented too; controls are shown."""
    err = io.StringIO()
    screen = Screen(None, err, {}, quiet=True, json=True)
    assert screen.error("no job 999; the newest is 144", "jobd list", 66) == 66
    assert screen.error('filter: no field "stat"\nstat = failed\n^^^^', "Fields: jobd history --fields\n") == 1
    assert screen.error("no job \x1b[2J\x07") == 1
    assert err.getvalue().splitlines() == [
        "jobd: no job 999; the newest is 144",
        "  jobd list",
        'jobd: filter: no field "stat"',
        "  stat = failed",
        "  ^^^^",
        "  Fields: jobd history --fields",
        "jobd: no job ^[[2J^G",
    ]


def test_hints_need_a_person_and_notices_do_not() -> None:
    """A hint is for a terminal; a notice is for everybody but quiet and JSON; both are harmless and on stderr."""
    with screen_on_terminal() as (screen, opened):
        screen.hint("  jobd tail -f 143\x07")
        screen.notice("daemon not running")
        assert "  jobd tail -f 143^G" in opened.until("! daemon not running")
    cases: list[tuple[dict[str, Any], str]] = [({}, "! n\n"), ({"quiet": True}, ""), ({"json": True}, "")]
    for choices, seen in cases:
        err = io.StringIO()
        screen = Screen(io.StringIO(), err, {}, **choices)
        screen.hint("hint")
        screen.notice("n")
        assert err.getvalue() == seen
    with screen_on_terminal(quiet=True) as (screen, opened):
        screen.hint("hint")
        screen.data("143")
        assert opened.until("143") == "143\n"


def test_colours_on_a_terminal_only() -> None:
    """The same call paints on a terminal and does not in a pipe; each stream is judged by itself."""
    with screen_on_terminal() as (screen, opened):
        assert screen.paint("ok", "green", "bold") == "\x1b[32;1mok\x1b[0m"
        assert screen.paint("ok") == "ok"
        screen.error("wrong")
        assert opened.until("wrong") == "\x1b[31;1mjobd:\x1b[0m wrong\n"
    with terminal() as opened:
        mixed = Screen(io.StringIO(), opened.stream, XTERM)
        assert (mixed.color, mixed.error_color) == (False, True)
    assert Screen(io.StringIO(), None, {}).paint("ok", "green") == "ok"


@pytest.mark.parametrize(
    ("choice", "environ", "is_terminal", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1", "CLICOLOR": "0", "TERM": "dumb"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"CLICOLOR": "1"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
    ],
)
def test_who_decides_about_colours(choice: str, environ: Mapping[str, str], is_terminal: bool, wanted: bool) -> None:  # noqa: FBT001
    """The flag, then NO_COLOR, then what forces, then CLICOLOR, then the terminal."""
    assert wants_color(environ, choice, is_terminal=is_terminal) is wanted


def test_a_wrong_colour_choice_is_named() -> None:
    """Another choice is refused with the choices there are."""
    with pytest.raises(ValueError, match=re.escape("no colour choice 'red'; it is one of auto, always, never")):
        Screen(None, None, {}, color="red")


@pytest.mark.parametrize(
    ("environ", "encoding", "wanted"),
    [
        ({"LANG": "en_US.UTF-8"}, "utf-8", True),
        ({}, "UTF_8", True),
        ({"LANG": "C"}, "utf-8", False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LC_CTYPE": "C", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, "utf-8", False),
        ({"LC_CTYPE": "C.UTF-8"}, "utf-8", True),
        ({"LC_ALL": "C.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.ISO-8859-1"}, "iso8859-1", False),
    ],
)
def test_who_decides_about_ascii(environ: Mapping[str, str], encoding: str, wanted: bool) -> None:  # noqa: FBT001
    """Blocks and marks need a stream in UTF-8, and a user who did not choose the C locale."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert Screen(stream, None, environ).unicode is wanted
    assert Screen(stream, None, environ, ascii=True).unicode is False


def test_the_c_locale_is_seen_through_the_interpreter() -> None:
    """Python turns LANG=C into UTF-8 for itself; the user still gets ASCII."""
    program = "import os, sys\nfrom jobd.ui.screen import Screen\nprint(Screen(sys.stdout, None, os.environ).unicode)"
    for locale, seen in (("C", b"False\n"), ("C.UTF-8", b"True\n")):
        environ = {"LANG": locale, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, check=True)
        assert done.stdout == seen


def test_columns() -> None:
    """COLUMNS, then the terminal as it is now, then 80."""
    with screen_on_terminal(columns=40) as (screen, opened):
        assert screen.columns == 40
        opened.resize(100)
        assert screen.columns == 100
        opened.resize(0)
        assert screen.columns == 80
    for text, seen in (("132", 132), ("0", 80), ("wide", 80), ("-5", 80), ("", 80)):
        assert Screen(io.StringIO(), None, {"COLUMNS": text}).columns == seen


@pytest.mark.parametrize(
    ("choices", "term", "live"),
    [({}, "xterm", True), ({}, "dumb", False), ({"json": True}, "xterm", False), ({"plain": True}, "xterm", False)],
)
def test_what_may_be_repainted(choices: dict[str, Any], term: str, live: bool) -> None:  # noqa: FBT001
    """Only a terminal that can move its cursor, with nobody asking for lines a script can read."""
    with terminal() as opened:
        screen = Screen(opened.stream, None, {"TERM": term}, **choices)
        assert (screen.live, screen.plain) == (live, choices.get("plain", False))
        assert not Screen(opened.stream, None, {}).live
    assert Screen(io.StringIO(), None, {"TERM": "xterm"}).plain


def test_a_file_is_written_through_its_descriptor(tmp_path: Path) -> None:
    """What `descriptor` names is where data goes, for whoever moves bytes there unseen."""
    with (tmp_path / "out").open("w") as stream:
        screen = Screen(stream, None, {})
        screen.data("a")
        assert screen.descriptor == stream.fileno()
        os.write(stream.fileno(), b"b\n")
        screen.data("c")
    assert (tmp_path / "out").read_text() == "a\nb\nc\n"
    assert Sink(None).columns() == 0
