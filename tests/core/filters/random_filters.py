"""Filters at random: trees for the oracle, and texts for the product that mean the same."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.core.filters import zoo
from tests.core.filters.oracle import EPOCH, FIELDS, MICROSECOND, Operand
from tests.core.samples import AT

#: Signs that fit each kind of value.
ORDER = ("<", "<=", ">", ">=", "between", "not between")
EQUAL = ("=", "!=", ":", "in", "not in")
SYMBOLS: dict[str, tuple[str, ...]] = {
    "text": (*EQUAL, "^=", "$=", "*=", "~", "!~"),
    "flag": ("=", "!=", ":"),
    **dict.fromkeys(("state", "signal", "user"), EQUAL),
    **dict.fromkeys(("number", "amount", "share", "percent", "duration", "size", "time"), (*EQUAL, *ORDER)),
}
NULLS = {"is null": "is null", "is set": "is set", "IS NOT NULL": "is set", "is not set": "is null"}


#: Values as they are typed, and what they mean.
#: The least and the largest whole number.
ENDS = (1 - 2**63, 2**63 - 1)
TYPED: dict[str, dict[str, Any]] = {
    "state": {**{state.value: state.value for state in zoo.State}, "Cancelled": "canceled", "queued": "pending"},
    "flag": {"yes": True, "no": False, "True": True, "0": False, "off": False},
    "signal": {"KILL": 9, "SIGSEGV": 11, "sigterm": 15, "9": 9, "11": 11, "1": 1},
    "user": {"me": 1000, "1000": 1000, "0": 0, "1001": 1001, "7": 7},
    "number": {str(n): n for n in (-5, 0, 1, 2, 3, 5, 7, 9, 12, 15, 17, 20, 23, 40, 126, 127, 4242, *ENDS)},
    "amount": {"0": 0.0, "1": 1.0, "3.0": 3.0, "1e15": 1e15, ".57": 0.57, "12.5": 12.5, "-1": -1.0, "+10": 10.0},
    "share": {"0.25": 0.25, "25%": 0.25, "57%": 0.57, "1": 1.0, "100%": 1.0, "2": 2.0, "0.4": 0.4, "0": 0.0},
    "percent": {"25": 0.25, "25%": 0.25, "57%": 0.57, "100": 1.0, "0%": 0.0, "33.3": 0.333, "50": 0.5},
    "duration": {
        "0s": 0.0, "250ms": 0.25, "1.5s": 1.5, "5s": 5.0, "12.5s": 12.5, "5m": 300.0, "2h": 7200.0, "1d": 86400.0,
        "00:01:00": 60.0, "11s": 11.0, "3h30m": 12600.0, "0.333333333s": 0.333333333,
    },
    "size": {
        "0": 0, "1": 1, "512b": 512, "1K": 1024, "1MiB": 2**20, '"1 MiB"': 2**20, "1G": 2**30, "4GB": 2**32,
        "45000000": 45_000_000, str(2**63 - 1): 2**63 - 1,
    },
}  # fmt: skip
EXPRESSIONS = (
    "^back", "db", "[0-9]+", "(?i)CODEC", "a|b", "o{1}", r"\bdb\b", "^$", "^[A-Z]", r"\[", "c.*d", r"\*", r"x\\", '"',
    "'", r"\d\d\d", "e$", "^exit:", r"\s", "é",
)  # fmt: skip
PIECES = (
    "e", "n", "code", "backup", "-", "*", "?", "[", "]", "\\", '"', "'", " ", "ß", "SS", "s", "k", "\u212a", "\u017f",
    "prod", "a", "b", "x", "10", "%", "_", "not", "AND", "exit", ":", "=", "(", ")", ",", "é", "\n", "\t", "d", "Ü",
    "video", "/", ".",
)  # fmt: skip

literals = st.sampled_from(
    (*zoo.NAMES, *zoo.TEXTS, *zoo.GROUPS, *zoo.VALUES, "exit:1", "oom", "pts/3", "frames")
) | st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
signs = st.lists(
    st.sampled_from((*PIECES, None, None, True)).map(lambda piece: list(piece) if isinstance(piece, str) else [piece]),
    max_size=5,
).map(lambda parts: [sign for part in parts for sign in part])


def typed_text(means: list[Any], quote: str) -> str:
    """Type a text in quotes."""
    names = {None: "*", True: "?", "*": "\\*", "?": "\\?", "\\": "\\\\", quote: f"\\{quote}", "\n": "\\n"}
    return quote + "".join(names.get(sign, sign) for sign in means) + quote


def typed_word(means: list[Any]) -> str:
    """Type a text without quotes; empty if that cannot be."""
    names = {None: "*", True: "?"}
    word = "".join(names.get(sign, sign) for sign in means)
    return word if word.replace("*", "a").replace("?", "a").isalnum() and "*" not in means and "?" not in means else ""


@st.composite
def texts(draw: st.DrawFn) -> Operand:
    """Make a text, with wildcards or without."""
    means = draw(literals.map(list) | signs)
    word = typed_word(means)
    bare = bool(word) and word != "null" and draw(st.booleans())
    return Operand(word if bare else typed_text(means, draw(st.sampled_from("\"'"))), means)


def micros(moment: datetime) -> int:
    """Count microseconds."""
    return (moment - EPOCH) // MICROSECOND


def times_near(seconds: float) -> list[Operand]:
    """Type a time, so many seconds after AT, as exactly as can be and less so; and some that are told from now."""
    wall, now = AT + timedelta(seconds=seconds), zoo.NOW.wall
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day, minute, second = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
    typed = {
        wall.isoformat().replace("+00:00", "Z"): (wall, MICROSECOND if wall.microsecond else second),
        f"{wall:%Y-%m-%dT%H:%M:%SZ}": (wall.replace(microsecond=0), second),
        f"{wall:%Y-%m-%dT%H:%M}": (wall.replace(second=0, microsecond=0), minute),
        f"{wall:%Y-%m-%d}": (wall.replace(hour=0, minute=0, second=0, microsecond=0), day),
        f"{wall:%H:%M}": (midnight.replace(hour=wall.hour, minute=wall.minute), minute),
        "today": (midnight, day),
        "yesterday": (midnight - day, day),
        "-2h": (now - timedelta(hours=2), MICROSECOND),
        "now": (now, MICROSECOND),
    }
    return [Operand(text, (micros(first), micros(first + length))) for text, (first, length) in typed.items()]


TIMES = [operand for seconds in zoo.OFFSETS for operand in times_near(seconds)]


def operands(kind: str) -> st.SearchStrategy[Operand]:
    """Make values of a kind."""
    if kind == "text":
        return texts()
    return (
        st.sampled_from(TIMES)
        if kind == "time"
        else st.sampled_from(sorted(TYPED[kind].items())).map(lambda pair: Operand(*pair))
    )


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[Any, ...]:
    """Compare a field."""
    field = draw(st.sampled_from((*FIELDS, *FIELDS, *(f"label.{name}" for name in zoo.LABELS), "labels")))
    if field == "labels" or draw(st.integers(0, 9)) == 0:
        return (
            "compare",
            field,
            *draw(st.sampled_from(list(NULLS.items())).map(lambda pair: (pair[1], [Operand(pair[0], 0)]))),
        )
    kind = "text" if field.startswith("label.") else FIELDS[field][0]
    symbol = draw(st.sampled_from(SYMBOLS[kind]))
    if symbol in ("~", "!~"):
        expression = draw(st.sampled_from(EXPRESSIONS))
        return ("compare", field, symbol, [Operand('"' + expression.replace('"', '\\"') + '"', expression)])
    count = 2 if "between" in symbol else draw(st.integers(1, 3)) if "in" in symbol else 1
    values = draw(st.lists(operands(kind), min_size=count, max_size=count))
    if "between" in symbol:
        values.sort(key=lambda operand: operand.means)
    return ("compare", field, symbol, values)


leaves = st.one_of(
    comparisons(),
    comparisons(),
    comparisons(),
    literals.filter(str.strip).map(lambda text: ("words", text)),
    st.sampled_from(zoo.LABELS).map(lambda name: ("has", name)),
)
trees: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: ("and", *parts))
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: ("or", *parts))
        | inner.map(lambda part: ("not", part))
    ),
    max_leaves=6,
)


def written(tree: Any, style: int = 0) -> str:
    """Write a tree as people might: bits of `style` choose between ways that mean the same."""
    what, *parts = tree
    return WRITERS[what](style, *parts)


def _and(style: int, *parts: Any) -> str:
    return (" AND ", " and ", " ", "\n And\t")[style & 3].join(_inside(part, style) for part in parts)


def _or(style: int, *parts: Any) -> str:
    return (" OR ", " or ")[style & 1].join(_inside(part, style) for part in parts)


def _not(style: int, part: Any) -> str:
    return ("-", "NOT ", "not ")[style % 3] + _inside(part, style)


def _has(style: int, name: str) -> str:
    label = typed_text(list(name), '"')
    return f"tag({label})" if style & 4 else f"labels:{label}"


def _comparison(style: int, field: str, symbol: str, values: list[Operand]) -> str:
    typed = [value.typed for value in values]
    space = " " * (style & 1)
    if field.startswith("label."):
        name = typed_text(list(field.removeprefix("label.")), '"')
        field = f"label.{name}"
    if symbol in ("is null", "is set"):
        return f"{field} {typed[0]}"
    if symbol in ("in", "not in"):
        return f"{field} {symbol} ({f',{space}'.join(typed)})"
    if "between" in symbol:
        return f"{field} {symbol} {' and '.join(typed)}"
    return f"{field}{space}{symbol}{space}{typed[0]}"


WRITERS: dict[str, Callable[..., str]] = {
    "and": _and,
    "or": _or,
    "not": _not,
    "words": lambda _, text: typed_text(list(text), '"'),
    "has": _has,
    "compare": _comparison,
}


def _inside(tree: Any, style: int) -> str:
    """Write a part of a tree, in parentheses where it needs them, and sometimes where not."""
    text = written(tree, style)
    needed = tree[0] in ("and", "or") or (tree[0] == "not" and style % 3 == 0)
    return f"({text})" if needed or style & 8 else text
