"""What is wrong with a filter and where, as those say who read a part of it; `parse` makes FilterInvalid of it."""

from collections.abc import Iterable

#: What to do next, unless somebody knows better.
ADVICE = "Fields: jobd history --fields · man 7 jobd-filter"
LONGEST_WORD = 50
#: How alike two words must be, so that one may be meant by the other: 1 is the same.
ALIKE = 0.7


class Complaint(Exception):
    """Something is wrong with the text from `start` up to `end`."""

    def __init__(self, problem: str, start: int, end: int, advice: str = ADVICE) -> None:
        super().__init__(problem)
        self.problem = problem
        self.start = start
        self.end = end
        self.advice = advice


def shown(word: str) -> str:
    """Put a word that was typed into quotes, and cut it if it is long."""
    return f'"{word}"' if len(word) <= LONGEST_WORD else f'"{word[: LONGEST_WORD - 1]}…"'


def meant(word: str, known: Iterable[str]) -> str:
    """End a complaint: with the word that was probably meant, if there is one."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), list(known), 1, ALIKE)
    return f'; did you mean "{close[0]}"?' if close else ""
