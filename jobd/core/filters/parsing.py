"""The grammar of filters, read from left to right; each rule is a method that gives a part of the tree.

    filter     = term { ["AND" | "OR"] term }          no sign between is AND; AND and OR are not mixed
    term       = ("NOT" | "-") term | "(" filter ")" | "@" preset | function | comparison | words
    comparison = field (symbol value | ["not"] "in" "(" value { "," value } ")"
                        | ["not"] "between" value "and" value | "is" ["not"] ("null" | "set"))
    function   = "text(" words ")" | "regex(" field "," value ")" | "tag(" name ")"

A word is the field of a comparison if an operator follows it; without one it is looked for in all that is said of a
job.
"""

from collections.abc import Callable

from jobd.core.filters import fields
from jobd.core.filters.comparing import check_fits, compare
from jobd.core.filters.complaints import ADVICE, Complaint, meant, shown
from jobd.core.filters.fields import Field
from jobd.core.filters.joining import JOINTS, Part, join
from jobd.core.filters.operators import LISTS, NULLS
from jobd.core.filters.scanning import SYMBOLS, Piece, Scanner
from jobd.core.filters.scope import Scope
from jobd.core.filters.tree import Node, Words, negated

QUOTE = "To look for a text, put it in quotes"
UNKNOWN = f"{QUOTE} · {ADVICE}"
PRESETS = "Presets: man 7 jobd-filter"
#: Signs with which an operator begins.
OPERATOR_SIGNS = frozenset(symbol[0] for symbol in SYMBOLS)
#: {function: what it takes}; each is another way to write a comparison.
FUNCTIONS = {"text": ("WORDS",), "regex": ("FIELD", "EXPRESSION"), "tag": ("NAME",)}


