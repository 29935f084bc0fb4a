"""Which condition is asked first: of those that stand beside one another the cheapest, whatever the order they are in.

It changes no answer: no condition does anything, or depends on another one.
"""

from jobd.core.filters import fields
from jobd.core.filters.tree import All, Comparison, Either, Node, Not

#: A column, a look into the record, a function of Python that reads the record.
_COLUMN, _RECORD, _FUNCTION = range(3)


def arranged(node: Node) -> Node:
    """Give the same tree with the terms of each node in the order of their cost."""
    if isinstance(node, Not):
        return Not(arranged(node.term))
    if isinstance(node, All | Either):
        return type(node)(tuple(sorted(map(arranged, node.terms), key=_cost)))
    return node


def _cost(node: Node) -> int:
    if isinstance(node, Not):
        return _cost(node.term)
    if isinstance(node, All | Either):
        return max(map(_cost, node.terms), default=_COLUMN)
    sql = fields.known(node.field).sql if isinstance(node, Comparison) else "jobd_search"
    if "jobd_" in sql:
        return _FUNCTION
    return _RECORD if "record" in sql else _COLUMN
