"""Make text that others wrote safe for a terminal, and measure how many cells it takes.

Names, messages and output come from programs that may want to move the cursor, fill the clipboard or write backwards.
Whatever came from outside passes through `field`, `styled` or `Stream` before it reaches a terminal; controls become
visible, letters of every script stay as they are. A colour (SGR) is the only sequence that may survive.
"""

import codecs
import re
from functools import cache, lru_cache

RESET = "\x1b[0m"

#: A colour or attribute as a terminal takes it; longer ones are shown as text.
SGR = r"\x1b\[[0-9;:]{0,29}m"

#: Text that renders as nothing, or out of order: bidirectional controls, invisible format characters and tags,
#: separators that break the line, lone surrogates. Joiners stay: scripts and emoji need them.
INVISIBLE = (
    "\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff"
)
LINE_CONTROLS = {"\n": "\\n", "\t": "\\t"}
CARETS = {*range(0x20), 0x7F}
#: What a byte that is not UTF-8 becomes in a string of the operating system.
ESCAPED_BYTES = range(0xDC80, 0xDD00)
JOINERS = "\u200c\u200d"
#: Asks for the wide form of the character before it.
EMOJI_SELECTOR = "\ufe0f"

#: How much colour is carried from one line to the next; older attributes are dropped.
COLOUR_LENGTH = 256


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern when it is first used: text without controls, the usual case, needs none."""
    return re.compile(text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code in CARETS:
        return f"^{chr(code ^ 64)}"
    if code in ESCAPED_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return match[0].encode("unicode_escape").decode("ascii")


def harmless(text: str) -> str:
    """Give lines of text, in which every control but newline and tab is visible."""
    return text if text.isprintable() else _pattern(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{INVISIBLE}]").sub(_visible, text)


def harmless_json(text: str) -> str:
    """Give JSON that says the same, with escapes for what would do something to a terminal."""
    from json.encoder import encode_basestring_ascii as quoted

    return _pattern(f"[\x7f-\x9f{INVISIBLE}]").sub(lambda match: quoted(match[0])[1:-1], text)


def field(text: str) -> str:
    r"""Give the text as one harmless line: every control becomes visible (`^[`, `\n`, `\x9b`, `\u202e`)."""
    if text.isprintable():
        return text
    text = harmless(text)
    for control, shown in LINE_CONTROLS.items():
        text = text.replace(control, shown)
    return text


def styled(text: str) -> str:
    """Give the text as one harmless line that may hold colours; they end with it."""
    if "\x1b" not in text:
        return field(text)
    pieces = _pattern(f"({SGR})").split(text)
    line = "".join(piece if place % 2 else field(piece) for place, piece in enumerate(pieces))
    return line + RESET if len(pieces) > 1 else line


def plain(text: str) -> str:
    """Take the colours away."""
    return _pattern(SGR).sub("", text) if "\x1b" in text else text


class Stream:
    """The output of a job on its way to a terminal, chunk by chunk: newline, tab and colours pass, the rest is shown.

    Chunks may end anywhere, also inside a character or a sequence. Colours are ended at each newline and at the end of
    each chunk and taken up again after it, so that a line number, a prefix or a status line never inherits them.
    """

    def __init__(self, *, color: bool = True) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._color = color
        self._held = ""
        self._active = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Take the next bytes and give what can be shown; what is incomplete waits for more unless this is the end."""
        text = self._held + self._decoder.decode(data, final)
        self._held = ""
        unfinished = _pattern(r"(?:\x1b(?:\[[0-9;:]{0,29})?|\r)\Z")
        if not final and (cut := unfinished.search(text, max(0, len(text) - 32))):
            text, self._held = text[: cut.start()], cut[0]
        text = text.replace("\r\n", "\n")
        return self._coloured(text) if self._active or "\x1b[" in text else harmless(text)

    def _coloured(self, text: str) -> str:
        shown, out = False, []
        for place, piece in enumerate(_pattern(f"({SGR}|\n)").split(text)):
            separates = place % 2 == 1
            if shown and separates:
                out.append(RESET)
                shown = False
            if separates and piece != "\n":
                self._take(piece)
                continue
            if piece and not separates and self._active and not shown:
                out.append(self._active)
                shown = True
            out.append(harmless(piece))
        return "".join(out) + (RESET if shown else "")

    def _take(self, sequence: str) -> None:
        """Remember which attributes are on now, as the shortest text that sets them again."""
        if not self._color or _pattern(r"\x1b\[[0;:]*m").fullmatch(sequence):
            self._active = ""
        elif sequence.startswith(("\x1b[0;", "\x1b[;")) or len(self._active) + len(sequence) > COLOUR_LENGTH:
            self._active = sequence
        else:
            self._active += sequence


@lru_cache(4096)
def _cells(character: str) -> int:
    """Count the cells of one character, rather one too many than one too few: a line must not wrap."""
    from unicodedata import category, east_asian_width

    if character == EMOJI_SELECTOR:
        return 1
    if category(character) in {"Mn", "Me"} or character in JOINERS:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """Count the cells a line takes on a terminal; colours take none. The text must be harmless already."""
    text = plain(text)
    return len(text) if text.isascii() else sum(map(_cells, text))


def fit(text: str, columns: int, *, right: bool = False, mark: str = "…") -> str:
    """Give the line exactly that many cells: padded (left of it with `right`), or cut, with a mark where it was cut."""
    cells = width(text)
    if cells > columns:
        text, cells = _cut(text, columns, mark if width(mark) <= columns else "")
    padding = " " * (columns - cells)
    return padding + text if right else text + padding


def _cut(text: str, columns: int, mark: str) -> tuple[str, int]:
    """Keep what fits beside the mark, and all colours; say how many cells that takes."""
    room = columns - width(mark)
    cells, out, full, colours = 0, [], False, False
    for place, piece in enumerate(_pattern(f"({SGR})").split(text)):
        if place % 2:
            out.append(piece)
            colours = True
            continue
        for character in "" if full else piece:
            more = _cells(character)
            if cells + more > room:
                full = True
                out.append(mark)
                break
            out.append(character)
            cells += more
    return "".join(out) + (RESET if colours else ""), cells + width(mark)
