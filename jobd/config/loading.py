"""Read the settings: files, environment and flags, each value with the place where it was said.

A flag goes before the environment (JOBD_<SECTION>_<KEY>), that before the user's file, that before the system's, that
before the default. Whatever cannot be read is one clear line: where, what, and what was expected.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from jobd.config.places import Environment, config_files
from jobd.config.sections import Config
from jobd.core.errors import ConfigInvalid
from jobd.core.settings import Setting, guess, settings

HEADER = r'\s*\[\s*"?([\w-]+)"?\s*\]'
NAME = r'\s*"?([\w-]+)"?\s*(?:\.\s*"?([\w-]+)"?\s*)?='

#: What JOBD_OUTPUT says, as values of output.json.
OUTPUTS = {"json": "true", "text": "false"}


class Loaded(NamedTuple):
    """The settings in force, and of each (`jobs.slots`) where it was said: a file and line, a variable, a flag."""

    config: Config
    origins: dict[str, str]


class Said(NamedTuple):
    """A value as it was found: of which setting, where, and whether it is only text."""

    name: str
    raw: Any
    where: str
    textual: bool


@cache
def known() -> dict[str, Setting]:
    """Give all settings by name (`jobs.slots`)."""
    return {setting.name: setting for setting in settings(Config)}


def load(environ: Environment, flags: Mapping[str, str] | None = None) -> Loaded:
    """Read the files, the environment and the flags (`{"jobs.slots": "4"}`). Raises ConfigInvalid."""
    values: dict[str, dict[str, Any]] = {section: {} for section in Config.__struct_fields__}
    origins = dict.fromkeys(known(), "default")
    for said in _everything_said(environ, flags or {}):
        setting = known()[said.name]
        try:
            values[setting.section][setting.key] = setting.read(said.raw, textual=said.textual)
        except ValueError as error:
            raise ConfigInvalid(where=said.where, problem=f"{said.name}: {error}") from error
        origins[said.name] = said.where
    sections = {field.name: field.type(**values[field.name]) for field in msgspec.structs.fields(Config)}
    return Loaded(Config(**sections), origins)


def _everything_said(environ: Environment, flags: Mapping[str, str]) -> Iterator[Said]:
    for path in config_files(environ):
        yield from _file(path)
    yield from _environment(environ)
    for name, text in flags.items():
        yield Said(name, text, "flag", textual=True)


def _environment(environ: Environment) -> Iterator[Said]:
    if text := environ.get("JOBD_OUTPUT"):
        if text not in OUTPUTS:
            raise ConfigInvalid(where="JOBD_OUTPUT", problem=f"expected {' or '.join(OUTPUTS)}, not {text}")
        yield Said("output.json", OUTPUTS[text], "JOBD_OUTPUT", textual=True)
    variables = {setting.variable: setting.name for setting in known().values()}
    prefixes = tuple(f"JOBD_{section.upper()}_" for section in Config.__struct_fields__)
    for variable, text in environ.items():
        if text and variable.startswith(prefixes):
            if variable not in variables:
                raise ConfigInvalid(where=variable, problem=f"no such setting{guess(variable, variables)}")
            yield Said(variables[variable], text, variable, textual=True)


def _file(path: str) -> Iterator[Said]:
    text = _text(path)
    for section, table in _table(path, text).items():
        keys = [setting.key for setting in known().values() if setting.section == section]
        if not keys:
            problem = f"no section {section}{guess(section, Config.__struct_fields__)}"
            raise ConfigInvalid(where=_line(path, text, section), problem=problem)
        if not isinstance(table, dict):
            raise ConfigInvalid(where=_line(path, text, section), problem=f"{section} is a section: write [{section}]")
        for key, raw in table.items():
            where = _line(path, text, section, key)
            if key not in keys:
                raise ConfigInvalid(where=where, problem=f"no setting {key} in [{section}]{guess(key, keys)}")
            yield Said(f"{section}.{key}", raw, where, textual=False)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigInvalid(where=path, problem=f"cannot be read: {reason}") from error


def _table(path: str, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        number = int(line[1]) if line else text.count("\n") + 1
        raise ConfigInvalid(where=f"{path}:{number}", problem=f"not TOML: {str(error).partition(' (at')[0]}") from error


def _line(path: str, text: str, *wanted: str) -> str:
    """Find the line that opens a section or says its key; only the path if it is written in a way not foreseen."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(HEADER, line):
            current = header[1]
        name = re.match(NAME, line)
        words = [word for word in (current, *(name.groups() if name else ())) if word]
        if words[: len(wanted)] == list(wanted):
            return f"{path}:{number}"
    return path


TEMPLATE = """\
# jobd reads this file from {path}
# Each line below says a default; take away the "#" in front of a setting to change it.
# The environment goes before this file: JOBD_JOBS_SLOTS=8. man 5 jobd.toml
"""


def template() -> str:
    """Write the default configuration file: every setting with its help, commented out."""
    lines = [TEMPLATE.format(path="~/.config/jobd/config.toml")]
    for section in Config.__struct_fields__:
        lines.append(f"[{section}]")
        for setting in known().values():
            if setting.section == section:
                lines += textwrap.wrap(setting.help, 100, initial_indent="# ", subsequent_indent="# ")
                lines += [
                    f"# Takes {setting.expected}. Default: {setting.default_text}.",
                    f"#{setting.key} = {setting.example}",
                    "",
                ]
    return "\n".join(lines)
