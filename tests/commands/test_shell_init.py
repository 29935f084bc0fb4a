"""jobd shell-init: its functions in every shell there is, however that is set, inside of jobs and outside."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.commands.shell_init import CALLS, LONGEST, PREFIX, text
from jobd.core.errors import BadProgress
from jobd.core.work.items import ItemReport, ItemState
from jobd.core.work.report import LONGEST_TEXT, parse
from tests.calling import JOBD, Done, jobd
from tests.commands.running import House

#: Shells, and ways to set them in which scripts are known to break.
SHELLS = (
    ("bash",),
    ("bash", "--posix"),
    ("dash",),
    ("zsh", "-f"),
    ("zsh", "-o", "shwordsplit", "-o", "globsubst", "-o", "ksharrays", "-o", "warncreateglobal", "-f"),
)
PLAIN = tuple(shell for shell in SHELLS if shell in {("bash",), ("dash",), ("zsh", "-f")})
STRICT = "set -euC; IFS='/8 %'\n"
FD = 8
STRACE = ("strace", "-f", "-e", "trace=write,clone,clone3,fork,vfork,execve")


def shells(kinds: tuple[tuple[str, ...], ...]) -> pytest.MarkDecorator:
    """Run a test in each of these shells that is installed."""
    found = [
        pytest.param(
            shell, id="-".join(shell[:2]), marks=pytest.mark.skipif(not shutil.which(shell[0]), reason="not installed")
        )
        for shell in kinds
    ]
    return pytest.mark.parametrize("shell", found)


class Inside:
    """A report file, as a job has it, and shells that have inherited it."""

    def __init__(self, folder: Path) -> None:
        self.report = folder / "report"
        self.report.touch()
        self.environ = {"JOBD_REPORT": str(self.report), "JOBD_FD": str(FD)}

    @property
    def lines(self) -> list[str]:
        """What was reported."""
        return self.report.read_text(errors="backslashreplace").split("\n")[:-1]

    def __call__(self, command: tuple[str, ...], script: str, *words: str) -> Done:
        """Run a script after the functions, with nothing on the search path, and the report file as descriptor 8."""
        return run(command, f'exec {FD}>>"$JOBD_REPORT"\n{script}', *words, environ=self.environ)


def run(command: tuple[str, ...], script: str, *words: str, environ: Mapping[str, str] | None = None) -> Done:
    """Run a script after the functions; `words` are its arguments."""
    first = shutil.which(command[0])
    assert first
    done = subprocess.run(
        [first, *command[1:], "-c", f"{STRICT}{text()}{script}", "sh", *words],
        env={"PATH": "", "LANG": "C.UTF-8", **(environ or {})}, capture_output=True, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    """Give the inside of a job."""
    return Inside(tmp_path)


WORDS = r"""
progress 40% 'half
way' "x y"
stage 'a b'
stages probe:1 encode:8
item clip-17 failed "it's \$HOME \\n %s" '*'
beat
note 'ünï' '
'
rate_limited 30s 'too  many'
"""
LINES = [
    "40% half way x y",
    "stage a b",
    "stages probe:1 encode:8",
    r"item clip-17 failed it's $HOME \n %s *",
    "beat",
    "message ünï  ",
    "rate_limited 30s too  many",
]


@shells(SHELLS)
def test_each_function_writes_its_line(inside: Inside, shell: tuple[str, ...]) -> None:
    """With nothing but the shell itself, whatever its options and its IFS are, and if it is evaluated twice."""
    done = inside(shell, f"{text()}{WORDS}echo still here")
    assert (done.status, done.out, done.err) == (0, "still here\n", "")
    assert inside.lines == LINES
    assert {line.split()[0] for line in LINES[1:]} == CALLS.keys() - {"progress", "note"} | {"message"}


@pytest.mark.skipif(not shutil.which("dash"), reason="dash is not installed")
@settings(max_examples=20)
@given(
    words=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9), max_size=4)
)
def test_any_words_are_one_line(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    """Newlines become spaces, everything else stays."""
    inside = Inside(tmp_path_factory.mktemp("job"))
    assert inside(("dash",), 'note "$@"', *words).status == 0
    assert inside.report.read_bytes().decode() == " ".join(["message", *words]).replace("\n", " ") + "\n"


ITEMS = r"""
item 'my "holiday".mp4' processing
item 'C:\new file' failed 'no "sound"' "in
it"
item 'reel failed' done; item 'take 50%' cancelled so; item 'part 3/10' 90%; item 'ü　b' 1/4 'x "y"'
item 'a	b' 40%; item '"' 40%; item '{}' 40%; item ' ' 40%; item '*' 40%
item 'a b' nearly; item '' failed done; item 'a
b' 40%; item "$1" 40%; item 'a b'; item; item 'all completed'
"""
#: What comes of the lines, in order: what is said of a key, or a part of a complaint.
TOLD: list[ItemReport | str] = [
    ItemReport(item='my "holiday".mp4', state=ItemState.PROCESSING),
    ItemReport(item="C:\\new file", state=ItemState.FAILED, error='no "sound" in it'),
    ItemReport(item="reel failed", state=ItemState.COMPLETED),
    ItemReport(item="take 50%", state=ItemState.CANCELED, message="so"),
    ItemReport(item="part 3/10", fraction=0.9),
    ItemReport(item="ü　b", fraction=0.25, message='x "y"'),
    *(ItemReport(item=key, fraction=0.4) for key in ("a\tb", '"', "{}", " ", "*")),
    "nearly is neither",
    "write `item KEY STATE`",
    "a line break in the key",
    "JSON",
    "b is neither",
    "none of",
    ItemReport(item="all", state=ItemState.COMPLETED),
]


def read(line: str) -> ItemReport | str:
    """Read a line as the daemon does, or give the complaint."""
    try:
        report = parse(line.encode())
    except BadProgress as error:
        return error.message
    assert isinstance(report, ItemReport)
    return report


@shells(SHELLS)
def test_the_key_of_an_item_is_its_first_word(inside: Inside, shell: tuple[str, ...]) -> None:
    """Whatever is in it, and whatever is said of it; what cannot be a key is refused, and never made another."""
    done = inside(shell, ITEMS, "a\x01 b")
    assert (done.status, done.err) == (0, "")
    for line, wanted in zip(inside.lines, TOLD, strict=True):
        found = read(line)
        assert found == wanted if isinstance(wanted, ItemReport) else wanted in str(found)


@shells(PLAIN)
def test_a_long_text_of_an_item_is_cut(inside: Inside, shell: tuple[str, ...]) -> None:
    """As much is kept as of any text, whatever the key is."""
    assert inside(shell, 'item plain failed "$1"; item "k 2" failed "$1"', "x" * 6000).status == 0
    assert [read(line) for line in inside.lines] == [
        ItemReport(item=key, state=ItemState.FAILED, error="x" * LONGEST_TEXT) for key in ("plain", "k 2")
    ]


@shells(PLAIN)
def test_an_endless_text_is_cut(inside: Inside, shell: tuple[str, ...]) -> None:
    """Of a text of any length, with any number of newlines, as much as can be written in one piece."""
    done = inside(shell, 'note "$1"; note "$2"', "é" * 5000, "\n" * 1000)
    assert (done.status, done.err) == (0, "")
    first, second = inside.report.read_bytes().splitlines()
    assert (len(first), second) == (LONGEST, b"message" + b" " * 1001)
    assert first.decode(errors="ignore") == "message " + "é" * ((LONGEST - 8) // 2)


@shells(PLAIN)
def test_outside_of_a_job_nothing_happens(shell: tuple[str, ...]) -> None:
    """Silence and success, also where there is an id but no jobd."""
    for environ in ({}, {"JOBD_FD": "1"}, {"JOBD_JOB_ID": "7"}, {"JOBD_REPORT": ""}):
        done = run(shell, f"{WORDS}echo still here", environ=environ)
        assert (done.status, done.out, done.err) == (0, "still here\n", "")


@shells(PLAIN)
def test_a_descriptor_that_is_lost_or_another_file(inside: Inside, tmp_path: Path, shell: tuple[str, ...]) -> None:
    """Then the report file is found by its name, and the other file stays as it is; without either it is silent."""
    other = tmp_path / "other"
    script = f"""
    exec {FD}>&-; note closed
    exec {FD}>{other}; note reused
    JOBD_FD=12; note two digits
    unset JOBD_FD; note none
    JOBD_REPORT=/nowhere; note lost
    JOBD_REPORT=/; note no file
    echo still here
    """
    done = inside(shell, script)
    assert (done.status, done.out, done.err) == (0, "still here\n", "")
    assert inside.lines == [f"message {word}" for word in ("closed", "reused", "two digits", "none")]
    assert other.read_text() == ""


@shells(PLAIN)
def test_a_report_that_cannot_be_written(inside: Inside, shell: tuple[str, ...]) -> None:
    """The shell says why in a line, and the script goes on."""
    done = inside(shell, f"JOBD_REPORT=/dev/full JOBD_FD={FD}; exec {FD}>/dev/full; note full; echo still here")
    assert (done.status, done.out) == (0, "still here\n")
    assert done.err.count("\n") == 1
    assert "rror" in done.err


def strace_works() -> bool:
    """Look whether programs can be traced here."""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not strace_works(), reason="nothing can be traced here")
@shells(PLAIN)
def test_a_call_starts_no_process_and_writes_once(inside: Inside, tmp_path: Path, shell: tuple[str, ...]) -> None:
    """However often it is called, there are as many processes as without a call, and a write for each line."""
    counts = {}
    for calls in (0, 100):
        trace = tmp_path / f"trace-{calls}"
        traced = (*STRACE, "-o", str(trace), shutil.which(shell[0]) or shell[0], *shell[1:])
        script = f'n=0; while [ "$n" -lt {calls} ]; do n=$((n+1)); progress "$n/{calls}" some words; done'
        assert inside(traced, script).status == 0
        lines = trace.read_text().splitlines()
        counts[calls] = sum(re.match(r"\d+ +(clone3?|v?fork|execve)\(", line) is not None for line in lines)
    assert counts[0] == counts[100] > 0
    assert sum("write(" in line and " some words" in line for line in lines) == 100
    assert inside.lines == [f"{n}/100 some words" for n in range(1, 101)]


@shells(PLAIN)
def test_parallel_writers_do_not_mix(inside: Inside, shell: tuple[str, ...]) -> None:
    """Long lines of four writers at once stay whole."""
    script = """
    flood() { n=0; while [ "$n" -lt 50 ]; do n=$((n+1)); note "$1" "$2" "$1"; done; }
    for who in 1 2 3 4; do flood "$who" "$1" & done; wait
    """
    assert inside(shell, script, "x" * 3900).status == 0
    assert sorted(inside.lines) == [f"message {who} {'x' * 3900} {who}" for who in "1234" for _ in range(50)]


@shells(PLAIN)
def test_what_the_shell_has_already_stays(inside: Inside, shell: tuple[str, ...]) -> None:
    """A function and an alias of the script are not replaced, a line tells of each; with a prefix all are there."""
    script = f"""
    unset -f progress stage stages item beat note rate_limited; _jobd_defined=
    note() {{ echo "mine: $*"; }}
    alias stage=echo
    {text()}
    note this; beat
    {text("jobd_")}
    jobd_note that
    """
    done = inside(shell, script)
    assert (done.status, done.out) == (0, "mine: this\n")
    assert sorted(done.err.splitlines()) == [
        f"jobd shell-init: this shell has its own {name}, which stays; see --prefix" for name in ("note", "stage")
    ]
    assert inside.lines == ["beat", "message that"]


def test_what_is_printed() -> None:
    """The functions alone, with a prefix if one is wanted, also where the settings cannot be read."""
    done = jobd("shell-init", environ={"JOBD_JOBS_SLOTS": "many"})
    assert (done.status, done.out, done.err) == (0, text(), "")
    assert jobd("shell-init", "--prefix", "jobd_").out == text("jobd_")
    assert "_jobd_define 'jobd_progress' '_jobd_say'\n" in text("jobd_")


def test_a_prefix_that_no_function_can_have() -> None:
    """It is refused in a line."""
    done = jobd("shell-init", "--prefix", "my-")
    assert (done.status, done.out) == (2, "")
    assert "'my-' cannot begin the name of a function" in done.err
    assert all(PREFIX.fullmatch(prefix) for prefix in ("", "_", "jobd_", "J0b"))
    assert not any(PREFIX.fullmatch(prefix) for prefix in ("1", "a b", "x;", "é", "a\n", "$(id)"))


def folder_of_program(folder: Path) -> Path:
    """Make a folder in which jobd is found."""
    program = folder / "jobd"
    program.write_text(f'#!/bin/sh\nexec {" ".join(JOBD)} "$@"\n')
    program.chmod(0o755)
    return folder


REAL = """
set -eu
eval "$(jobd shell-init)"
stages pack:3 check:1
stage pack
progress 3/4 nearly
beat
note there
item plain completed
item 'a b' skipped no space
item 'part 3/10' 90%
"""


@shells(PLAIN)
def test_in_a_real_job(house: House, tmp_path: Path, shell: tuple[str, ...]) -> None:
    """`eval "$(jobd shell-init)"` is all that a script needs; what it says arrives without a warning."""
    path = f"PATH={folder_of_program(tmp_path)}:{os.environ['PATH']}"
    job_id = house.ran(*shell, "-c", REAL, environment=[path])
    job = house.daemon.job(job_id)
    assert (job["state"], job.get("warned", 0)) == ("completed", 0)
    assert [job["progress"][key] for key in ("stage", "done", "total", "message")] == ["pack", 3, 4, "there"]
    items = {item["key"]: (item["state"], item.get("message")) for item in house.json("items", "--json", str(job_id))}
    assert items == {"plain": ("completed", None), "a b": ("skipped", "no space"), "part 3/10": ("processing", None)}


BOTH = """
progress 1/2 of the outer
JOBD_JOB_ID=$(jobd begin inner)
progress 3/4 of the inner
jobd progress 4/4
jobd end "$JOBD_JOB_ID"
"""


@shells(PLAIN)
def test_a_job_that_was_begun_in_a_job(house: House, tmp_path: Path, shell: tuple[str, ...]) -> None:
    """What is said after JOBD_JOB_ID is its, not that of the job around it, whose report file is still there."""
    path = f"PATH={folder_of_program(tmp_path)}:{os.environ['PATH']}"
    outer = house.daemon.job(house.ran(*shell, "-c", f'eval "$(jobd shell-init)"{BOTH}', environment=[path]))
    (inner,) = house.daemon.call("list", name="inner", all=True, limit=1)
    assert (outer["progress"]["done"], outer["progress"]["message"]) == (1, "of the outer")
    assert (inner["progress"]["done"], inner["progress"]["message"]) == (4, "of the inner")


def test_for_a_job_that_was_begun(house: House, tmp_path: Path) -> None:
    """With its id they report by the program; what it refuses is told, and harms nothing."""
    begun = house("begin", "outside").out.strip()
    path = f"{folder_of_program(tmp_path)}:{os.environ['PATH']}"
    script = f"JOBD_JOB_ID={begun}; progress 3/4 nearly; stage pack; progress soon; echo still here"
    done = run(("sh",), script, environ={**os.environ, **house.environ, "PATH": path})
    assert (done.status, done.out) == (0, "still here\n")
    assert "cannot read the progress report 'soon'" in done.err
    progress = house.daemon.job(int(begun))["progress"]
    assert (progress["stage"], progress["message"]) == ("pack", "nearly")
