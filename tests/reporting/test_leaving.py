"""Break and return leave a loop in order; every exception does not."""

import inspect
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from jobd.reporting.leaving import in_order, is_comprehension

NOTHING: dict[int, str] = {}
seen: list[bool] = []


def caller() -> FrameType:
    """Give the frame that goes on with the generator which asks."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    assert frame.f_back.f_back is not None
    return frame.f_back.f_back


def numbers() -> Iterator[int]:
    """Count, and note how the loop was left."""
    exceptional = is_comprehension(caller())
    try:
        yield from range(9)
    except GeneratorExit:
        seen.append(in_order(caller()) and not exceptional)
        raise


def broken() -> None:
    """Leave by break, out of a with in a try."""
    for number in numbers():
        try:
            with pytest.MonkeyPatch.context():
                if number == 3:
                    break
        finally:
            assert seen == []


def returned() -> Any:
    """Leave by return."""
    for number in numbers():
        if number == 3:
            return number
    return None


def handled() -> None:
    """Leave by break in a handler."""
    for number in numbers():
        try:
            NOTHING[number]
        except KeyError:
            break


def delegated() -> None:
    """Leave a loop over what passes the numbers on."""

    def outer() -> Iterator[int]:
        yield from numbers()

    for _ in outer():
        break


def closed() -> None:
    """Leave a loop over what has a loop of its own."""
    for _ in (number + 1 for number in numbers()):
        break


def raised() -> None:
    """Raise."""
    for number in numbers():
        if number == 3:
            raise ValueError


def called() -> None:
    """Call what raises, inside of a with."""
    for _ in numbers():
        with pytest.MonkeyPatch.context():
            int("x")


def divided() -> Any:
    """Raise by an operator, in a comprehension."""
    return [1 / (number - 3) for number in numbers()]


def reraised() -> None:
    """Raise again what was caught."""
    for number in numbers():
        try:
            NOTHING[number]
        except KeyError as error:
            raise error from None


def passed_on() -> None:
    """Raise in a loop over what has a loop of its own."""
    for number in (number + 1 for number in numbers()):
        int(f"x{number}")


def unpacked() -> None:
    """Raise by an assignment."""
    for number in numbers():
        _, _ = (number,)


@pytest.mark.parametrize("leave", [broken, returned, handled, delegated, closed])
def test_in_order(leave: Callable[[], object]) -> None:
    """What a program does on purpose is no failure."""
    seen.clear()
    leave()
    assert seen == [True]


@pytest.mark.parametrize("leave", [raised, called, divided, reraised, passed_on, unpacked])
def test_by_an_exception(leave: Callable[[], object]) -> None:
    """However it is raised, and though it is caught outside of the loop."""
    seen.clear()
    with pytest.raises((ValueError, ZeroDivisionError, KeyError)):
        leave()
    assert seen == [False]
