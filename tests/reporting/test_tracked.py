"""Each call of a function is a job."""

import asyncio
import inspect
from collections.abc import Iterator

import pytest

import jobd


@jobd.tracked
def halve(number: int, *, by: int = 2) -> float:
    """Halve a number."""
    return number / by


@jobd.tracked(name="slowly")
async def slow(text: str) -> str:
    """Give a text back."""
    await asyncio.sleep(0)
    list(jobd.track(range(3)))
    return text


def test_a_function_stays_what_it_was() -> None:
    """Name, documentation, signature, and whether it is asynchronous."""
    assert (halve.__name__, halve.__doc__) == ("halve", "Halve a number.")
    assert str(inspect.signature(halve)) == "(number: int, *, by: int = 2) -> float"
    assert inspect.iscoroutinefunction(slow)
    assert not inspect.iscoroutinefunction(halve)


def test_a_generator_is_refused() -> None:
    """A call of it is not its work."""

    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="numbers is a generator"):
        jobd.tracked(numbers)
