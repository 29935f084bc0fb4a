"""Presets: each is a filter, saved ones may use others, and none stands for itself."""

import pytest

from jobd.core.filters import BUILT_IN
from tests.core.filters.reading import read, refused

SAVED = {
    "nightly": "name = nightly-* @ended",
    "bad": "@nightly AND (@failed OR warned > 0)",
    "failed": "state = failed AND -@mine",
    "wrong": "stat = failed",
    "deep": "@wrong OR x",
    "mixed": "a OR b AND c",
    "round": "x @trip",
    "trip": "@round",
    "self": "-(@self)",
    "empty": " ",
    "straße": "x",
    "odd": "a\0",
}


@pytest.mark.parametrize("preset", BUILT_IN, ids=lambda preset: preset.name)
def test_each_built_in_one_is_a_filter(preset: object) -> None:
    """It is read as its text is, has a sentence, and a name that can be written."""
    name, text, help_text = preset  # type: ignore[misc]
    assert read(f"@{name}") == read(text)
    assert read(f"-@{name} x") == read(f"-({text}) x")
    assert help_text[0].isupper()
    assert help_text.endswith(".")


def test_names_are_their_own() -> None:
    """No name stands for two."""
    assert len({preset.name for preset in BUILT_IN}) == len(BUILT_IN)


MEANINGS = {
    "@nightly": 'name = "nightly-*" AND state in (completed, canceled, failed)',
    "@bad": 'name = "nightly-*" AND state in (completed, canceled, failed) AND '
    "((state = failed AND NOT uid = 1000) OR warned > 0)",
    "@failed": "state = failed AND NOT uid = 1000",
    "NOT @failed @today": "NOT (state = failed AND NOT uid = 1000) AND created >= 2026-11-20T23:00:00Z",
    "@straße OR y": "x OR y",
    "@nightly @nightly": 'name = "nightly-*" AND state in (completed, canceled, failed) AND '
    'name = "nightly-*" AND state in (completed, canceled, failed)',
}


@pytest.mark.parametrize(("text", "meaning"), MEANINGS.items())
def test_saved_ones(text: str, meaning: str) -> None:
    """They stand for their text as if it were in parentheses, and go before built-in ones of the same name."""
    assert str(read(text, presets=SAVED)) == meaning


PROBLEMS = {
    "x @wrong": '@wrong: no field "stat"; did you mean "state"?',
    "x @deep": '@deep: @wrong: no field "stat"; did you mean "state"?',
    "x @mixed": "@mixed: AND and OR are mixed; add parentheses to say which you mean",
    "x @self": "@self: a preset stands for itself: @self in @self",
    "x @round": "@round: @trip: a preset stands for itself: @round in @trip in @round",
    "x @empty": "@empty: it is empty; leave it out to mean all jobs",
    "x @odd": "@odd: a NUL, or what is not UTF-8, cannot be looked for",
    "x @nigtly": 'no preset "@nigtly"; did you mean "@nightly"?',
}


@pytest.mark.parametrize(("text", "problem"), PROBLEMS.items())
def test_what_is_wrong_with_one(text: str, problem: str) -> None:
    """The place is that of its name in what was typed, since the text of the preset was not."""
    details = refused(text, presets=SAVED).details
    assert details["problem"] == problem
    assert (details["text"], details["start"], details["end"]) == (text, 2, len(text))


def test_what_they_stand_for_counts() -> None:
    """A few words that stand for very much are too much."""
    doubling = {"p0": "x y"} | {f"p{n}": f"@p{n - 1} @p{n - 1}" for n in range(1, 20)}
    assert read("@p5", presets=doubling)
    assert "more than 200 conditions" in refused("@p19", presets=doubling).message
    assert "more than 10000 characters" in refused("@long", presets={"long": "x" * 10_001}).message
    nested = {"n0": "x"} | {f"n{n}": f"@n{n - 1}" for n in range(1, 100)}
    assert "more than 40 parentheses" in refused("@n99", presets=nested).message


def test_mine_needs_somebody() -> None:
    """Where nobody knows who asks, `me` is nobody."""
    assert str(read("@mine", uid=0)) == "uid = 0"
    problem = "@mine: uid: nobody knows who asks; write the number of the user"
    assert refused("@mine", uid=None).details["problem"] == problem
