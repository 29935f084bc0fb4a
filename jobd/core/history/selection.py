"""Which jobs: the words people name jobs with.

143          1,3,5-8        2-10:2         ids, lists, ranges with a step
last  @                                    the newest job
all                                        every job that a verb is for (see Reach)
encode       encode~1       %encode        newest of that name, the run before it, surely a name
where:state=running cpu>1h                 only those that a filter means; alone, of all that a verb is for
"""

import re
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from jobd.core.errors import BadValue
from jobd.core.model import ACTIVE, LARGEST, Job, State

#: A range of ids longer than this is refused: it is a slip of the finger, or wants a filter.
MOST_IDS = 100_000
#: So many jobs are shown at once; more are asked for page by page.
MOST_SHOWN = 10_000
LONGEST_NAME = 200
#: Begins a word that is a filter.
WHERE = "where:"

_RANGE = r"[0-9]{1,19}(?:-[0-9]{1,19}(?::[0-9]{1,9})?)?"
_IDS = re.compile(rf"{_RANGE}(?:,{_RANGE})*")
_BACK = re.compile("[0-9]{1,6}")
_NO_NAMES = ("last", "all")


class Named(msgspec.Struct, frozen=True, gc=False):
    """A job by its name: `back` runs before the newest."""

    name: str
    back: int = 0


class Selection(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Which jobs: ids, names, the newest, all. In JSON a list of words, each as on the command line."""

    ids: tuple[int, ...] = ()
    named: tuple[Named, ...] = ()
    last: bool = False
    all: bool = False
    #: Filters, all of which must mean a job.
    where: tuple[str, ...] = ()

    @property
    def names_none(self) -> bool:
        """Whether no job is named, so that a filter chooses among all."""
        return not (self.ids or self.named or self.last or self.all)


class Who(NamedTuple):
    """Who asks, by which a filter is read: a user id (None: that of this process), and a time zone (see Zone)."""

    uid: int | None = None
    zone: str = ""


#: Whoever runs this process, where it runs.
ANYBODY = Who()


class Reach(NamedTuple):
    """Which jobs a verb is for that are not named one by one: `most` at once, and only those that it `applies` to."""

    #: The states that `all` means.
    by_all: Collection[State] = ACTIVE
    #: The states among which a filter alone chooses.
    by_filter: Collection[State] = tuple(State)
    applies: Callable[[Job], bool] = lambda _: True
    most: int = MOST_IDS


#: What is for jobs that have not ended.
LIVING = Reach(by_filter=ACTIVE)
#: What only reads: with a filter also of those that have ended.
READING = Reach(most=MOST_SHOWN)
#: A filter as a request carries it; empty is none.
Where = Annotated[str, Meta(max_length=10_000)]
#: The time zone of who asks, by name or offset (`+02:00`), in which a filter is read; empty is that of the machine.
Zone = Annotated[str, Meta(max_length=100)]
#: A point in time as a request carries it, with its zone.
Time = Annotated[datetime, Meta(tz=True)]
#: The words of a selection as a request carries them.
Words = Annotated[tuple[Annotated[str, Meta(max_length=4096)], ...], Meta(max_length=10_000)]


def parse(words: tuple[str, ...]) -> Selection:
    """Read the words; each job is named once, in the order in which it was first named. Raises BadValue."""
    ids: dict[int, None] = {}
    named: dict[Named, None] = {}
    where = list[str]()
    last = everything = False
    for word in words:
        if word in ("last", "@"):
            last = True
        elif word == "all":
            everything = True
        elif word.startswith(WHERE):
            where.append(word.removeprefix(WHERE))
        elif _IDS.fullmatch(word):
            for part in word.split(","):
                ids.update(dict.fromkeys(_range(part, MOST_IDS - len(ids))))
        else:
            named[_named(word)] = None
    return Selection(tuple(ids), tuple(named), last, everything, tuple(where))


def name(text: str) -> str:
    """Check a name for a new job. Raises BadValue for one that would read as something else."""
    problem = _name_problem(text)
    if problem:
        raise BadValue(field="name", problem=f"{text[:50]!r} {problem}")
    return text


def _name_problem(text: str) -> str | None:
    if not text or len(text) > LONGEST_NAME:
        return f"must have 1 to {LONGEST_NAME} characters"
    if text.isdecimal() or text in _NO_NAMES:
        return "would be taken for an id or a keyword; choose a name with a letter"
    if text[0] in "%-@" or "," in text or "~" in text or not text.isprintable():
        return "has a character that names cannot have (a leading % - @, or one of , ~ and control characters)"
    return None


def _range(part: str, room: int) -> range:
    """Read an id, or a range of at most `room` ids."""
    span, _, step = part.partition(":")
    first, dash, last = span.partition("-")
    start, end, stride = int(first), int(last if dash else first), int(step or 1)
    if max(start, end) > LARGEST:
        raise BadValue(field="job", problem=f"{part} is larger than any id")
    if start > end or stride == 0:
        raise BadValue(field="job", problem=f"{part} is an empty range; write FIRST-LAST or FIRST-LAST:STEP")
    if (end - start) // stride >= room:
        raise BadValue(field="job", problem=f"{part} is too much: at most {MOST_IDS} jobs can be named at once")
    return range(start, end + 1, stride)


def _named(word: str) -> Named:
    text, tilde, back = word.removeprefix("%").partition("~")
    problem = _name_problem(text)
    certain = word.startswith("%") and (text.isdecimal() or text in _NO_NAMES)
    if (problem and not certain) or (tilde and not _BACK.fullmatch(back)):
        raise BadValue(field="job", problem=f"{word[:50]!r} is not an id, a range, a name, NAME~N, last or all")
    return Named(text, int(back or 0))
