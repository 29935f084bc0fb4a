"""Manual pages: correct mdoc, whatever a help text contains, and all that the program says of itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.config import known
from jobd.core.errors import every
from jobd.manual import statuses, tree
from jobd.manual.mdoc import Page, call, escape, sentences
from jobd.manual.pages import config_page, man_page
from tests.manual.sample import program

PATHS = [("jobd",), ("jobd", "list"), ("jobd", "submit"), ("jobd", "cancel"), ("jobd", "daemon")]
needs_mandoc = pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")


def page(*path: str) -> str:
    """Write the page of a command of the sample program."""
    return man_page(next(verb for verb in tree.every(tree.read(program, ("jobd",))) if verb.path == path))


def mandoc(text: str, *options: str) -> str:
    """Let mandoc read a page."""
    run = ["mandoc", *options]
    return subprocess.run(run, input=text, capture_output=True, text=True, check=False).stdout


def shown(text: str) -> str:
    """Give a page as a reader sees it: without overstriking, with single spaces."""
    return " ".join(re.sub(".\b", "", mandoc(text, "-T", "utf8")).split())


@needs_mandoc
@pytest.mark.parametrize("path", PATHS, ids="-".join)
def test_pages_are_correct_mdoc(path: tuple[str, ...]) -> None:
    """Mandoc has nothing to warn of."""
    assert mandoc(page(*path), "-T", "lint", "-W", "warning") == ""


@needs_mandoc
def test_the_page_of_the_configuration_is_correct_mdoc() -> None:
    """Mandoc has nothing to warn of."""
    assert mandoc(config_page(), "-T", "lint", "-W", "warning") == ""


@pytest.mark.parametrize("path", PATHS, ids="-".join)
def test_sections_stand_in_order(path: tuple[str, ...]) -> None:
    """Each page has the sections a reader looks for, in their order."""
    order = (
        "NAME SYNOPSIS DESCRIPTION COMMANDS OPTIONS NAMING_JOBS DURATIONS,_TIMES_AND_SIZES ENVIRONMENT FILES "
        "EXIT_STATUS EXAMPLES SEE_ALSO".split()
    )
    headings = [line[4:].replace(" ", "_") for line in page(*path).splitlines() if line.startswith(".Sh ")]
    found = [heading for heading in headings if path != ("jobd", "daemon") or heading != "COMMANDS"]
    assert found == [heading for heading in order if heading in found]
    assert {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT_STATUS", "SEE_ALSO"} <= set(found)


def test_pages_are_the_same_every_time() -> None:
    """Nothing in a page depends on when or where it is made."""
    assert page("jobd") == page("jobd")
    assert ".Dd November 21, 2026\n" in page("jobd")


LIST = """
.Dt JOBD-LIST 1
.Nm jobd-list
.Nd list jobs
.Op Ar options
.Op Ar job ...
Exit is quick.
.It Fl s , Fl \\-state Ar state
Only these.
One of pending, running, failed.
.It Fl j , Fl \\-json Ns Op = Ns Ar fields
.Ql \\-\\-json=? .
.It Fl \\-color , Fl \\-no\\-color
Really \\e not.
1 if nothing matched.
jobd list \\-\\-state failed
What went wrong:
\\&.hidden \\-\\-like\\-this
.Xr jobd 1
"""


@pytest.mark.parametrize("line", LIST.strip().splitlines())
def test_a_command_tells_all_of_itself(line: str) -> None:
    """Name, synopsis, options with their values and choices, statuses, examples and references are there."""
    assert line in page("jobd", "list").splitlines()


def test_hidden_things_stay_hidden() -> None:
    """What is hidden from help is not in the manual."""
    assert "secret" not in page("jobd") + page("jobd", "list")


def test_other_names_are_told() -> None:
    """The page of the program shows by which other words a command is known."""
    assert ".It Cm list , Cm ls , Cm ps" in page("jobd")


def test_a_noun_tells_of_its_verbs() -> None:
    """The commands below a noun share its page, each with synopsis, options and examples."""
    text = page("jobd", "daemon")
    for expected in (
        '.Nm jobd\n.Cm "daemon start"\n.Op Ar options\n',
        ".Ar file\n",
        ".Ss jobd daemon start\nStart the daemon.\n.Pp\nIt goes to the background.\n",
        ".It Fl \\-foreground\nStay in the terminal.\n",
        "jobd daemon start\n.Ed",
    ):
        assert expected in text


def test_lines_that_must_stay_as_they_are_do() -> None:
    """A table in a help text keeps its lines."""
    assert '.Bd -literal -offset indent\nkey    meaning\n\\-x     a "table" with \\e in it\n.Ed' in page("jobd")


def test_a_command_without_jobs_does_not_speak_of_missing_jobs() -> None:
    """Exit statuses are those a command can have; the page of the program lists all with their errors."""
    assert ".It 66\n" in page("jobd", "cancel")
    assert ".It 66\n" not in page("jobd", "daemon")
    assert "job not found" in page("jobd")


def test_every_exit_status_of_an_error_has_a_meaning() -> None:
    """Whoever adds an error with a new status says what that means."""
    assert {error.exit_status for error in every()} <= statuses.MEANINGS.keys()
    assert list(statuses.full()) == sorted(statuses.MEANINGS)
    assert all(meaning.endswith(".") for meaning in statuses.full().values())


def test_every_setting_is_in_the_manual() -> None:
    """Key, default, help and variable of each setting are told."""
    text = config_page()
    for setting in known().values():
        assert setting.variable in text
        assert f"{setting.key} = " in text
        assert " ".join(sentences(setting.help)) in text.replace("\n", " ")


AWKWARD = [
    ".Sh NOT A HEADING",
    "'quote",
    "a\\fBbold",
    "-x --long",
    "Op Ar Fl",
    "ends with .",
    "“ü” · 日本",
    "\\",
    "``",
    "`.`",
]


@needs_mandoc
@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_is_shown_as_it_is(text: str) -> None:
    """Text that looks like markup is text, in paragraphs, code, arguments and lists."""
    made = Page("jobd-awkward", 1, "awkward")
    made.heading("DESCRIPTION")
    made.paragraph("Before " + text)
    made.paragraph("    " + text)
    made.macro("Cm", text)
    made.items([(call("Ic", text)[1:], [text])])
    seen = shown(made.text())
    assert seen.count("NOT A HEADING") == 5 * text.count("NOT A HEADING")
    assert mandoc(made.text(), "-T", "lint", "-W", "error") == ""
    if "`" not in text:
        assert f"Before {text}" in seen


@needs_mandoc
@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"]), max_size=30))
def test_any_text_is_correct_mdoc(text: str) -> None:
    """No help text makes a page that mandoc calls wrong."""
    made = Page("jobd-any", 1, "any")
    made.heading("DESCRIPTION")
    made.paragraph("x " + text)
    made.literal([text])
    made.items([(call("Cm", text)[1:], [text])])
    assert mandoc(made.text(), "-T", "lint", "-W", "error") == ""


def test_sentences_begin_on_lines_of_their_own() -> None:
    """A paragraph is cut at sentences and code, with the punctuation that belongs to it."""
    found = sentences("First one. Then (`jobd list -a`), and `Op`. `x` ends")
    assert found == ["First one.", "Then", '.Ql ( "jobd list \\-a" ) ,', "and", ".Ql \\&Op .", ".Ql x", "ends"]


def test_escapes() -> None:
    """Hyphens of words stay hyphens, those to be typed become minus signs; other characters are named."""
    assert escape("well-known --flag 2026-11-20 a\\b ü") == "well-known \\-\\-flag 2026\\-11\\-20 a\\eb \\[u00FC]"
    assert escape("well-known", code=True) == "well\\-known"
    assert escape(".x") == "\\&.x"
    assert escape("'x") == "\\&'x"


@pytest.mark.skipif(not shutil.which("man"), reason="man-db is not installed")
def test_man_shows_the_page(tmp_path: Path) -> None:
    """The manual reader of most Linux systems formats it without complaint."""
    file = tmp_path / "jobd-list.1"
    file.write_text(page("jobd", "list"))
    run = ["man", "--warnings", "-l", str(file)]
    env = {"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LANG": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
    assert "Only these.  One of pending, running, failed." in done.stdout
    assert "jobd list [options] [job ...]" in done.stdout
    assert done.stderr == ""
