"""What is no filter is refused in one line that says what is wrong, with carets below the place and a next step."""

import json
from contextlib import closing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.errors import FilterInvalid, revive
from jobd.core.filters import FIELDS
from jobd.core.filters.operators import OPERATORS, symbols
from jobd.core.filters.scope import DEEPEST, MOST, MOST_LEVELS
from jobd.core.model import State
from jobd.core.text import place
from jobd.ui.caret import pointed
from tests.core.filters.reading import database, read, refused

FIELDS_TOLD = "Fields: jobd history --fields · man 7 jobd-filter"
QUOTE = "To look for a text, put it in quotes"
UNKNOWN = f"{QUOTE} · {FIELDS_TOLD}"
TEXT_TAKES = "takes =, !=, :, ^=, $=, *=, ~, !~, in, not in, is null, is set"

#: {text: (carets below it, what is wrong, what to do)}
REFUSED = {
    "stat = failed": ("^^^^", 'no field "stat"; did you mean "state"?', FIELDS_TOLD),
    "name=a NOT Statt:x": ("           ^^^^^", 'no field "Statt"; did you mean "state"?', FIELDS_TOLD),
    "12:30": ("^^", 'no field "12"', UNKNOWN),
    "https://x.y": ("^^^^^", 'no field "https"', UNKNOWN),
    "foo between 1 and 2": ("^^^", 'no field "foo"', UNKNOWN),
    "stte in (failed)": ("^^^^", 'no field "stte"; did you mean "state"?', FIELDS_TOLD),
    "timeout is set": ("^^^^^^^", 'no field "timeout"', UNKNOWN),
    # Joining.
    "state=failed OR name=x AND tag:y": (
        "                       ^^^",
        "AND and OR are mixed; add parentheses to say which you mean",
        "(state=failed OR name=x) AND tag:y    or    state=failed OR (name=x AND tag:y)",
    ),
    "a b  or -c  (d and e)": (
        "     ^^",
        "AND and OR are mixed; add parentheses to say which you mean",
        "a AND (b OR -c) AND (d and e)    or    (a AND b) OR (-c AND (d and e))",
    ),
    "x (a or b c)": (
        "          ^",
        "AND and OR are mixed; add parentheses to say which you mean",
        "(a OR b) AND c    or    a OR (b AND c)",
    ),
    "": ("^", "it is empty; leave it out to mean all jobs", FIELDS_TOLD),
    " \n": ("^^^", "it is empty; leave it out to mean all jobs", FIELDS_TOLD),
    "AND x": ("^^^", "a condition is missing before AND", FIELDS_TOLD),
    "x OR or y": ("     ^^", "a condition is missing before OR", FIELDS_TOLD),
    "x AND": ("     ^", "a condition is missing after AND", FIELDS_TOLD),
    "x and )": ("      ^", "a condition is missing after AND", FIELDS_TOLD),
    "(x not)": ("      ^", "a condition is missing after NOT", FIELDS_TOLD),
    "()": (" ^", "a condition is missing", FIELDS_TOLD),
    "(name = x": ("^", "this parenthesis is not closed", FIELDS_TOLD),
    "name = x)": ("        ^", "this parenthesis closes none", FIELDS_TOLD),
    "a, b": (" ^", "a comma joins nothing here; write AND, OR, or in (a, b)", FIELDS_TOLD),
    "- x": ("^", 'a "-" stands directly before the one condition that must not hold', QUOTE),
    "--level=3": ("^", 'a "-" stands directly before the one condition that must not hold', QUOTE),
    "!x": ("^", 'NOT is written NOT or "-", and not equal "!="', FIELDS_TOLD),
    # Operators and values.
    "= x": ("^", 'a field is missing before "="', FIELDS_TOLD),
    "name == x": ("     ^^", 'no operator "=="; did you mean "="?', FIELDS_TOLD),
    "name =~ x": ("     ^^", 'no operator "=~"; did you mean "~"?', FIELDS_TOLD),
    "id <> 3": ("   ^^", 'no operator "<>"; did you mean "!="?', FIELDS_TOLD),
    "id=>3": ("  ^^", 'no operator "=>"; did you mean ">="?', FIELDS_TOLD),
    "name < b": ("     ^", f'"<" does not fit; name (text) {TEXT_TAKES}', FIELDS_TOLD),
    "label.x between a and b": ("        ^^^^^^^", f'"between" does not fit; label.x (text) {TEXT_TAKES}', FIELDS_TOLD),
    "labels = env": ("       ^", '"=" does not fit; labels (labels) takes :, is null, is set', FIELDS_TOLD),
    "begun in (yes)": ("      ^^", '"in" does not fit; begun (yes or no) takes =, !=, :, is null, is set', FIELDS_TOLD),
    "name =": ("      ^", 'a value is missing after "="', FIELDS_TOLD),
    "(name = )": ("        ^", 'a value is missing after "="', FIELDS_TOLD),
    "name = (a)": ("       ^", 'a value is missing after "="', FIELDS_TOLD),
    "state in failed": ("         ^", "a list is missing; write in (a, b)", FIELDS_TOLD),
    "state not in (failed": ("                    ^", '"," or ")" is missing', FIELDS_TOLD),
    "state in (failed canceled)": ("                 ^", '"," or ")" is missing', FIELDS_TOLD),
    "state in ()": ("          ^", 'a value is missing after "("', FIELDS_TOLD),
    "state in (failed,)": ("                 ^", 'a value is missing after ","', FIELDS_TOLD),
    "wait between 5m": ("               ^", "write between 5m and …", FIELDS_TOLD),
    "wait between 5m or 6m": ("                ^", "write between 5m and …", FIELDS_TOLD),
    "wait between 5m and": ("                   ^", 'a value is missing after "and"', FIELDS_TOLD),
    "wait between 2h and 5m": (
        "             ^^^^^^^^^", 'between "2h" and "5m" is nothing; the smaller value comes first', FIELDS_TOLD,
    ),
    "ended between today and yesterday": (
        "              ^^^^^^^^^^^^^^^^^^^",
        'between "today" and "yesterday" is nothing; the smaller value comes first',
        FIELDS_TOLD,
    ),
    "reason != NULL": (
        "          ^^^^", 'write "reason is null" or "reason is set", or put "null" in quotes', FIELDS_TOLD,
    ),
    "duration > blue": (
        "           ^^^^", "duration: 'blue' is no duration; write 90s, 5m, 2h30m, 3d or HH:MM:SS", FIELDS_TOLD,
    ),
    "cpu > 5": ("      ^", "cpu: '5' is no duration; write 90s, 5m, 2h30m, 3d or HH:MM:SS", FIELDS_TOLD),
    "memory>5x": (
        "       ^^", "memory: '5x' is no size; write a number of bytes, or 64K, 512M, 1.5G, 2T", FIELDS_TOLD,
    ),
    "created > soon": (
        "          ^^^^",
        "created: 'soon' is no time; write 2026-11-20, 2026-11-20T14:30:00Z, 14:30, yesterday, -2h or +3h",
        FIELDS_TOLD,
    ),
    "state = fail": ("        ^^^^", 'state: "fail" is no state; did you mean "failed"?', FIELDS_TOLD),
    "state in (failed, xyz)": (
        "                  ^^^",
        f'state: "xyz" is no state; there are {", ".join(State)}',
        FIELDS_TOLD,
    ),
    "begun = maybe": ("        ^^^^^", 'begun: "maybe" is neither yes nor no', FIELDS_TOLD),
    "signal = BOOM": (
        "         ^^^^", 'signal: "BOOM" is no signal; write a name such as KILL, or a number', FIELDS_TOLD,
    ),
    "uid = ann": ("      ^^^", 'uid: "ann" is no whole number', FIELDS_TOLD),
    "id = 1.5": ("     ^^^", 'id: "1.5" is no whole number', FIELDS_TOLD),
    "id = 9223372036854775808": (
        "     ^^^^^^^^^^^^^^^^^^^", 'id: "9223372036854775808" is no whole number', FIELDS_TOLD,
    ),
    "done = nan": ("       ^^^", 'done: "nan" is no number', FIELDS_TOLD),
    "done = 1e999": ("       ^^^^^", 'done: "1e999" is no number', FIELDS_TOLD),
    "progress > half": ("           ^^^^", 'progress: "half" is no percentage; write 50%', FIELDS_TOLD),
    "ratio > x%": ("        ^^", 'ratio: "x" is no percentage; write 50%', FIELDS_TOLD),
    "ratio > x": ("        ^", 'ratio: "x" is no number; write 0.5 or 50%', FIELDS_TOLD),
    'name ~ "a("': ("       ^^^^", "no regular expression: missing ): a(", "Syntax: RE2, man 7 jobd-filter"),
    'name ~ "(?=a)"': (
        "       ^^^^^^^", "no regular expression: invalid perl operator: (?=", "Syntax: RE2, man 7 jobd-filter",
    ),
    # Quotes, words, functions, presets.
    '"name" = x': ("^^^^^^", "a field stands without quotes", FIELDS_TOLD),
    'name = a"b c"': ("       ^^", "quotes go around a whole word, not around a part of it", FIELDS_TOLD),
    'nam."x" = 3': ("^^^^^", "quotes go around a whole word, not around a part of it", FIELDS_TOLD),
    'label."a"b = 3': ("      ^^^^", "quotes go around a whole word, not around a part of it", FIELDS_TOLD),
    "'a'\"b\"": ("^^^^", "quotes go around a whole word, not around a part of it", FIELDS_TOLD),
    'x "abc': ("  ^^^^", "the quotes are not closed", FIELDS_TOLD),
    r'"abc\"': ("^^^^^^", "the quotes are not closed", FIELDS_TOLD),
    "name = 'abc": ("       ^^^^", "the quotes are not closed", FIELDS_TOLD),
    "foo*bar": (
        "^^^^^^^", "words are found anywhere in a text, so they need no *",
        "To look for a *, put it in quotes; or write name = x*",
    ),
    'x ""': ("  ^^", "no text to look for", FIELDS_TOLD),
    "tagg(x)": ("^^^^", 'no function "tagg"; did you mean "tag"?', QUOTE),
    "text()": ("     ^", 'a value is missing after "("', FIELDS_TOLD),
    "text(a, b)": ("^^^^^^^^^^", "write text(WORDS)", FIELDS_TOLD),
    "regex(name)": ("^^^^^^^^^^^", "write regex(FIELD, EXPRESSION)", FIELDS_TOLD),
    "regex(nome, x)": ("      ^^^^", 'no field "nome"; did you mean "name"?', FIELDS_TOLD),
    "@fail": ("^^^^^", 'no preset "@fail"; did you mean "@failed"?', "Presets: man 7 jobd-filter"),
    "x @": ("  ^", 'no preset "@"', "Presets: man 7 jobd-filter"),
    "x @ failed": ("  ^", 'no preset "@"', "Presets: man 7 jobd-filter"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.items())
def test_refusals(text: str, said: tuple[str, str, str]) -> None:
    """Each has its line, its place and its next step."""
    error = refused(text)
    where = place(error.details)
    assert where is not None
    assert (pointed(where, 200)[1], error.message, error.hint) == (said[0], f"filter: {said[1]}", said[2])
    assert error.exit_status == 65


@pytest.mark.parametrize("kind", {field.kind: None for field in FIELDS})
def test_every_operator_fits_or_is_refused(kind: object) -> None:
    """What the table allows is read, and everything else is refused at the operator."""
    field = next(field for field in FIELDS if field.kind is kind)
    for symbol in dict.fromkeys(row.symbol for row in OPERATORS.values()):
        text = f"{field.name} {symbol} {'(' if 'in' in symbol else ''}"
        problem = "" if "null" in symbol or "set" in symbol else refused(text).details["problem"]
        assert ("does not fit" in problem) == (symbol not in symbols(field.kind)), symbol


def test_what_cannot_be_sent_is_refused() -> None:
    """A NUL, and what is not UTF-8, has its place, and the error can be sent."""
    for text, at in {"a\0b": 1, "name = \udcff": 7, "\ud800": 0}.items():
        error = refused(text)
        assert (error.details["start"], error.details["end"]) == (at, at + 1)
        assert error.message == "filter: a NUL, or what is not UTF-8, cannot be looked for"
        assert revive(error.reason(), json.loads(msgspec.json.encode(error.details))) == error


def nested(innermost: str) -> str:
    """Nest AND and OR as deep as they may be."""
    text = innermost
    for level in range(MOST_LEVELS):
        text = f"name = a {('OR', 'AND')[level % 2]} ({text})"
    return text


LIMITS = {
    "x" * (MOST["characters"] + 1): "more than 10000 characters",
    " ".join(["x"] * (MOST["conditions"] + 1)): "more than 200 conditions",
    f"id in ({', '.join(['1'] * (MOST['values in lists'] + 1))})": "more than 400 values in lists",
    " ".join(["name ~ a"] * (MOST["regular expressions"] + 1)): "more than 20 regular expressions",
    "(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1): "more than 40 parentheses and NOT within one another",
    "NOT " * (DEEPEST + 1) + "x": "more than 40 parentheses and NOT within one another",
    "(" * 9999: "more than 40 parentheses and NOT within one another",
    "-(" * 4999: "more than 40 parentheses and NOT within one another",
    nested("a AND b"): "more than 12 levels of AND and OR within one another",
    f"id in ({', '.join(['1'] * 400)}) name in (a)": "more than 400 values in lists",
    f"created in ({', '.join(['now'] * 101)})": "more than 200 conditions, with those for each time in a list",
    "'" + '"' * 6000 + "'": "more than 10000 characters when it is written out",
    'name ~ "' + "(" * 5000 + '"': "no regular expression: missing ): " + "(" * 5000,
}


@pytest.mark.parametrize("text", LIMITS, ids=LIMITS.values())
def test_limits(text: str) -> None:
    """What is too much of something says of what; nothing runs out of stack."""
    error = refused(text)
    assert error.details["problem"] == LIMITS[text]
    assert place(error.details) is not None


#: What is just not too much.
LARGEST = (
    "x" * MOST["characters"],
    " ".join(["x"] * MOST["conditions"]),
    f"id in ({', '.join(['1'] * MOST['values in lists'])})",
    f"created in ({', '.join(['now'] * (MOST['conditions'] // 2))})",
    f"NOT name in ({', '.join(['a*'] * MOST['conditions'])})",
    " ".join(["name ~ a"] * MOST["regular expressions"]),
    "NOT " * DEEPEST + "x",
    nested("cwd !~ a"),
    nested("-cwd = a*"),
    nested("NOT x is null").replace("x", "detail"),
    "(" * DEEPEST + "name = a" + ")" * DEEPEST,
)


@pytest.mark.parametrize("text", LARGEST)
def test_as_much_as_there_may_be(text: str) -> None:
    """The largest filters are read, written, and run as SQL, also within other SQL."""
    which = read(text)
    assert read(str(which)) == which
    condition, values = which.sql()
    jobs = "jobs JOIN records ON job = id"
    walk = f"SELECT id FROM (SELECT id FROM {jobs} WHERE +state = 'failed' AND id < 9 AND {condition} LIMIT 5)"  # noqa: S608
    query = f"SELECT id, record FROM {jobs} WHERE id IN ({walk} UNION ALL {walk}) ORDER BY id DESC LIMIT 5"  # noqa: S608
    with closing(database()) as connection:
        assert connection.execute(query, values * 2).fetchall() == []


pieces = st.sampled_from(
    (
        *"()\"',=!<>~:^$*?\\- \n@.%ßx0", "AND", " OR ", "NOT ", " in ", " between ", " is null", " is set", "null",
        "name", "id", "state", "duration", "created", "label.", "labels:", "@failed", "today", "-2h", "5m", "4G", "50%",
        "failed", "text(", "regex(", "tag(", "1e5", "\ud800", "\0", "9" * 30,
    )
)  # fmt: skip


@given(st.lists(pieces, max_size=20).map("".join) | st.text(max_size=60))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    """Nothing else is raised, the place is in the text, and what is read can be written and read again."""
    try:
        which = read(text)
    except FilterInvalid as wrong:
        error = wrong
    else:
        assert read(str(which)) == which
        assert isinstance(which.sql()[0], str)
        assert which.facts == read(str(which)).facts
        return
    assert place(error.details) is not None
    assert error.message.isprintable()
    assert msgspec.json.encode(error.details)
