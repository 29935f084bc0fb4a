"""The command line as manual pages and completions see it: read once from click, then plain records.

Conventions a command keeps so that it reads well: the first line of its help says what it does; its epilog holds
examples, one a line, `jobd … # explanation`; a paragraph that begins with "Exit status:" says statuses of its own. What
a word stands for is told by its type, if that knows its choices or `words`, else by its metavar: JOB, FILE, DIR,
COMMAND (of the shell), VERB (of jobd) and SIGNAL are completed as such.
"""

import inspect
import re
from collections.abc import Iterator
from typing import NamedTuple

import click

EXIT_STATUS = "Exit status:"


class Source(NamedTuple):
    """What a word on the command line is completed from: fixed words, or a kind of thing."""

    kind: str = ""
    words: tuple[str, ...] = ()


SIGNALS = ("TERM", "INT", "HUP", "QUIT", "KILL", "USR1", "USR2", "STOP", "CONT")
SOURCES = {
    "JOB": Source("jobs"),
    "FILE": Source("files"),
    "DIR": Source("directories"),
    "COMMAND": Source("commands"),
    "VERB": Source("verbs"),
    "SIGNAL": Source("words", SIGNALS),
}


class Option(NamedTuple):
    """An option: its spellings, whether it may be `repeated`, and its value; an `optional` one needs an equals sign."""

    flags: tuple[str, ...]
    help: str
    repeated: bool
    value: str
    optional: bool
    source: Source

    @property
    def takes_next_word(self) -> bool:
        """Whether the word after it is its value."""
        return bool(self.value) and not self.optional


class Argument(NamedTuple):
    """A word that is no option, or several of them; a command of the shell stands after `--`."""

    name: str
    required: bool
    many: bool
    source: Source
    after_dashes: bool = False


class Example(NamedTuple):
    """A command to try, and what it does."""

    command: str
    explanation: str


class Verb(NamedTuple):
    """A command, or a noun with the commands below it. `common` are the options of jobd itself that it takes too."""

    path: tuple[str, ...]
    summary: str
    paragraphs: tuple[str, ...]
    statuses: tuple[str, ...]
    examples: tuple[Example, ...]
    options: tuple[Option, ...]
    common: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    verbs: tuple["Verb", ...]
    aliases: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path[-1]

    @property
    def accepted(self) -> tuple[Option, ...]:
        """All options it takes, those of every command too."""
        return (*self.options, *self.common)

    @property
    def sources(self) -> tuple[Source, ...]:
        """What its words and the values of its options are completed from."""
        return *(argument.source for argument in self.arguments), *(option.source for option in self.options)

    @property
    def words(self) -> str:
        """The path below jobd, as it is typed."""
        return " ".join(self.path[1:])

    @property
    def page(self) -> str:
        """The name of the manual page that tells of it."""
        return "-".join(self.path[:2])


def read(command: click.Command, path: tuple[str, ...]) -> Verb:
    """Read a command and all below it; what is hidden is left out."""
    return _read(command, path, (), frozenset())


def _read(command: click.Command, path: tuple[str, ...], aliases: tuple[str, ...], shared: frozenset[str]) -> Verb:
    """Read a command; a hidden option is `common` if jobd itself shows it (its flags are in `shared`)."""
    context = click.Context(command, info_name=path[-1])
    parameters = command.get_params(context)
    options = [(_option(item), item.hidden) for item in parameters if isinstance(item, click.Option)]
    shown = tuple(option for option, hidden in options if not hidden)
    summary, *paragraphs = _paragraphs(command.help) or ("",)
    return Verb(
        path,
        summary,
        tuple(text for text in paragraphs if not text.startswith(EXIT_STATUS)),
        tuple(text.removeprefix(EXIT_STATUS).strip() for text in paragraphs if text.startswith(EXIT_STATUS)),
        tuple(_examples(command.epilog)),
        shown,
        tuple(option for option, hidden in options if hidden and shared.issuperset(option.flags)),
        tuple(_argument(item) for item in parameters if isinstance(item, click.Argument)),
        tuple(_verbs(command, context, path, shared | {flag for option in shown for flag in option.flags})),
        aliases,
    )


def every(verb: Verb) -> Iterator[Verb]:
    """Walk a command and all below it."""
    yield verb
    for below in verb.verbs:
        yield from every(below)


def plain(text: str) -> str:
    """Give a help text as completions show it: the first sentence, without backticks and full stop."""
    return re.split(r"(?<=\w)\. (?=[A-Z])", text.replace("`", ""))[0].rstrip(".")


def _verbs(
    command: click.Command, context: click.Context, path: tuple[str, ...], shared: frozenset[str]
) -> Iterator[Verb]:
    """Read the commands of a group. A group may have `aliases`: other words for its commands."""
    if isinstance(command, click.Group):
        others: dict[str, str] = getattr(command, "aliases", {})
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                aliases = tuple(sorted(other for other, meant in others.items() if meant == name))
                yield _read(below, (*path, name), aliases, shared)


def _paragraphs(text: str | None) -> list[str]:
    r"""Take a help text apart; a paragraph that begins with \b keeps its lines, indented by four spaces."""
    clean = inspect.cleandoc((text or "").partition("\f")[0])
    found = []
    for paragraph in re.split(r"\n\s*\n", clean):
        if paragraph.startswith("\b"):
            found.append("\n".join("    " + line for line in paragraph.splitlines()[1:]))
        elif paragraph:
            found.append(" ".join(paragraph.split()))
    return found


def _examples(epilog: str | None) -> list[Example]:
    lines = inspect.cleandoc(epilog or "").replace("\b", "").splitlines()
    parts = [re.split(r"\s+#\s+", line.strip(), maxsplit=1) for line in lines if line.strip()]
    return [Example(command, rest[0] if rest else "") for command, *rest in parts]


def _option(option: click.Option) -> Option:
    takes_value = not option.is_flag and not option.count
    value = _shown(option) if takes_value else ""
    optional = takes_value and option.to_info_dict()["flag_value"] is not None
    flags = sorted((*option.opts, *option.secondary_opts), key=lambda flag: flag.startswith("--"))
    text = " ".join((option.help or "").split())
    if option.show_default and takes_value:
        text = f"{text.removesuffix('.')} (default: {option.default})."
    return Option(tuple(flags), text, option.multiple or option.count, value, optional, _source(option))


def _argument(argument: click.Argument) -> Argument:
    dashes = (argument.metavar or "").startswith("--")
    return Argument(_shown(argument), argument.required, argument.nargs != 1, _source(argument), dashes)


def _shown(parameter: click.Parameter) -> str:
    """Name a value by its metavar without brackets and dots (`[JOB]...` is JOB), or else by the parameter."""
    return re.sub(r"[\[\]]|\.\.\.|^-- ", "", parameter.metavar or parameter.name or "").upper()


def _source(parameter: click.Parameter) -> Source:
    if isinstance(parameter.type, click.Choice):
        return Source("words", tuple(str(choice) for choice in parameter.type.choices))
    if isinstance(parameter.type, click.Path | click.File):
        return Source("directories" if not getattr(parameter.type, "file_okay", True) else "files")
    words: tuple[str, ...] = getattr(parameter.type, "words", ())
    return Source("words", words) if words else SOURCES.get(_shown(parameter), Source())
