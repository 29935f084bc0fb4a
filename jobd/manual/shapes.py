"""The shape of JSON in words: how the fields of a record are written, and which records they lead to."""

import enum
import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect as info
from msgspec.inspect import Field, NoneType, StructType, Type

#: Look into a type; it is asked again wherever its record is told of.
type_info: Callable[[Any], Type] = cache(info.type_info)


class Shape(NamedTuple):
    """A field of a record: its name, its type in words, and its default as JSON (None if it must be given)."""

    name: str
    type: str
    default: str | None


def fields(record: type[msgspec.Struct]) -> list[Shape]:
    """Describe the fields of a record, in their order."""
    return [Shape(field.encode_name, words(field.type), _default(field)) for field in _fields(type_info(record))]


def told(record: type[Any]) -> str:
    """Tell the fields of a record, or the words of a choice, in one sentence; fields in brackets may be left out."""
    if issubclass(record, enum.Enum):
        return "One of " + ", ".join(str(member.value) for member in record) + "."
    tag = getattr(type_info(record), "tag", None)
    parts = [_told(shape) for shape in fields(record)]
    parts[:0] = [f'type: "{tag}"'] if tag else []
    return "; ".join(parts) + "." if parts else "No fields."


def words_of(kind: Any) -> str:
    """Say an annotation in words."""
    return words(type_info(kind))


def words(kind: Type) -> str:
    """Say a type in words; a record and a choice of words by their names."""
    return WORDS[type(kind)](kind)


def named(kinds: Iterable[Any]) -> list[type]:
    """List the records and choices that types lead to, by name; kinds of one union (events) count as one."""
    found: dict[str, type] = {}
    ahead = [type_info(kind) for kind in kinds]
    while ahead:
        kind = ahead.pop()
        if isinstance(kind, StructType | info.EnumType):
            if kind.cls.__name__ in found:
                continue
            found[kind.cls.__name__] = kind.cls
        ahead += _inner(kind)
    return [found[name] for name in sorted(found)]


def meanings(record: type) -> dict[str, str]:
    """Give what is written beside each field of a record and those it is made of (`name: type  #: what it means`)."""
    found: dict[str, str] = {}
    for kind in reversed(record.__mro__):
        if issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct:
            found |= _beside(kind)
    return found


@cache
def _beside(kind: type) -> dict[str, str]:
    """Give what is written beside the fields of this class alone."""
    found = {}
    for line in inspect.getsource(kind).splitlines():
        said, mark, text = line.partition("  #: ")
        name, colon, _ = said.strip().partition(":")
        if mark and colon and name.isidentifier():
            found[name] = text.strip()
    return found


def documented(words_of: type) -> dict[str, str]:
    """Give what is written beside each word of a choice (`NAME = "word"  #: what it means`)."""
    found = {}
    for line in inspect.getsource(words_of).splitlines():
        said, _, text = line.partition("#:")
        value = said.partition("=")[2]
        if value:
            found[value.strip(" \"'")] = text.strip()
    return found


def _told(shape: Shape) -> str:
    said = f"{shape.name}: {shape.type}"
    return said if shape.default is None else f"[{said}]"


def _alternatives(several: tuple[Type, ...]) -> list[str]:
    """Name the members of a union, null last; several kinds of one family by the name of the family."""
    records = [each for each in several if isinstance(each, StructType)]
    others = [words(each) for each in several if not isinstance(each, StructType | NoneType)]
    null = ["null"] if any(isinstance(each, NoneType) for each in several) else []
    return [*others, *([_family(records)] if records else []), *null]


def _family(records: list[StructType]) -> str:
    shared = [base for base in records[0].cls.__mro__ if all(base in record.cls.__mro__ for record in records)]
    return " or ".join(record.cls.__name__ for record in records) if shared[0] is msgspec.Struct else shared[0].__name__


def _inner(kind: Type) -> list[Type]:
    if isinstance(kind, StructType | info.NamedTupleType):
        return [field.type for field in kind.fields]
    parts = [getattr(kind, name, ()) for name in ("types", "item_types", "item_type", "value_type")]
    return [each for part in parts for each in (part if isinstance(part, tuple) else (part,))]


def _fields(kind: Type) -> tuple[Field, ...]:
    if not isinstance(kind, StructType):
        raise TypeError(f"{kind} is no record")
    return kind.fields


def _array(kind: Any) -> str:
    return f"array of {words(kind.item_type)}"


def _plain(text: str) -> Callable[[Any], str]:
    return lambda _: text


#: {kind of type: how it is said}
WORDS: dict[type[Type], Callable[[Any], str]] = {
    info.AnyType: _plain("any value"),
    info.BoolType: _plain("true or false"),
    info.DateTimeType: _plain("time"),
    info.FloatType: _plain("number"),
    info.IntType: _plain("integer"),
    info.NoneType: _plain("null"),
    info.RawType: _plain("any value"),
    info.StrType: _plain("string"),
    info.StructType: lambda kind: kind.cls.__name__,
    info.EnumType: lambda kind: kind.cls.__name__,
    info.LiteralType: lambda kind: " or ".join(msgspec.json.encode(value).decode() for value in kind.values),
    info.UnionType: lambda kind: " or ".join(_alternatives(kind.types)),
    info.DictType: lambda kind: f"object of {words(kind.value_type)}",
    info.TupleType: lambda kind: f"[{', '.join(map(words, kind.item_types))}]",
    info.NamedTupleType: lambda kind: f"[{', '.join(f'{item.name}: {words(item.type)}' for item in kind.fields)}]",
    info.ListType: _array,
    info.VarTupleType: _array,
}


def _default(field: Field) -> str | None:
    if field.required:
        return None
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value, enc_hook=str).decode()
