"""Terms at one level, joined by AND or by OR, but not by both: languages, and people, differ in which binds tighter."""

from collections.abc import Callable
from typing import NamedTuple

from jobd.core.filters.complaints import Complaint
from jobd.core.filters.scanning import Piece
from jobd.core.filters.tree import Node, all_of, either

#: {sign: what makes one condition of several}
JOINTS: dict[str, Callable[..., Node]] = {"AND": all_of, "OR": either}


class Part(NamedTuple):
    """A term: the sign that joins it to those before it, the condition, and how it is written."""

    joint: Piece
    node: Node
    text: str


def join(parts: list[Part]) -> Node:
    """Make one condition of the terms. Raises Complaint if AND and OR are mixed, which shows both readings."""
    joints = [part.joint for part in parts[1:]]
    other = next((joint for joint in joints if joint.raw != joints[0].raw), None)
    if other is not None:
        both = "    or    ".join(_reading(parts, tighter) for tighter in ("OR", "AND"))
        problem = "AND and OR are mixed; add parentheses to say which you mean"
        raise Complaint(problem, other.start, other.end, both)
    return JOINTS[joints[0].raw if joints else "AND"](*(part.node for part in parts))


def _reading(parts: list[Part], tighter: str) -> str:
    """Write the terms with parentheses around those that this sign joins."""
    groups: list[list[str]] = []
    for part in parts:
        if groups and part.joint.raw == tighter:
            groups[-1].append(part.text)
        else:
            groups.append([part.text])
    looser = "AND" if tighter == "OR" else "OR"
    written = [f"({f' {tighter} '.join(group)})" if len(group) > 1 else group[0] for group in groups]
    return f" {looser} ".join(written)
