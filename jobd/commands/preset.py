"""jobd preset: filters with a name, used as @name inside other filters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar

import click
import msgspec
from msgspec import Meta

from jobd.commands.options.kept import json_option, plain_option
from jobd.core.errors import BadValue, FilterInvalid, NothingMatched, Refused
from jobd.core.history.selection import Where
from jobd.ui.table import Column, table
from jobd.wire import Mutation, Read

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd preset save night-failed 'group=night state=failed'
jobd history @night-failed @week
jobd preset list
jobd preset rm night-failed
"""

COLUMNS = (
    Column("NAME", lambda preset: f"@{preset.name}", raw="name"),
    Column("FILTER", "filter", shrink=1),
    Column("MEANS", lambda preset: preset.help or "saved", shrink=2, raw="help"),
)
#: Saved presets at the most: all are read with each filter.
MOST = 1000

PresetName = Annotated[str, Meta(min_length=1, max_length=100)]


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A filter with a name; `help` says what those mean that there always are, and is null for saved ones."""

    name: str
    filter: str
    help: str | None = None


class Presets(Read[tuple[Saved, ...]], frozen=True):
    """List the presets by name: those that there always are, and those saved."""

    method: ClassVar = "preset.list"

    def answer(self, archive: Archive, caller: Actor) -> tuple[Saved, ...]:
        """Ask the archive."""
        from jobd.core.filters import BUILT_IN

        always = [Saved(name=preset.name, filter=preset.text, help=preset.help) for preset in BUILT_IN]
        saved = [Saved(name=name, filter=text) for name, text in archive.presets().items()]
        return tuple(sorted([*always, *saved], key=lambda preset: preset.name))


class Save(Mutation[Saved], frozen=True):
    """Save a filter under a name, in place of the one that had it."""

    method: ClassVar = "preset.save"

    name: PresetName
    filter: Annotated[Where, Meta(min_length=1)]

    def answer(self, engine: Engine, caller: Actor) -> Saved:
        """Read the filter as it would be used, then keep it. Raises BadValue, FilterInvalid."""
        from jobd.core import filters
        from jobd.daemon.remembered.asking import asker

        if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", self.name):
            raise BadValue(field="name", problem=f"{self.name!r} needs a letter first, then letters, digits, - and _")
        if any(preset.name == self.name for preset in filters.BUILT_IN):
            raise BadValue(field="name", problem=f"@{self.name} is always there and cannot be another")
        known = engine.archive.presets()
        if self.name not in known and len(known) >= MOST:
            raise BadValue(field="name", problem=f"there are {MOST} presets, which is the most; jobd preset rm NAME")
        by = asker(engine.clock.now().wall, uid=caller.uid)
        for text in (self.filter, f"@{self.name}"):
            filters.parse(text, by, {**known, self.name: self.filter})
        engine.store.save_preset(self.name, self.filter)
        return Saved(name=self.name, filter=self.filter)


def _makes_sense(engine: Engine, text: str, presets: dict[str, str]) -> bool:
    """Whether a filter can be read with these presets."""
    from jobd.core import filters
    from jobd.daemon.remembered.asking import asker

    try:
        filters.parse(text, asker(engine.clock.now().wall), presets)
    except FilterInvalid:
        return False
    return True


class Remove(Mutation[Saved], frozen=True):
    """Forget a saved preset."""

    method: ClassVar = "preset.rm"

    name: PresetName

    def answer(self, engine: Engine, caller: Actor) -> Saved:
        """Take it away. Raises NothingMatched, Refused."""
        known = engine.archive.presets()
        text = known.pop(self.name, None)
        if text is None:
            raise NothingMatched(what=f"a saved preset @{self.name}")
        if users := [f"@{name}" for name, other in known.items() if not _makes_sense(engine, other, known)]:
            raise Refused(problem=f"@{self.name} is used by {', '.join(users)}")
        engine.store.save_preset(self.name, None)
        return Saved(name=self.name, filter=text)


@click.group("preset", epilog=EXAMPLES)
def command() -> None:
    """Keep filters under names.

    Wherever a filter may stand, @NAME stands for the one that has this name, in parentheses. Some are always there;
    jobd-filter(7) tells of them.
    """


@command.command("list", epilog=EXAMPLES.splitlines()[2])
@plain_option
@json_option(Saved)
@click.pass_obj
def show(shell: Shell) -> None:
    """List the presets: those that there always are, and those saved."""
    found = shell.client.call(Presets())
    shell.emit_all(found, lambda: shell.screen.data(table(COLUMNS, found, shell.screen)))


@command.command("save", epilog=EXAMPLES.splitlines()[0])
@click.argument("name")
@click.argument("words", nargs=-1, required=True, metavar="FILTER...")
@json_option(Saved)
@click.pass_obj
def save(shell: Shell, name: str, words: tuple[str, ...]) -> None:
    """Save a filter under a name, in place of the one that had it."""
    saved = shell.client.call(Save(name=name.removeprefix("@"), filter=" ".join(words)))
    shell.emit(saved, lambda: shell.screen.hint(f"jobd history @{saved.name}"))


@command.command("rm", epilog=EXAMPLES.splitlines()[3])
@click.argument("name")
@json_option(Saved)
@click.pass_obj
def remove(shell: Shell, name: str) -> None:
    """Forget a saved preset.

    Exit status: 66 if there is none of this name, 1 if another uses it.
    """
    removed = shell.client.call(Remove(name=name.removeprefix("@")))
    shell.emit(removed, lambda: shell.screen.data(f"removed @{removed.name}\n"))
