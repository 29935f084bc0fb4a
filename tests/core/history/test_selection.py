"""The words that name jobs mean one thing each, and a slip of the finger names nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.errors import BadValue
from jobd.core.history.selection import LONGEST_NAME, MOST_IDS, Named, Selection, name, parse
from jobd.core.model import LARGEST

WORDS = {
    ("143",): Selection(ids=(143,)),
    ("1,3,5-8",): Selection(ids=(1, 3, 5, 6, 7, 8)),
    ("2-10:2",): Selection(ids=(2, 4, 6, 8, 10)),
    ("2-9:3",): Selection(ids=(2, 5, 8)),
    ("7-7",): Selection(ids=(7,)),
    ("3", "1", "2-3"): Selection(ids=(3, 1, 2)),
    ("007",): Selection(ids=(7,)),
    (str(LARGEST),): Selection(ids=(LARGEST,)),
    ("last",): Selection(last=True),
    ("@",): Selection(last=True),
    ("all",): Selection(all=True),
    ("encode",): Selection(named=(Named("encode"),)),
    ("encode~1",): Selection(named=(Named("encode", 1),)),
    ("encode~0", "encode"): Selection(named=(Named("encode"),)),
    ("%encode",): Selection(named=(Named("encode"),)),
    ("%143",): Selection(named=(Named("143"),)),
    ("%all~2",): Selection(named=(Named("all", 2),)),
    ("my job",): Selection(named=(Named("my job"),)),
    ("grün-2",): Selection(named=(Named("grün-2"),)),
    ("5x",): Selection(named=(Named("5x"),)),
    ("all", "last", "4", "x"): Selection(ids=(4,), named=(Named("x"),), last=True, all=True),
    (f"1-{MOST_IDS}",): Selection(ids=tuple(range(1, MOST_IDS + 1))),
    (): Selection(),
}

NOT_WORDS = {
    ("",): "is not an id",
    ("%",): "is not an id",
    ("~1",): "is not an id",
    ("encode~",): "is not an id",
    ("encode~x",): "is not an id",
    ("encode~²",): "is not an id",
    ("encode~1~2",): "is not an id",
    ("encode~1234567",): "is not an id",
    ("-5",): "is not an id",
    ("1,last",): "is not an id",
    ("1,",): "is not an id",
    ("1 2,3",): "is not an id",
    ("a\nb",): "is not an id",
    ("٣",): "is not an id",
    ("1" * 20,): "is not an id",
    ("8-5",): "empty range",
    ("2-10:0",): "empty range",
    (str(LARGEST + 1),): "larger than any id",
    (f"0-{LARGEST + 1}",): "larger than any id",
    (f"0-{LARGEST}",): "too much",
    (f"1-{MOST_IDS + 1}",): "too much",
    (f"1-{MOST_IDS}", str(MOST_IDS + 1)): "too much",
    (f"1-{MOST_IDS},{MOST_IDS + 1}-{MOST_IDS + 9}:3",): "too much",
}


@pytest.mark.parametrize("words", WORDS, ids=lambda words: " ".join(words)[:30])
def test_words(words: tuple[str, ...]) -> None:
    """Ids, lists, ranges, keywords and names, each job once and in the order in which it was named."""
    assert parse(words) == WORDS[words]


@pytest.mark.parametrize("words", NOT_WORDS, ids=lambda words: " ".join(words)[:30])
def test_not_words(words: tuple[str, ...]) -> None:
    """What names nobody, or too many, is refused with the part that is wrong."""
    with pytest.raises(BadValue, match=NOT_WORDS[words]) as refusal:
        parse(words)
    assert refusal.value.details["field"] == "job"
    assert len(refusal.value.message) < 200


NAMES = ["encode", "my job", "grün", "a", "x" * LONGEST_NAME, "v1.2_final+", "5x", "lasting", "a-b", "*", "a%b@c"]
NOT_NAMES = [
    *("", "x" * (LONGEST_NAME + 1), "143", "٣", "last", "all", "@", "@x", "-x", "%x", "a,b", "a~1"),
    *("a\nb", "a\tb", "a\0", "\udcff", "a\u202eb"),
]


@pytest.mark.parametrize("text", NAMES)
def test_names(text: str) -> None:
    """A name that is accepted names the job, with and without its sign."""
    assert name(text) == text
    assert parse((text, f"%{text}", f"{text}~3")) == Selection(named=(Named(text), Named(text, 3)))


@pytest.mark.parametrize("text", NOT_NAMES, ids=repr)
def test_not_names(text: str) -> None:
    """A name that would be read as something else, or not at all, is refused when the job is submitted."""
    with pytest.raises(BadValue, match="name"):
        name(text)


@given(st.text())
def test_a_name_is_itself(text: str) -> None:
    """Every name that is accepted is understood as this name and nothing else."""
    try:
        accepted = name(text)
    except BadValue:
        return
    assert parse((accepted,)) == Selection(named=(Named(text),))


@given(st.lists(st.text("0123456789,-:~%@al ", max_size=8) | st.text(max_size=5), max_size=4))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    """Whatever the words are, they give ids that can exist, or BadValue."""
    try:
        chosen = parse(tuple(words))
    except BadValue:
        return
    assert len(chosen.ids) == len(set(chosen.ids)) <= MOST_IDS
    assert all(0 <= number <= LARGEST for number in chosen.ids)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 30))
def test_ranges(first: int, length: int, step: int) -> None:
    """A range means what it means everywhere: both ends belong to it."""
    assert parse((f"{first}-{first + length}:{step}",)).ids == tuple(range(first, first + length + 1, step))
