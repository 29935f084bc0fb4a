"""A loop whose progress is reported: counting is all that a turn costs, the courier looks at the count now and then."""

import sys
from collections.abc import Iterable, Iterator
from operator import length_hint
from typing import TypeVar

from jobd.reporting import lines, surroundings
from jobd.reporting.leaving import in_order, is_comprehension

T = TypeVar("T")


def track(
    iterable: Iterable[T], name: str | None = None, total: float | None = None, unit: str | None = None
) -> Iterator[T]:
    """Go through an iterable and report how far the loop is, as n of total.

    Inside a job of jobd, or in a `with jobd.job(…)`, that is progress of this job; else, with a name, a job of that
    name is begun for the loop: it completes when the loop ends or is left by `break`, and fails by an exception.
    Without a daemon, or outside of a job without a name, nothing is reported. Of nested loops the outermost counts, of
    those that go on at once the first. In another thread than the `with` a name begins a job of its own, and without
    one the loop belongs to the only block that is open (see `jobd.job`).
    `total` is how many turns there are, if the iterable does not know; `unit` is what is counted, such as "files".
    Raises ValueError if the total is NaN.
    """
    total = _length(iterable) if total is None else lines.total(total)
    if surroundings.here(name) is None and (name is None or not surroundings.has_daemon()):
        return iter(iterable)
    return _counted(iterable, name, total, unit)


def _counted(iterable: Iterable[T], name: str | None, total: float | None, unit: str | None) -> Iterator[T]:
    outbox = surroundings.here(name)
    own = None if outbox or name is None else surroundings.begin(name)
    outbox = outbox or own
    count, status = 0, 0
    if outbox is None or not outbox.watch(lambda: count, total, unit):
        yield from iterable
        return
    exceptional = is_comprehension(sys._getframe(1))  # noqa: SLF001 -- nothing else tells
    try:
        for item in iterable:
            yield item
            count += 1
    except GeneratorExit:
        status = 0 if in_order(sys._getframe(1)) and not exceptional else 1  # noqa: SLF001 -- as above
        raise
    except BaseException as error:
        status = 1
        outbox.say(lines.note(lines.failure(error)))
        raise
    finally:
        outbox.unwatch()
        if own:
            own.finish(status)
        else:
            outbox.flush()


def _length(iterable: Iterable[object]) -> int | None:
    """Ask how many there are; None if the iterable does not know, or is infinite."""
    try:
        return length_hint(iterable, -1) if hasattr(type(iterable), "__len__") else (length_hint(iterable) or None)
    except (TypeError, ValueError, AttributeError):
        return None
