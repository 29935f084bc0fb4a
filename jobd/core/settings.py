"""One setting: how its value is written and read, and what a person is told about it.

A setting is a field of a section, and a section a field of the configuration: msgspec structs whose annotations carry
limits and help (`msgspec.Meta`). Everything here is derived from them.
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from jobd.core import quantities
from jobd.core.history import retention


class Writing(NamedTuple):
    """How values of one kind are written as text: an example, and both directions."""

    example: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


def _read_duration_or_off(text: str) -> float:
    return 0.0 if text == "off" else quantities.parse_duration(text)


def _write_duration_or_off(seconds: float) -> str:
    return quantities.write_duration(seconds) if seconds else "off"


WRITINGS = {
    "duration": Writing("10s", quantities.parse_duration, quantities.write_duration),
    'duration, or "off"': Writing("1h", _read_duration_or_off, _write_duration_or_off),
    "size": Writing("512M", quantities.parse_size, quantities.write_size),
    "list of rules": Writing("backup-* 730d, test-* 7d 100", lambda text: retention.write(retention.parse(text)), str),
}

#: A length of time in seconds (a field may set a lower limit), the same where zero means never, rules by name, and a
#: size in bytes.
Duration = Annotated[float, Meta(le=quantities.LONGEST, extra={"written": "duration"})]
DurationOrOff = Annotated[float, Meta(ge=0, le=quantities.LONGEST, extra={"written": 'duration, or "off"'})]
Rules = Annotated[str, Meta(extra={"written": "list of rules"})]
Size = Annotated[int, Meta(ge=0, le=quantities.LARGEST, extra={"written": "size"})]


class Setting(NamedTuple):
    """One setting as the configuration file, the environment and the manual see it."""

    section: str
    key: str
    type: Any
    metas: tuple[Meta, ...]
    default: Any

    @property
    def name(self) -> str:
        """The section and the key, joined by a dot."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"JOBD_{self.section}_{self.key}".upper()

    @property
    def help(self) -> str:
        """What it does, in sentences."""
        return next(meta.description for meta in self.metas if meta.description)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it takes, if it takes only certain ones."""
        if isinstance(self.type, type) and issubclass(self.type, enum.Enum):
            return tuple(member.value for member in self.type)
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def default_text(self) -> str:
        """The default as it is written in the file, or in words where it depends on the machine."""
        return self._extra("default") or self.write(self.default)

    @property
    def example(self) -> str:
        """A value as it may stand in the file: the default where that is the same everywhere."""
        return self._extra("example") or self.write(self.default)

    @property
    def expected(self) -> str:
        """Which values it takes, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.type is bool:
            return "true or false"
        writing = self._writing
        if writing is None:
            return f"a whole number from {self._limit('ge')} to {self._limit('le')}"
        lowest = self._limit("ge")
        return f"a {self._extra('written')}, as in {writing.example}" + (
            f", at least {writing.write(lowest)}" if lowest else ""
        )

    def write(self, value: Any) -> str:
        """Write a value as it stands in the file."""
        return msgspec.json.encode(self._writing.write(value) if self._writing else value).decode()

    def read(self, raw: Any, *, textual: bool = False) -> Any:
        """Read a value of the file, or (textual) what a variable or a flag says. Raises ValueError with a sentence."""
        if self._writing and not isinstance(raw, str):
            self._refuse(raw)
        value = self._writing.read(raw) if self._writing else raw
        try:
            return msgspec.convert(value, Annotated[self.type, *self.metas], strict=not textual)
        except msgspec.ValidationError:
            self._refuse(raw)

    def _refuse(self, raw: Any) -> None:
        shown = raw if isinstance(raw, str) else msgspec.json.encode(raw, enc_hook=str).decode()
        message = f"expected {self.expected}, not {shown}{guess(shown, self.choices)}"
        raise ValueError(message)

    @property
    def _writing(self) -> Writing | None:
        return WRITINGS.get(self._extra("written"))

    def _extra(self, name: str) -> Any:
        return next((meta.extra[name] for meta in self.metas if meta.extra and name in meta.extra), None)

    def _limit(self, name: str) -> Any:
        return next((value for meta in self.metas if (value := getattr(meta, name)) is not None), None)


def settings(config: type[msgspec.Struct]) -> Iterator[Setting]:
    """List all settings of a configuration, section by section, in the order in which they are written down."""
    for section in msgspec.structs.fields(config):
        kinds = get_type_hints(section.type, include_extras=True)
        for field in msgspec.structs.fields(section.type):
            plain, *metas = get_args(kinds[field.name])
            default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            yield Setting(section.name, field.name, plain, tuple(metas), default)


def guess(word: str, known: Iterable[str]) -> str:
    """Ask whether another word was meant, if one is close: `; did you mean "slots"?` or nothing."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1)
    return f'; did you mean "{close[0]}"?' if close else ""
