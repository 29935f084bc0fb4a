"""How a loop was left before its end: by `break` or `return`, or by an exception.

An iterator that a loop drops is not told why. What the interpreter was doing in the frame of the loop tells: `break`
and `return` drop the iterator by an instruction of its own, an exception drops it in the middle of whatever raised.
"""

from types import FrameType

#: The instructions with which `break` and `return` drop the iterator; the latter since Python 3.14.
_DROPPING = ("POP_TOP", "POP_ITER")
#: Where a generator stands that is closed: whoever closes it has left the loop.
_SUSPENDED = ("YIELD_VALUE", "RESUME", "SEND")
#: Functions of their own until Python 3.12, which keep the iterator as long as the exception is looked at.
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")


def is_comprehension(frame: FrameType) -> bool:
    """Say whether the loop of this frame can be left by an exception only."""
    return frame.f_code.co_name in _COMPREHENSIONS


def in_order(frame: FrameType | None) -> bool:
    """Say whether the code of this frame, or of who closes it, is just leaving a loop by itself."""
    from opcode import opname

    while frame is not None:
        instruction = opname[frame.f_code.co_code[frame.f_lasti]]
        if instruction not in _SUSPENDED:
            return instruction in _DROPPING
        frame = frame.f_back
    return False
