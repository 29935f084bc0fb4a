"""Whether a job may be meant at one time and not at another, though nothing happened to it but what is frequent.

How far it is, what it uses and says, and how long it takes goes on by itself; all else changes with an event that says
so. The rule: a field is taken to move unless it is named here.
"""

from jobd.core.filters.fields import LABEL
from jobd.core.filters.tree import All, Comparison, Either, Node, Not

STILL = frozenset(
    "id name state reason detail exit_code signal command cwd group priority parent begun uid tty labels created "
    "started ended usual usual.runs attempts attempt pid".split()
)


def moves(node: Node) -> bool:
    """Whether it rests on a field that moves; words are looked for in messages, too."""
    if isinstance(node, All | Either):
        return any(map(moves, node.terms))
    if isinstance(node, Not):
        return moves(node.term)
    return not (isinstance(node, Comparison) and (node.field in STILL or node.field.startswith(LABEL)))