class Parser:
    """A text that is being read."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._scanner = Scanner(text)
        self._scope = scope

    def whole(self) -> Node:
        """Read the text to its end. Raises Complaint."""
        scanner = self._scanner
        text = scanner.text
        self._scope.spend("characters", len(text), len(text), len(text))
        odd = next((at for at, sign in enumerate(text) if sign == "\0" or "\ud800" <= sign <= "\udfff"), None)
        if odd is not None:
            raise Complaint("a NUL, or what is not UTF-8, cannot be looked for", odd, odd + 1)
        if scanner.is_done():
            raise Complaint("it is empty; leave it out to mean all jobs", 0, len(text))
        node = self._level()
        if not scanner.is_done():
            at = scanner.skip()
            raise Complaint("this parenthesis closes none", at, at + 1)
        return node

    def _level(self) -> Node:
        """Read terms up to the end of the text or of the parentheses."""
        scanner, parts = self._scanner, list[Part]()
        while not parts or not (scanner.is_done() or scanner.next == ")"):
            start = scanner.skip()
            joint = (self._joint() if parts else None) or Piece("AND", start, start)
            begin = scanner.skip()
            node = self._term(joint.raw if joint.end > start else "")
            place = joint if joint.end > start else joint._replace(end=scanner.at)
            parts.append(Part(place, node, scanner.text[begin : scanner.at]))
        return join(parts)

    def _joint(self) -> Piece | None:
        """Take an AND or an OR, if one is next."""
        scanner = self._scanner
        start = scanner.skip()
        word = next((word for word in JOINTS if scanner.keyword(word)), None)
        return None if word is None else Piece(word, start, scanner.at)

    def _term(self, after: str = "") -> Node:
        """Read one condition; `after` is what stands before it."""
        scanner = self._scanner
        start = scanner.skip()
        if joint := self._joint():
            raise Complaint(f"a condition is missing before {joint.raw}", joint.start, joint.end)
        if scanner.is_done() or scanner.next == ")":
            problem = f"a condition is missing after {after}" if after else "a condition is missing"
            raise Complaint(problem, start, start + len(scanner.next))
        if scanner.keyword("NOT"):
            return negated(self._deeper(start, lambda: self._term("NOT")))
        rule = {"(": self._parentheses, "@": self._preset, "-": self._minus}.get(scanner.next)
        if rule is not None:
            return self._deeper(start, rule)
        piece = None if scanner.next == "!" else scanner.term()
        if piece is None:
            raise self._misplaced(start)
        return self._quoted(piece) if piece.quote else self._word(piece)

    def _deeper(self, start: int, rule: Callable[[], Node]) -> Node:
        self._scope.enter(start)
        node = rule()
        self._scope.leave()
        return node

    def _misplaced(self, at: int) -> Complaint:
        sign = self._scanner.text[at]
        problems = {
            ",": "a comma joins nothing here; write AND, OR, or in (a, b)",
            "!": 'NOT is written NOT or "-", and not equal "!="',
        }
        return Complaint(problems.get(sign, f'a field is missing before "{sign}"'), at, at + 1)

    def _parentheses(self) -> Node:
        scanner = self._scanner
        start = scanner.skip()
        scanner.take("(")
        node = self._level()
        if not scanner.take(")"):
            raise Complaint("this parenthesis is not closed", start, start + 1)
        return node

    def _minus(self) -> Node:
        scanner = self._scanner
        start = scanner.skip()
        scanner.take("-")
        if not scanner.touches.strip() or scanner.touches == "-":
            problem = 'a "-" stands directly before the one condition that must not hold'
            raise Complaint(problem, start, start + 1, QUOTE)
        return negated(self._term())

    def _preset(self) -> Node:
        scanner, scope = self._scanner, self._scope
        start = scanner.skip()
        scanner.take("@")
        piece = scanner.term() if scanner.touches.strip() else None
        name = piece.text if piece else ""
        if name not in scope.presets:
            close = meant(f"@{name}", [f"@{known}" for known in scope.presets])
            raise Complaint(f"no preset {shown(f'@{name}')}{close}", start, scanner.at, PRESETS)
        if name in scope.open:
            chain = " in ".join(f"@{each}" for each in (name, *reversed(scope.open)))
            raise Complaint(f"a preset stands for itself: {chain}", start, scanner.at, PRESETS)
        scope.open.append(name)
        try:
            node = Parser(scope.presets[name], scope).whole()
        except Complaint as error:
            raise Complaint(f"@{name}: {error.problem}", start, scanner.at, error.advice) from None
        scope.open.pop()
        return node

    def _quoted(self, piece: Piece) -> Node:
        if self._scanner.next in OPERATOR_SIGNS:
            raise Complaint("a field stands without quotes", piece.start, piece.end)
        return self._words(piece)

    def _words(self, piece: Piece) -> Node:
        self._scope.spend("conditions", piece.start, piece.end)
        if not piece.text.strip():
            raise Complaint("no text to look for", piece.start, piece.end)
        if not piece.quote and "*" in (piece.pattern or ""):
            problem = "words are found anywhere in a text, so they need no *"
            raise Complaint(problem, piece.start, piece.end, "To look for a *, put it in quotes; or write name = x*")
        return Words(piece.text)

    def _word(self, piece: Piece) -> Node:
        """Read what begins with a word: a function, a comparison, or a word to be looked for."""
        scanner = self._scanner
        if scanner.touches == "(":
            return self._function(piece)
        if scanner.touches == '"':
            if piece.raw.lower() not in fields.LABEL_SPELLINGS:
                raise scanner.split_word(piece)
            label = scanner.term() or piece
            piece = Piece(piece.raw + label.raw, piece.start, label.end)
        elif piece.raw.lower() in fields.LABEL_SPELLINGS and scanner.next in OPERATOR_SIGNS:
            raise Complaint(f'a name is missing after "{piece.raw}"', piece.end, piece.end + 1)
        if symbol := scanner.symbol():
            return self._comparison(piece, symbol, scanner.at - len(symbol))
        start, known = scanner.skip(), fields.find(piece.text)
        phrase = scanner.phrase()
        if phrase is None or (phrase in LISTS and scanner.next != "(" and known is None):
            scanner.at = piece.end
            return self._words(piece)
        return self._comparison(piece, phrase, start)

    def _comparison(self, piece: Piece, symbol: str, at: int, operands: list[Piece] | None = None) -> Node:
        """Make a condition of a field, the operator that begins at `at`, and what is behind it."""
        end = self._scanner.at
        field = self._field(piece)
        check_fits(field, symbol, at, end)
        operands = self._operands(symbol) if operands is None else operands
        self._scope.spend("conditions", piece.start, self._scanner.at)
        if symbol in ("~", "!~"):
            self._scope.spend("regular expressions", piece.start, self._scanner.at)
        return compare(field, symbol, operands, self._scope.asker)

    def _field(self, piece: Piece) -> Field:
        field = fields.find(piece.text)
        if field is None:
            close = meant(piece.text, fields.NAMES)
            advice = ADVICE if close else UNKNOWN
            raise Complaint(f"no field {shown(piece.text)}{close}", piece.start, piece.end, advice)
        return field

    def _operands(self, symbol: str) -> list[Piece]:
        scanner = self._scanner
        if symbol in NULLS:
            return []
        if symbol in LISTS:
            return self._list(f"a list is missing; write {symbol} (a, b)")
        operands = [scanner.value(symbol)]
        if "between" in symbol:
            at = scanner.skip()
            if not scanner.keyword("AND"):
                raise Complaint(f"write {symbol} {operands[0].raw} and …", at, at + len(scanner.next))
            operands.append(scanner.value("and"))
        return operands

    def _list(self, missing: str) -> list[Piece]:
        scanner = self._scanner
        start = scanner.skip()
        if not scanner.take("("):
            raise Complaint(missing, start, start + len(scanner.next))
        pieces = [scanner.value("(")]
        while scanner.take(","):
            pieces.append(scanner.value(","))
        if not scanner.take(")"):
            at = scanner.skip()
            raise Complaint('"," or ")" is missing', at, at + len(scanner.next))
        self._scope.spend("values in lists", start, scanner.at, len(pieces))
        return pieces

    def _function(self, piece: Piece) -> Node:
        name = piece.text.lower()
        if name not in FUNCTIONS:
            raise Complaint(f"no function {shown(name)}{meant(name, FUNCTIONS)}", piece.start, piece.end, QUOTE)
        operands = self._list("")
        if len(operands) != len(FUNCTIONS[name]):
            raise Complaint(f"write {name}({', '.join(FUNCTIONS[name])})", piece.start, self._scanner.at)
        first, *others = operands
        if name == "text":
            return self._words(first._replace(quote='"'))
        if name == "regex":
            return self._comparison(first, "~", piece.start, others)
        return self._comparison(piece._replace(raw="labels"), ":", piece.start, [first._replace(quote='"')])
