"""Write manual pages in mdoc(7): text is escaped here and nowhere else, and no page has a date that changes by itself.

In a text, `words in backticks` are code. A paragraph indented by four spaces keeps its lines.
"""

import re
import textwrap
from collections.abc import Iterable

from jobd import __version__

#: The date of every page: when this version was released.
RELEASED = "November 21, 2026"

WIDTH = 78
CODE = re.compile(r"(?:(?<=\s)|^)([(\[]?)`([^`]+)`([.,:;)\]?!]*)(?=\s|$)")
#: Characters of code that a reader would see, and copy, as typographic ones.
TYPED = str.maketrans({"'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"})
MACRO = re.compile(r"[A-Z][a-z]\w?|[.,:;()\[\]?!|]")


#: An item of a list: its head, and what stands below it.
Item = tuple[str, "Iterable[str | list[Item]]"]


class Page:
    """A manual page that is being written, top to bottom."""

    def __init__(self, name: str, section: int, summary: str) -> None:
        self._lines = [f".Dd {RELEASED}", f".Dt {name.upper()} {section}", f".Os jobd {__version__}"]
        self._fresh = True
        self.heading("NAME")
        self._lines += [f".Nm {name}", f".Nd {escape(_lower(summary.rstrip('.')))}"]

    def heading(self, title: str) -> None:
        """Begin a section."""
        self._begin(f".Sh {title}")

    def subheading(self, title: str) -> None:
        """Begin a part of a section."""
        self._begin(f".Ss {escape(title)}")

    def macro(self, name: str, *words: str) -> None:
        """Write one macro line; the words are taken literally."""
        self._lines.append(call(name, *words))
        self._fresh = False

    def raw(self, line: str) -> None:
        """Write a line that is mdoc already, made by `call`."""
        self._lines.append(line)
        self._fresh = False

    def paragraph(self, text: str) -> None:
        """Write a paragraph of sentences, or lines to be kept as they are."""
        if text.startswith("    "):
            self.literal(line[4:] for line in text.splitlines())
            return
        if not self._fresh:
            self._lines.append(".Pp")
        self._lines += sentences(text)
        self._fresh = False

    def literal(self, lines: Iterable[str]) -> None:
        """Write lines as they are, such as commands to type."""
        self._lines += [".Bd -literal -offset indent", *(escape(line, code=True) for line in lines), ".Ed"]
        self._fresh = False

    def items(self, entries: "Iterable[Item]", *, below: bool = False) -> None:
        """Write a list: to each head (macros made by `call`, without the dot) its paragraphs, and lists below it."""
        self._lines.append(f".Bl -tag -width Ds{' -compact' if below else ''}")
        for head, parts in entries:
            self._begin(f".It {head}")
            for part in parts:
                if isinstance(part, str):
                    self.paragraph(part)
                else:
                    self.items(part, below=True)
        self._lines.append(".El")
        self._fresh = False

    def see_also(self, pages: Iterable[tuple[int, str]]) -> None:
        """End with references (section, name), in the order of manuals."""
        self.heading("SEE ALSO")
        *most, last = sorted(set(pages))
        self._lines += [f".Xr {name} {section} ," for section, name in most]
        self._lines.append(f".Xr {last[1]} {last[0]}")

    def text(self) -> str:
        """Give the page as written so far."""
        return "\n".join(self._lines) + "\n"

    def _begin(self, line: str) -> None:
        self._lines.append(line)
        self._fresh = True


def call(name: str, *words: str) -> str:
    """Make a macro line of words that are taken literally, whatever they look like."""
    return " ".join([f".{name}", *map(_argument, words)])


def sentences(text: str) -> list[str]:
    """Make lines of a paragraph: a sentence each, and one for each piece of code."""
    lines: list[str] = []
    at = 0
    for match in CODE.finditer(text):
        lines += _plain(text[at : match.start()])
        before, code, after = match.groups()
        lines.append(" ".join([".Ql", *before, _argument(code), *after]))
        at = match.end()
    return lines + _plain(text[at:])


def escape(text: str, *, code: bool = False) -> str:
    """Make a text safe on a line of its own; in code each hyphen and quote is the one that must be typed."""
    text = text.replace("\\", "\\e")
    text = re.sub("-" if code else r"(?<![A-Za-z0-9])-|-(?![A-Za-z])", r"\\-", text)
    text = text.translate(TYPED) if code else text
    if text.startswith((".", "'")):
        text = "\\&" + text
    return text if text.isascii() else "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)


def _argument(word: str) -> str:
    safe = escape(word, code=True).replace('"', "\\(dq")
    if MACRO.fullmatch(word):
        safe = "\\&" + safe
    return f'"{safe}"' if " " in safe or not safe else safe


def _plain(text: str) -> list[str]:
    parts = re.split(r"(?<=[A-Za-z0-9)\"'][.?!]) +(?=[A-Z])", text.strip())
    return [escape(line) for part in parts for line in textwrap.wrap(part, WIDTH, break_on_hyphens=False)]


def _lower(text: str) -> str:
    """Begin small, as the description in NAME does, unless it begins with a name."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
