"""How long jobs that have ended are kept if their names have rules of their own.

backup-* 730d, test-* 7d 100     two years; a week, and of each name not more than 100
*nightly off                     for ever
"""

import re
from datetime import datetime, timedelta
from fnmatch import translate
from functools import cached_property

import msgspec

from jobd.core import quantities
from jobd.core.text import glob

#: A wall clock that has jumped by more than this since the last look is not believed: nothing is removed.
LARGEST_JUMP = timedelta(hours=1)
LARGEST_COUNT = 10**9


class Rule(msgspec.Struct, frozen=True, dict=True):
    """How long ended jobs of some names are kept: seconds since their end, and how many of each name; 0 = no limit."""

    pattern: str
    age: float = 0.0
    count: int = 0

    def covers(self, name: str) -> bool:
        """Whether the rule is for jobs of this name."""
        return self._pattern.match(name) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(translate(glob(self.pattern)))


def parse(text: str) -> tuple[Rule, ...]:
    """Read rules with commas between. Raises ValueError with a sentence."""
    return tuple(_rule(part) for part in text.split(",") if part.strip())


def write(rules: tuple[Rule, ...]) -> str:
    """Write rules so that they are read as the same."""
    return ", ".join(f"{rule.pattern} {_written(rule)}" for rule in rules)


def own(rules: tuple[Rule, ...], name: str) -> Rule | None:
    """Find the rule that a name has of its own: the first that covers it."""
    return next((rule for rule in rules if rule.covers(name)), None)


def believable(before: tuple[datetime, float] | None, now: tuple[datetime, float]) -> bool:
    """Say whether the wall clock went on as another did, which counts seconds, since the last look (None: none yet)."""
    if before is None:
        return True
    passed = (now[0] - before[0]) - timedelta(seconds=now[1] - before[1])
    return abs(passed) <= LARGEST_JUMP


def _rule(text: str) -> Rule:
    pattern, *limits = text.split()
    age, count = 0.0, 0
    if len(limits) > len(set(map(_is_count, limits))):
        raise ValueError(f"{text.strip()!r} has two limits of a kind; write a time, a number, or one of each")
    for word in limits:
        if _is_count(word):
            count = int(word)
        elif word != "off":
            age = quantities.parse_duration(word)
    if not limits:
        raise ValueError(f"{pattern!r} has no limit; write {pattern} 90d, {pattern} 100, both, or {pattern} off")
    return Rule(pattern, age, count)


def _is_count(word: str) -> bool:
    return word.isdecimal() and len(word) <= len(str(LARGEST_COUNT))


def _written(rule: Rule) -> str:
    age = quantities.write_duration(rule.age) if rule.age else ""
    return " ".join(filter(None, (age, str(rule.count or "")))) or "off"
