"""What a command is given: the client, the screen, the paths, the settings, and where it was called from.

A command touches neither the streams nor the environment of the process itself: all it needs comes from here, so that
the same function could run at another place than the terminal it was typed at.
"""

import os
import resource
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import msgspec

from jobd.client import Client, environment
from jobd.config import Paths, config_files, state_directory
from jobd.core.errors import BadValue, ConfigInvalid
from jobd.core.history.searching import LARGEST_PAGE, PAGE
from jobd.core.text import Lossless, lossless
from jobd.core.text import path as as_path
from jobd.ui.fields import Template, pick
from jobd.ui.screen import Screen
from jobd.ui.terminal_text import field
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.config import Config

#: How to be a daemon, whatever the current directory holds.
SERVE = (sys.executable, "-P", os.path.join(os.path.dirname(os.path.dirname(__file__)), "__main__.py"), "daemon", "run")


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command was called from; texts are lossless, limits (soft, hard) by their names, -1 is none."""

    cwd: Lossless
    environ: tuple[Lossless, ...]
    umask: int
    limits: dict[str, tuple[int, int]]
    uid: int
    pid: int
    tty: str | None


class Asked(msgspec.Struct):
    """What the flags that every command has, or many, have said so far."""

    start: bool = True
    ascii: bool = False
    color: str | None = None
    pager: bool = True
    quiet: bool = False
    plain: bool = False
    json: bool = False
    #: The fields to pick (`id`, `progress.fraction`); all if there are none.
    fields: tuple[str, ...] = ()
    template: Template | None = None
    #: A form that the command knows, in the place of a template.
    form: str | None = None

    @property
    def printed_otherwise(self) -> bool:
        """Whether a flag wants anything but JSON, which then goes before a setting that wants JSON."""
        return self.quiet or self.plain or self.template is not None or self.form is not None


class Shell:
    """One call of the program, by the words `argv`.

    `offline` answers a Read from the saved state when no daemon runs; `make_server` is what a daemon serves with.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        argv: Sequence[str],
        *,
        offline: Callable[["Shell", Read[Any]], Any],
        make_server: Callable[[Any], Any],
    ) -> None:
        self.environ = environ
        self.argv = argv
        self.make_server = make_server
        self.asked = Asked()
        self.paths = Paths(state_directory(environ))
        self._offline = offline

    @cached_property
    def config(self) -> "Config":
        """The settings in force. Raises ConfigInvalid."""
        from jobd.config import load

        return load(self.environ).config

    @cached_property
    def screen(self) -> Screen:
        """Standard output and error, as the flags and settings want them; settings that cannot be read want nothing."""
        color, json = "auto", False
        if self._has_settings():
            try:
                color, json = self.config.output.color, self.config.output.json
            except ConfigInvalid:
                json = False
        asked = self.asked
        return Screen(
            sys.stdout,
            sys.stderr,
            self.environ,
            color=asked.color or color,
            json=asked.json or (json and not asked.printed_otherwise),
            plain=asked.plain,
            quiet=asked.quiet,
            ascii=asked.ascii,
        )

    @cached_property
    def client(self) -> Client:
        """The way to the daemon."""
        return Client(
            self.paths,
            autostart=self.asked.start and self.environ.get("JOBD_AUTOSTART") != "0",
            notice=self.screen.notice,
            offline=lambda request: self._offline(self, request),
            start=(*SERVE, "--background"),
            environ=self.environ,
        )

    @cached_property
    def here(self) -> Here:
        """Where the command was called from. Raises BadValue if the current directory is gone."""
        try:
            cwd = lossless(os.getcwdb())
        except FileNotFoundError as error:
            raise BadValue(field="directory", problem="the current one does not exist any more") from error
        return Here(
            cwd=cwd,
            environ=environment.inherited(),
            umask=_umask(),
            limits=_limits(),
            uid=os.getuid(),
            pid=os.getpid(),
            tty=_terminal(),
        )

    def read_input(self) -> str:
        """Read the standard input to its end; what is not UTF-8 becomes backslash escapes. Raises BadValue."""
        if sys.stdin is None:
            raise BadValue(field="standard input", problem="it is closed")
        try:
            with open(0, encoding="utf-8", errors="backslashreplace", closefd=False) as file:
                return file.read()
        except OSError as error:
            raise BadValue(field="standard input", problem=error.strerror) from error

    def emit(self, record: Any, show: Callable[[], object]) -> None:
        """Give one record in the form that was asked for: JSON, by a template, its id; or else `show` it."""
        self._emit(record, [record], show)

    def emit_all(self, records: Sequence[Any], show: Callable[[], object]) -> None:
        """Give records: one JSON array, or a line for each; or else `show` them."""
        self._emit(records, records, show)

    def emit_pages(self, pages: Iterable[Sequence[Any]], show: Callable[[Sequence[Any]], object]) -> None:
        """Give records as `emit_all` does, but as they come, a page after the other."""
        if self.screen.as_json:
            self.screen.json_array([self.document(record) for record in page] for page in pages)
        else:
            for page in pages:
                self._emit(page, page, partial(show, page))

    def how_many(self, limit: int | None) -> int:
        """Say how many are shown: as many as are asked for, or else a page on a terminal, more where nobody looks."""
        return limit or (PAGE if self.screen.is_terminal else LARGEST_PAGE)

    def none_meant(self, jobs: Sequence[Any]) -> bool:
        """Whether the words of a selection mean no job at all; if so, that is said."""
        if not jobs:
            self.screen.notice("no job is concerned")
        return not jobs

    def document(self, record: Any) -> Any:
        """Give the JSON form of a record, only with the fields that were asked for."""
        return pick(_whole(record), self.asked.fields) if self.asked.fields else record

    def absolute(self, path: str) -> str:
        """Give a path as seen from the root; a relative one begins where the command was called."""
        return os.path.normpath(os.path.join(as_path(self.here.cwd), path))

    def check_settings(self, *, needed: bool = True) -> None:
        """Refuse to go on with settings that cannot be read; if they are not `needed`, say so and take the defaults.

        Raises ConfigInvalid.
        """
        try:
            if self._has_settings():
                _ = self.config
        except ConfigInvalid as error:
            if needed:
                raise
            from jobd.config import Config

            self.config = Config()
            self.screen.notice(f"{error.message}; the defaults hold")

    def _emit(self, whole: Any, records: Sequence[Any], show: Callable[[], object]) -> None:
        if self.screen.as_json:
            documents = [self.document(record) for record in records]
            self.screen.json(documents if whole is records else documents[0])
        elif template := self.asked.template:
            lines = [field(template.fill(_whole(one))) for one in records]
            self.screen.data("".join(f"{line}\n" for line in lines))
        elif self.asked.quiet:
            self.screen.data("".join(f"{record.id}\n" for record in records))
        else:
            show()

    def _has_settings(self) -> bool:
        """Look whether anything is set at all: most users set nothing, and reading takes time."""
        said = any(name.startswith("JOBD_") and name not in environment.NO_SETTINGS for name in self.environ)
        return said or any(map(os.path.exists, config_files(self.environ)))


def _whole(record: msgspec.Struct) -> dict[str, Any]:
    """Give a record as plain values, null for a field that its JSON leaves out: whoever names it wants to see it."""
    return {**dict.fromkeys(record.__struct_encode_fields__), **msgspec.to_builtins(record)}


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _limits() -> dict[str, tuple[int, int]]:
    """Read the limits by their names without RLIMIT_; OFILE is another word for NOFILE."""
    names = (name for name in dir(resource) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE")
    return {name.removeprefix("RLIMIT_"): resource.getrlimit(getattr(resource, name)) for name in names}


def _terminal() -> str | None:
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return None
