r"""The text of a filter cut into pieces, from left to right: words, values and signs.

What ends a word depends on where it stands. One that begins a condition ends at an operator, a value does not:
`cwd=/srv/a=b` has the value /srv/a=b. Both end at a space, a parenthesis and a double quote; in quotes, double or
single, all signs are taken. A backslash takes the meaning away from the sign after it; before a letter or a digit it
stands for itself, but `\n` is a new line and `\t` a tab.
"""

import re
from typing import NamedTuple

from jobd.core.filters.complaints import Complaint

#: Signs between a field and its value, the longer ones first.
SYMBOLS = ("!=", "!~", "<=", ">=", "^=", "$=", "*=", "=", "<", ">", ":", "~")
#: How other languages write them: {as written: as here}.
FOREIGN = {"==": "=", "=~": "~", "<>": "!=", "=>": ">=", "=<": "<=", "~=": "~"}
#: Operators in words: {as written: what it is called}.
PHRASES = {
    "not between": "not between",
    "between": "between",
    "not in": "not in",
    "in": "in",
    "is not null": "is set",
    "is not set": "is null",
    "is null": "is null",
    "is set": "is set",
}

#: What may follow a word of the language.
_ENDS = r"(?![^\s()\"'])"
_SPACES = r"\s+"
_SPACE = re.compile(r"\s*")
_KEYWORD = re.compile(rf"(and|or|not){_ENDS}", re.IGNORECASE)
_PHRASE = re.compile(rf"({'|'.join(words.replace(' ', _SPACES) for words in PHRASES)}){_ENDS}", re.IGNORECASE)
_FOREIGN = re.compile("|".join(map(re.escape, FOREIGN)))
_SYMBOL = re.compile("|".join(map(re.escape, SYMBOLS)))
_TERM = re.compile(r"(?:\\(?:.|\Z)|[!^$*](?!=|(?<=!)~)|[^\s()\",=<>~:!^$*\\])+", re.DOTALL)
_VALUE = re.compile(r"(?:\\(?:.|\Z)|[^\s()\",\\])+", re.DOTALL)
_STRINGS = {sign: re.compile(rf"{sign}((?:\\.|[^{sign}\\])*){sign}", re.DOTALL) for sign in "\"'"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SIGN = re.compile(r"\\(.)|(.)", re.DOTALL)
_CONTROLS = {"n": "\n", "t": "\t"}
WILDCARDS = "*?"
#: Signs that mean something in a pattern; in brackets they stand for themselves.
_SPECIAL = frozenset("*?[")


class Piece(NamedTuple):
    """A word or a quoted text: what was written (inside the quotes), where, and the quotes."""

    raw: str
    start: int
    end: int
    quote: str = ""

    @property
    def text(self) -> str:
        """The text that is meant."""
        return _ESCAPE.sub(lambda match: _unescaped(match[1]), self.raw)

    @property
    def pattern(self) -> str | None:
        """The text as a pattern of SQLite's GLOB and of fnmatch; None if no sign in it is a wildcard."""
        parts, wild = [], False
        for escaped, sign in _SIGN.findall(self.raw):
            wild = wild or (bool(sign) and sign in WILDCARDS)
            text = _unescaped(escaped) if escaped else sign
            literal = text in _SPECIAL and not (sign and sign in WILDCARDS)
            parts.append(f"[{text}]" if literal else text)
        return "".join(parts) if wild else None

    @property
    def regex(self) -> str:
        """The text as a regular expression: backslashes are its own, but before a quote they only end nothing."""
        return _ESCAPE.sub(lambda match: match[1] if match[1] in _STRINGS else match[0], self.raw)


class Scanner:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def is_done(self) -> bool:
        """Say whether nothing is left but spaces."""
        return self._here() == len(self.text)

    @property
    def touches(self) -> str:
        """The sign that follows without a space; empty at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def next(self) -> str:
        """The next sign that is no space; empty at the end."""
        at = self._here()
        return self.text[at : at + 1]

    def skip(self) -> int:
        """Go to the next sign that is no space, and say where that is."""
        self.at = self._here()
        return self.at

    def take(self, sign: str) -> bool:
        """Take this sign if it is the next one."""
        at = self._here()
        if not self.text.startswith(sign, at):
            return False
        self.at = at + len(sign)
        return True

    def keyword(self, word: str) -> bool:
        """Take this one of AND, OR and NOT, in any case, if it is next."""
        match = _KEYWORD.match(self.text, self._here())
        if match is None or match[1].upper() != word:
            return False
        self.at = match.end()
        return True

    def phrase(self) -> str | None:
        """Take an operator in words, if one is next, and name it."""
        match = _PHRASE.match(self.text, self._here())
        if match is None:
            return None
        self.at = match.end()
        return PHRASES[" ".join(match[1].lower().split())]

    def symbol(self) -> str | None:
        """Take the sign of an operator, if one is next. Raises Complaint for that of another language."""
        at = self._here()
        if foreign := _FOREIGN.match(self.text, at):
            raise Complaint(f'no operator "{foreign[0]}"; did you mean "{FOREIGN[foreign[0]]}"?', at, foreign.end())
        match = _SYMBOL.match(self.text, at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def term(self) -> Piece | None:
        """Take the word, or the quoted text, that begins a condition; None if there is none. Raises Complaint."""
        return self._piece(_TERM)

    def value(self, after: str) -> Piece:
        """Take a value; `after` is the operator before it. Raises Complaint if there is none."""
        piece = self._piece(_VALUE)
        if piece is None:
            at = self.skip()
            raise Complaint(f'a value is missing after "{after}"', at, at + len(self.touches))
        if self.touches == '"':
            raise self.split_word(piece)
        return piece

    def split_word(self, piece: Piece) -> Complaint:
        """Complain of quotes around a part of a word."""
        return Complaint("quotes go around a whole word, not around a part of it", piece.start, self.at + 1)

    def string(self) -> Piece | None:
        """Take a quoted text that follows without a space, if there is one. Raises Complaint if it does not end."""
        sign = self.touches
        if sign not in _STRINGS:
            return None
        match = _STRINGS[sign].match(self.text, self.at)
        if match is None:
            raise Complaint("the quotes are not closed", self.at, len(self.text))
        start, self.at = self.at, match.end()
        return Piece(match[1], start, self.at, sign)

    def _piece(self, word: re.Pattern[str]) -> Piece | None:
        start = self.skip()
        piece = self.string()
        if piece is not None:
            if self.touches in _STRINGS or word.match(self.text, self.at):
                raise self.split_word(piece)
            return piece
        match = word.match(self.text, start)
        if match is None:
            return None
        self.at = match.end()
        return Piece(match[0], start, self.at)

    def _here(self) -> int:
        match = _SPACE.match(self.text, self.at)
        return match.end() if match else self.at


def _unescaped(sign: str) -> str:
    return _CONTROLS.get(sign, f"\\{sign}") if sign.isalnum() else sign
