"""What is told to a service manager becomes report lines that mean the same, and nothing breaks the reading of it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobd.core.errors import BadProgress
from jobd.core.work import progress
from jobd.core.work import report as report_lines
from jobd.core.work.notifications import MARK, MEANING, PROBLEMS, SEPARATOR, translate, unwrap
from jobd.core.work.progress import Report

TEXTS = {
    b"STATUS=40% half way": [b"40% half way"],
    b"STATUS=3/10 resizing b.png\n": [b"3/10 resizing b.png"],
    b"STATUS= 40%": [b"40%"],
    b"STATUS=Processing requests...": [b"message Processing requests..."],
    b"STATUS=9/5 tries": [b"message 9/5 tries"],
    b"STATUS=400% of what was asked": [b"message 400% of what was asked"],
    b"STATUS=12/24/2026 is the day": [b"message 12/24/2026 is the day"],
    b'STATUS={"done": 3}': [b'message {"done": 3}'],
    b"STATUS=beat": [b"message beat"],
    b"STATUS=a=b": [b"message a=b"],
    b"STATUS=": [],
    b"X_JOBD_PROGRESS=40/100": [b"40/100"],
    b'X_JOBD_PROGRESS={"done": 3}\nX_JOBD_PROGRESS=stage two': [b'{"done": 3}', b"stage two"],
    b"WATCHDOG=1": [b"beat"],
    b"STATUS=on port 80\nREADY=1\nMAINPID=7": [b"message ready", b"message on port 80"],
    b"STOPPING=1": [b"message stopping"],
    b"READY=0\nMAINPID=4711\nFDSTORE=1\nBARRIER=1\nX_OTHER=1\n\n": [],
}


@pytest.mark.parametrize("message", TEXTS, ids=repr)
def test_what_it_means(message: bytes) -> None:
    """Progress where a status begins with it, else a message; what is for a service manager changes nothing."""
    said = translate(message)
    assert (said.lines, said.refused) == (TEXTS[message], [])


@pytest.mark.parametrize("message", [b"40%", b"=1", b"\xff\xfe", b"\0" * 5000, b"beat\nSTATUS=well"], ids=len)
def test_what_is_refused(message: bytes) -> None:
    """What is no assignment is shown on one line, of bounded length, and the rest counts."""
    said = translate(message)
    text = said.refused[0].details["text"]
    assert len(said.refused) == 1
    assert text.isprintable()
    assert len(text) <= report_lines.LONGEST_EXAMPLE
    assert said.lines == ([b"message well"] if b"well" in message else [])


@given(st.lists(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(b"STATUS=".__add__)), max_size=5))
@example([b"STATUS=\x1c3/10"])
@example([b"STATUS=1%\0"])
def test_whatever_is_sent(parts: list[bytes]) -> None:
    """Nothing breaks the reading; a status is always taken, unless a text may not be what it is."""
    said = translate(b"\n".join(parts))
    for line in said.lines:
        try:
            progress.parse(line)
        except BadProgress as error:
            assert "NUL" in str(error.details["problem"])  # noqa: PT017 -- most lines are good


def test_what_is_produced_can_be_read() -> None:
    """The words that stand for signs of life are lines of the report file."""
    parsed = [progress.parse(line) for line in MEANING.values()]
    assert parsed.count(Report()) == 1
    assert all(report.message for report in parsed if report != Report())


@pytest.mark.parametrize("message", TEXTS, ids=repr)
def test_the_line_of_the_shim(message: bytes) -> None:
    """What the shim has made one line of means the same."""
    assert unwrap(MARK + b"ok " + message.replace(b"\n", SEPARATOR)) == translate(message)


@pytest.mark.parametrize("word", [*PROBLEMS, b"whatever"])
def test_what_the_shim_has_marked(word: bytes) -> None:
    """A message that is too long, or a stranger's, is refused with its beginning, whatever it says; so is nonsense."""
    said = unwrap(MARK + word + b" STATUS=3/4" + SEPARATOR + b"x" * 5000)
    assert (said.lines, len(said.refused)) == ([], 1)
    assert "STATUS=3/4" in said.refused[0].details["text"]
    assert said.refused[0].details["problem"] == PROBLEMS.get(word, "no message to NOTIFY_SOCKET")
