"""A field, an operator and what was written behind it, made into a condition: what each kind of value has of its own.

A time is compared by its beginning and its end, so that `created = yesterday` is a whole day and `created > yesterday`
begins after it. A text with wildcards becomes a pattern. A label that is had is one that is set.
"""

from typing import Any

from jobd.core.filters import fields, kinds, patterns
from jobd.core.filters.complaints import Complaint, shown
from jobd.core.filters.fields import Field
from jobd.core.filters.kinds import Asker
from jobd.core.filters.operators import LISTS, NULLS, symbols
from jobd.core.filters.scanning import Piece
from jobd.core.filters.tree import Comparison, Node, all_of, either


def compare(field: Field, symbol: str, operands: list[Piece], asker: Asker) -> Node:
    """Make the condition. Raises Complaint for a value that the field cannot have."""
    if symbol in NULLS:
        return Comparison(field.name, symbol)
    if field.kind is kinds.LABELS:
        return _labels(operands[0])
    null = next((piece for piece in operands if piece.raw.lower() == "null" and not piece.quote), None)
    if null is not None:
        problem = f'write "{field.name} is null" or "{field.name} is set", or put "null" in quotes'
        raise Complaint(problem, null.start, null.end)
    if field.kind is kinds.TEXT:
        return _texts(field, symbol, operands)
    values = [_read(field, piece, asker) for piece in operands]
    if "between" in symbol and values[0] > values[1]:
        low, high = operands
        problem = f"between {shown(low.text)} and {shown(high.text)} is nothing; the smaller value comes first"
        raise Complaint(problem, low.start, high.end)
    if field.kind is kinds.TIME:
        return _times(field.name, symbol, values)
    return Comparison(field.name, "=" if symbol == ":" else symbol, tuple(values))


def check_fits(field: Field, symbol: str, start: int, end: int) -> None:
    """Refuse an operator that makes no sense for a field. Raises Complaint."""
    fitting = symbols(field.kind)
    if symbol not in fitting:
        takes = f"{field.name} ({field.kind.name}) takes {', '.join(fitting)}"
        raise Complaint(f'"{symbol}" does not fit; {takes}', start, end)


def _read(field: Field, piece: Piece, asker: Asker) -> Any:
    try:
        return field.kind.read(piece.text, asker)
    except ValueError as error:
        raise Complaint(f"{field.name}: {error}", piece.start, piece.end) from None


def _times(name: str, symbol: str, periods: list[tuple[int, int]]) -> Node:
    if "between" in symbol:
        periods = [(periods[0][0], periods[1][1])]
    first, after = periods[0]
    bounds = {"<": ("<", first), "<=": ("<", after), ">": (">=", after), ">=": (">=", first)}
    if symbol in bounds:
        operator, moment = bounds[symbol]
        return Comparison(name, operator, (moment,))
    if symbol in ("=", ":", "in", "between"):
        return either(
            *(all_of(Comparison(name, ">=", (begin,)), Comparison(name, "<", (end,))) for begin, end in periods)
        )
    return all_of(*(either(Comparison(name, "<", (begin,)), Comparison(name, ">=", (end,))) for begin, end in periods))


def _texts(field: Field, symbol: str, operands: list[Piece]) -> Node:
    if symbol in LISTS:
        return _list_of_texts(field, symbol, operands)
    (piece,) = operands
    if symbol in ("~", "!~"):
        _check_regex(piece)
        return Comparison(field.name, symbol, (piece.regex,))
    if symbol in ("=", "!="):
        return _equal(field, symbol, piece)
    return Comparison(field.name, "finds" if symbol == ":" else symbol, (piece.text,))


def _equal(field: Field, symbol: str, piece: Piece) -> Comparison:
    if (pattern := piece.pattern) is None:
        return Comparison(field.name, symbol, (piece.text,))
    return Comparison(field.name, "like" if symbol == "=" else "unlike", (pattern,))


def _list_of_texts(field: Field, symbol: str, operands: list[Piece]) -> Node:
    """Keep the texts in one list, and make a condition of its own of each pattern."""
    single, join = ("=", either) if symbol == "in" else ("!=", all_of)
    plain = tuple(piece.text for piece in operands if piece.pattern is None)
    wild = [_equal(field, single, piece) for piece in operands if piece.pattern is not None]
    return join(*([Comparison(field.name, symbol, plain)] if plain else []), *wild)


def _check_regex(piece: Piece) -> None:
    try:
        patterns.regular(piece.regex)
    except ValueError as error:
        raise Complaint(
            f"no regular expression: {error}", piece.start, piece.end, "Syntax: RE2, man 7 jobd-filter"
        ) from None


def _labels(piece: Piece) -> Node:
    """Say that a job has a label; `labels:env=prod` also of which value."""
    name, sign, value = piece.raw.partition("=")
    if not sign or piece.quote:
        return Comparison(fields.LABEL + piece.text, "is set")
    field = fields.known(fields.LABEL + Piece(name, piece.start, piece.end).text)
    return _equal(field, "=", Piece(value, piece.start, piece.end))
