"""Show a place in a text that a person has typed: the text, and carets below what is meant."""

from jobd.core.text import Place
from jobd.ui.terminal_text import field, fit, width

#: Cells by which a screen indents what stands below an error.
INDENT = 2


def pointed(place: Place, columns: int, *, mark: str = "…") -> tuple[str, str]:
    """Give two lines of at most so many cells; a long text is cut on both sides of the place, with a mark."""
    text, start, end = place
    first = start if width(field(text[:start])) > columns // 2 else 0
    room = columns // 3
    while first > 0 and (room := room - width(field(text[first - 1]))) >= 0:
        first -= 1
    before = (mark if first else "") + field(text[first:start])
    line = before + field(text[start : end + columns])
    indent = width(before)
    carets = max(1, min(width(field(text[start:end])), columns - indent))
    return fit(line, columns, mark=mark).rstrip(" "), " " * indent + "^" * carets
