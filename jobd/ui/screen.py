"""The screen: whatever a command says goes through it, and it knows what the other end can show.

Made once, by the program, from the real streams and environment; a command touches neither. Data goes to standard
output and must arrive: if it cannot, OutputFailed is raised. Hints, notices and errors go to standard error, where a
failure changes nothing: the exit status tells.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TextIO

from jobd.ui.sink import Sink
from jobd.ui.terminal_text import RESET, field, harmless_json

COLUMNS = 80

#: Attributes by the name the rest of the room uses.
STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

COLOR_CHOICES = ("auto", "always", "never")


class Screen:
    """Standard output and standard error of one command, and what they can show.

    `color` is auto, always or never; `environ` gives NO_COLOR and its kin, TERM, COLUMNS and the locale.
    """

    def __init__(
        self,
        stdout: TextIO | None,
        stderr: TextIO | None,
        environ: Mapping[str, str],
        *,
        color: str = "auto",
        json: bool = False,
        plain: bool = False,
        quiet: bool = False,
        ascii: bool = False,  # noqa: A002  # the flag's name
    ) -> None:
        self._out, self._error = Sink(stdout), Sink(stderr)
        self.environ = environ
        self.as_json = json
        self.quiet = quiet
        #: Whether standard output is a terminal.
        self.is_terminal = self._out.is_terminal
        #: Whether tables come tab separated: on request, and wherever nobody looks.
        self.plain = plain or not self.is_terminal
        #: Whether marks, bars and frames may be other than ASCII.
        self.unicode = self._out.is_unicode and not ascii and not _is_c_locale(environ)
        self.color = wants_color(environ, color, is_terminal=self.is_terminal)
        self.error_color = wants_color(environ, color, is_terminal=self._error.is_terminal)
        #: Entered while something is told beside the output: a line at the bottom is taken away meanwhile.
        self.aside: Callable[[], AbstractContextManager[object]] = nullcontext
        #: Whether a line may be repainted in place.
        self.live = not (self.plain or json or quiet) and environ.get("TERM", "dumb") not in {"", "dumb"}

    @property
    def columns(self) -> int:
        """How wide standard output is now: COLUMNS, else what the terminal says, else 80."""
        asked = self.environ.get("COLUMNS", "")
        return (int(asked) if asked.isdecimal() else 0) or self._out.columns() or COLUMNS

    @property
    def descriptor(self) -> int | None:
        """The descriptor of standard output, for whoever moves bytes to it unseen; None if there is none."""
        return self._out.descriptor

    def sink(self, *, errors: bool = False) -> Sink:
        """Standard output itself, or standard error."""
        return self._error if errors else self._out

    def paint(self, text: str, *styles: str) -> str:
        """Give the text those STYLES, if standard output shows colours."""
        return _painted(text, styles) if self.color else text

    def write(self, text: str) -> None:
        """Write the text to standard output as it is. Raises OutputFailed."""
        self._out.write(text)

    def write_bytes(self, data: bytes | memoryview) -> None:
        """Write the bytes to standard output as they are. Raises OutputFailed."""
        self._out.write_bytes(data)

    def data(self, text: str) -> None:
        """Write lines to standard output, the last one ended too; nothing for an empty text. Raises OutputFailed."""
        if text:
            self._out.write(text if text.endswith("\n") else text + "\n")

    def json(self, value: object) -> None:
        """Write one compact JSON document and a newline to standard output.

        The value is anything msgspec encodes. Raises OutputFailed, and what msgspec raises for anything else.
        """
        self._out.write_bytes(self._json(value) + b"\n")

    def json_array(self, pages: Iterable[Sequence[object]]) -> None:
        """Write one compact JSON array, of which a page after the other comes. Raises as `json` does."""
        between = b"["
        for page in pages:
            for value in page:
                self._out.write_bytes(between + self._json(value))
                between = b","
        self._out.write_bytes((b"[]" if between == b"[" else b"]") + b"\n")

    def json_line(self, value: object) -> None:
        """Write the next item of a stream as one line of JSON (NDJSON). Raises as `json` does."""
        self.json(value)

    def hint(self, text: str) -> None:
        """Tell a person what to do next: on a terminal only, and not with quiet or JSON."""
        if self._error.is_terminal:
            self._remark(text, "dim")

    def notice(self, text: str) -> None:
        """Say what a person or a log should know about the answer (`! …`), but not with quiet or JSON."""
        self._remark(f"! {text}", "yellow")

    def error(self, message: str, hint: str = "", status: int = 1) -> int:
        """Say in one line what went wrong, and below it, indented, what to do; give the exit status back.

        Both texts may have more than one line: those after the first of the message are indented too.
        """
        first, *more = _lines(message) or [""]
        name = _painted("jobd:", ("red", "bold")) if self.error_color else "jobd:"
        indented = "".join(f"  {line}\n" for line in (*more, *_lines(hint)))
        self._tell(f"{name} {first}\n{indented}")
        return status

    def _json(self, value: object) -> bytes:
        import msgspec

        text = msgspec.json.encode(value)
        return harmless_json(text.decode()).encode() if self.is_terminal else text

    def _remark(self, text: str, style: str) -> None:
        if not (self.quiet or self.as_json):
            lines = [_painted(line, (style,)) if self.error_color else line for line in _lines(text)]
            self._tell("".join(f"{line}\n" for line in lines))

    def _tell(self, text: str) -> None:
        with suppress(OSError), self.aside():
            self._error.write(text)


def wants_color(environ: Mapping[str, str], choice: str, *, is_terminal: bool) -> bool:
    """Decide whether a stream gets colours: --color, then NO_COLOR, FORCE_COLOR, CLICOLOR, TERM, then the terminal.

    An empty variable counts as unset, and forcing with `0` forces nothing. Raises ValueError for another choice.
    """
    if choice not in COLOR_CHOICES:
        raise ValueError(f"no colour choice {choice!r}; it is one of {', '.join(COLOR_CHOICES)}")
    if choice != "auto" or environ.get("NO_COLOR"):
        return choice == "always"
    if any(environ.get(name) not in {None, "", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return is_terminal and environ.get("CLICOLOR") != "0" and environ.get("TERM") != "dumb"


def _is_c_locale(environ: Mapping[str, str]) -> bool:
    """Tell whether the user asked for plain ASCII by the locale.

    The interpreter itself sets LC_CTYPE to C.UTF-8 where it finds the C locale, so that value says nothing. Where
    nothing is set, the encoding of the stream is believed.
    """
    character_type = environ.get("LC_CTYPE", "")
    if character_type == "C.UTF-8":
        character_type = ""
    return (environ.get("LC_ALL") or character_type or environ.get("LANG")) in {"C", "POSIX"}


def _painted(text: str, styles: tuple[str, ...]) -> str:
    codes = ";".join(STYLES[style] for style in styles)
    return f"\x1b[{codes}m{text}{RESET}" if codes and text else text


def _lines(text: str) -> list[str]:
    """Split what is said to a person into lines that are harmless on a terminal."""
    return [field(line) for line in text.rstrip("\n").split("\n")] if text else []
