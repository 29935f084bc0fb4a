"""A job as the program that does its work sees it.

Nothing here waits or raises because jobd is absent: the words then go nowhere.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from jobd.reporting import lines, surroundings
from jobd.reporting.item import Item
from jobd.reporting.outbox import Outbox


class Job:
    """Says how far a job is; from any thread, any number of times a second.

    A number that cannot be, such as more done than there are, is mended, and warned of once (a RuntimeWarning).
    """

    def __init__(self, outbox: Outbox | None, total: float | None = None, unit: str | None = None) -> None:
        self._outbox = outbox
        #: What a first stage counts unless it says so itself.
        self._whole = total, unit

    def advance(self, n: float = 1, message: str | None = None) -> None:
        """Say that `n` more are done. Raises ValueError for NaN."""
        if self._outbox:
            self._outbox.advance(n, message and lines.text(message))

    def progress(
        self,
        done: float | None = None,
        total: float | None = None,
        *,
        fraction: float | None = None,
        unit: str | None = None,
        message: str | None = None,
    ) -> None:
        """Say how many are done, of how many, or which fraction (0 to 1). Raises ValueError for NaN."""
        said = lines.Numbers()
        if done is not None:
            said["done"] = lines.amount(done, "done")
        if (known := lines.total(total)) is not None:
            said["total"] = known
        if fraction is not None:
            said["fraction"] = lines.amount(fraction, "fraction", 1.0)
        if unit:
            said["unit"] = lines.text(unit, lines.LONGEST_UNIT)
        if message:
            said["message"] = lines.text(message)
        if said.keys() - {"message"}:
            self._whole = None, None
        if self._outbox and said:
            self._outbox.tell(said)

    def stage(self, name: str, *, total: float | None = None, unit: str | None = None) -> None:
        """Say that a stage begins; what is counted starts anew, with this `total` and `unit`.

        Without either it is not known how many there are, but for the first stage, if nothing was counted before it:
        that counts on to the total given to `jobd.job`. Raises ValueError for NaN.
        """
        whole, self._whole = self._whole, (None, None)
        if self._outbox:
            counted = self._outbox.begin_stage(lines.stage(name))
            if total is None and unit is None and not counted:
                total, unit = whole
            if total is not None or unit:
                self._outbox.begin_count(total, unit)

    def stages(self, weights: Mapping[str, float]) -> None:
        """Say which stages there will be, in their order, and how much of the work each is.

        Raises ValueError for a name of more than one word.
        """
        line = lines.stages(weights)
        if self._outbox:
            self._outbox.say(line)

    def item(self, key: str, *, weight: float | None = None) -> Item:
        """Speak of one of the things the job works on; `weight` is how much of the work it is. Raises ValueError."""
        return Item(self._outbox, key, weight)

    def note(self, text: str) -> None:
        """Say something in words."""
        if self._outbox:
            self._outbox.say(lines.note(text), "note")

    def rate_limited(self, seconds: float, why: str | None = None) -> None:
        """Say that the job waits for somebody's rate limit, for so long or until it says how far it is; 0 = no more.

        That time does not count when it is reckoned how fast the job is. Raises ValueError for NaN.
        """
        line = lines.limit(seconds, why)
        if self._outbox:
            self._outbox.say_after_numbers(line)

    def beat(self) -> None:
        """Say that the job is alive."""
        if self._outbox:
            self._outbox.say(lines.BEAT, lines.BEAT)


@contextmanager
def job(
    name: str,
    *,
    total: float | None = None,
    unit: str | None = None,
    parent: int | str | None = None,
    weight: float = 1.0,
) -> Iterator[Job]:
    """Report for the job that this runs in; outside of one, be a job of that name from here to the end of the block.

    Such a job completes with the block; it fails with an exception, whose text becomes its message, and as lost if the
    process ends without a word. `total` is how many there are to do, `unit` what is counted, such as "files".
    With a `parent` (its id, name, or `last`) it is always a job of its own, and a part of that one, of which `weight`
    is its share in proportion to the other parts.

    Loops over `jobd.track` in the block report for it, too. So do those without a name in other threads, such as those
    of a pool, while theirs is no block of their own, and this is the only one that is open, or the innermost of those
    around each other. Where jobs are open side by side, `contextvars.copy_context().run` takes a thread along, as
    `asyncio.to_thread` does; or hand the job to it: all that it can say it can from any thread.

    Raises ValueError if a number is NaN.
    """
    total = lines.total(total)
    weight = lines.share(weight)
    outbox = surroundings.around() if parent is None else None
    own = None if outbox else surroundings.begin(name, None if parent is None else str(parent), weight)
    outbox = outbox or own
    if outbox and total is not None:
        outbox.begin_count(total, unit)
    with _ending(outbox, own), surroundings.entered(outbox):
        yield Job(outbox, total, unit)


@contextmanager
def _ending(outbox: Outbox | None, own: Outbox | None) -> Iterator[None]:
    """Say how a block ends, and end its job with it if that is its own."""
    status = 0
    try:
        yield
    except BaseException as error:
        status = _status(error)
        if outbox and status:
            outbox.say(lines.note(lines.failure(error)))
        raise
    finally:
        if own:
            own.finish(status)
        elif outbox:
            outbox.flush()


def _status(error: BaseException) -> int:
    """Give the exit status that an exception stands for."""
    if isinstance(error, SystemExit):
        code = 0 if error.code is None else error.code
        return code & 0xFF if isinstance(code, int) else 1
    return 0 if isinstance(error, GeneratorExit) else 1
