"""Words are found wherever they are said, whatever the case; and an index that is asked first loses none of them."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.filters import FUNCTIONS, folded_text, search_text
from jobd.core.filters.words import LONGEST_TEXT, Said, command, contains, fold, warnings
from jobd.core.model import Job, State, Warned
from jobd.core.text import Base64
from jobd.core.work.progress_record import Progress
from tests.core.filters.reading import read
from tests.core.filters.zoo import NOW, Zoo
from tests.core.samples import AT, SPEC, job_in

JOB = replace(
    job_in(State.FAILED),
    reason="exit:1",
    detail="SIGKILL, possibly out of memory",
    labels={"env": "Prod", "owner": ""},
    progress=Progress(message="codec not found", stage="probe", unit="frames"),
    warnings=(Warned(AT, "item clip-17 failed"), Warned(AT + timedelta(1), "stra\u00dfe \u212aelvin")),
)

LINES = [
    "encode",
    "exit:1",
    "SIGKILL, possibly out of memory",
    "codec not found",
    "probe",
    "item clip-17 failed",
    "stra\u00dfe \u212aelvin",
    "env=Prod",
    "owner=",
    "ffmpeg -i \\xff",
]


def test_all_that_is_said_of_a_job() -> None:
    """Name, reason, detail, message, stage, warnings, labels, command, a line each; only the command may be cut off."""
    assert search_text(JOB).split("\n") == LINES
    long = replace(JOB, spec=None, command=("word",) * 100_000)
    assert search_text(long).split("\n")[:-1] == LINES[:-1]
    assert len(search_text(long)) == LONGEST_TEXT
    assert search_text(replace(job_in(State.PENDING), spec=None)) == "encode"
    assert search_text(replace(job_in(State.PENDING), spec=None, command=("sh", "-c"))) == "encode\nsh -c"


@pytest.mark.parametrize(
    "word",
    ["ENC", "code", "codec not", "kelvin", "\u212aELVIN", "STRASSE", "\\xff", "prod", "v=p", "e", "out of memory"],
)
def test_found(word: str) -> None:
    """Anywhere, in any case of letters, also if the case changes their number."""
    assert read(f'"{word}"').matches(JOB, NOW)
    assert not read(f'-"{word}"').matches(JOB, NOW)


@pytest.mark.parametrize("word", ["frames", "codecs", "prod env", "/srv/video", "pts/3"])
def test_not_found(word: str) -> None:
    """Not across what is apart, and not where nothing is said: directory, unit and terminal are no words of a job."""
    assert not read(f'"{word}"').matches(JOB, NOW)


def test_words_of_one_field() -> None:
    """The same way of finding, in a single field."""
    assert read("message:CODEC").matches(JOB, NOW)
    assert not read("message:ffmpeg").matches(JOB, NOW)
    assert read("warnings:strasse warnings:CLIP").matches(JOB, NOW)


def test_a_record_says_the_same_as_its_job() -> None:
    """What is read from the JSON for SQL is what the job itself gives."""
    jobs = [job for seed in range(10) for job in Zoo(seed).jobs(40)]
    for job in jobs:
        said = msgspec.json.decode(msgspec.json.encode(job), type=Said)
        assert (search_text(said), command(said), warnings(said)) == (search_text(job), command(job), warnings(job))
    assert {command(job) is None for job in jobs} == {warnings(job) is None for job in jobs} == {True, False}


def test_commands_that_are_not_known() -> None:
    """A job that something else started has no command, one whose arguments are hidden neither."""
    begun = replace(job_in(State.RUNNING), spec=None)
    assert command(begun) is command(replace(begun, command=())) is None
    assert command(replace(begun, spec=SPEC)) == "ffmpeg -i \\xff"
    assert command(replace(begun, command=("a", Base64("/w==")))) == "a \\xff"


letters = st.text(st.sampled_from("abkKsS\u212a\u017f\u00df\ufb01fi\u0130 \n.-é日"), max_size=8) | st.text(max_size=8)


@given(before=letters, word=letters, after=letters)
def test_a_part_of_a_text_is_found_in_it(before: str, word: str, after: str) -> None:
    """In the same case of the letters, and folded."""
    assert contains(before + word + after, word)
    assert contains(before + word + after, word.casefold())
    assert contains(before + word.casefold() + after, word)


@given(letters, letters)
def test_folding_goes_sign_by_sign(one: str, other: str) -> None:
    """A part of a text is folded as in the whole: otherwise a word might be lost at its edges."""
    assert fold(one + other) == fold(one) + fold(other)


CALLS = {function.name: function.call for function in FUNCTIONS}


def test_functions_of_sql() -> None:
    """What they give for what there is, and nothing for nothing or for what cannot be read."""
    record = msgspec.json.encode(JOB).decode()
    assert folded_text(record) == search_text(JOB).casefold()
    assert folded_text("{") is None
    assert (CALLS["jobd_search"](record, "kelvin"), CALLS["jobd_search"](record, "nobody")) == (True, False)
    assert CALLS["jobd_command"](record) == "ffmpeg -i \\xff"
    assert CALLS["jobd_warnings"](record) == "item clip-17 failed\nstra\u00dfe \u212aelvin"
    assert (CALLS["jobd_label"](record, "env"), CALLS["jobd_label"](record, "none")) == ("Prod", None)
    assert (CALLS["jobd_contains"]("Stra\u00dfe", "SS"), CALLS["jobd_contains"]("", "x")) == (True, False)
    assert (CALLS["jobd_plain"]("L/8="), CALLS["jobd_plain"]("?")) == ("/\\xff", None)
    assert CALLS["jobd_time"]("1970-01-01T00:00:01.000005Z") == 1_000_005
    assert CALLS["jobd_time"]("then") is None
    assert (CALLS["regexp"]("o.$", "foo bar"), CALLS["regexp"]("a.$", "foo bar")) == (False, True)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
@pytest.mark.parametrize("record", [None, "", "{}", '{"name": 3}', "not JSON", '{"name":"x","spec":{}}'])
def test_functions_of_nothing(function: object, record: str | None) -> None:
    """No record makes a function fail: a search that meets a damaged row goes on."""
    name, count, call = function  # type: ignore[misc]
    if name.startswith("jobd_") and name not in ("jobd_contains", "jobd_plain", "jobd_time"):
        assert call(*([record, "x"][:count])) is None
    elif name == "regexp":
        assert call("x", None) is None
    else:
        assert call(*([None, "x"][:count])) is None


def test_a_job_is_its_record() -> None:
    """The sample above is what the product writes."""
    assert msgspec.json.decode(msgspec.json.encode(JOB), type=Job) == JOB
