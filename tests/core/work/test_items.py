"""Items change as their table allows, and the tally always counts exactly what the items are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.work import items, progress
from jobd.core.work.items import (
    MOST_ITEMS,
    OVER,
    TABLE,
    BadItem,
    Item,
    ItemReport,
    ItemState,
    Standing,
    Tally,
    change,
    changes,
    count,
)
from jobd.core.work.progress import NOTHING
from jobd.core.work.progress_record import Progress
from jobd.core.work.report import Report, parse

AT = datetime(2026, 3, 1, tzinfo=UTC)
S = ItemState

said = st.builds(
    ItemReport,
    item=st.sampled_from("abc"),
    state=st.none() | st.sampled_from(S),
    fraction=st.none() | st.sampled_from([0.0, 0.25, 1.0]),
    weight=st.none() | st.sampled_from([0.5, 1.0, 8.0]),
    message=st.none() | st.just("words"),
    error=st.none() | st.just("why"),
)


def told(*reports: ItemReport) -> Item:
    """Give the item after what was said of it."""
    item = None
    for report in reports:
        item = change(item, report, AT)
    assert item is not None
    return item


@pytest.mark.parametrize("before", [None, *S])
@pytest.mark.parametrize("after", S)
def test_each_cell(before: ItemState | None, after: ItemState) -> None:
    """What the table allows happens; all else is refused with the state it is in."""
    item = None if before is None else Item(key="a", state=before)
    if after in TABLE[before]:
        assert change(item, ItemReport(item="a", state=after), AT).state is after
    else:
        with pytest.raises(BadItem, match=f"item a is {before}; before it can be {after}"):
            change(item, ItemReport(item="a", state=after), AT)


def test_a_number_means_that_it_is_processed() -> None:
    """So does the first word about it; an error means that it failed."""
    assert told(ItemReport(item="a", fraction=0.4)).state is S.PROCESSING
    assert told(ItemReport(item="a", message="soon")).state is S.PENDING
    assert told(ItemReport(item="a", error="no codec")).state is S.FAILED


def test_what_is_tried_again_begins_anew() -> None:
    """Its next attempt has neither the error nor the progress of the last one; its weight stays."""
    failed = told(ItemReport(item="a", fraction=0.4, weight=3), ItemReport(item="a", error="no codec", message="m"))
    assert (failed.attempt, failed.error, failed.message) == (1, "no codec", "m")
    again = change(failed, ItemReport(item="a", state=S.PROCESSING), AT)
    assert again == Item(key="a", state=S.PROCESSING, weight=3, attempt=2, updated_at=AT)


@given(st.lists(st.lists(said, max_size=8), max_size=8))
def test_the_tally_is_that_of_the_items(bursts: list[list[ItemReport]]) -> None:
    """However they came about, one by one or many at once: numbers by state, weight, and what is behind them."""
    known: dict[str, Item] = {}
    tally = Tally()
    for burst in bursts:
        changed, refused = changes(burst, known, AT)
        tally = count(tally, changed)
        assert len({change_.item.key for change_ in changed}) == len(changed)
        assert all(problem for _, problem in refused)
    for state in S:
        assert getattr(tally, state.value) == sum(item.state is state for item in known.values())
    assert tally.total == len(known)
    assert tally.weight == pytest.approx(sum(item.weight for item in known.values()))
    assert tally.reached == pytest.approx(sum(item.reached for item in known.values()))
    if known:
        assert tally.fraction is not None
        assert (tally.fraction == 1) == all(item.state in OVER for item in known.values())


def test_what_is_refused_harms_nothing_else() -> None:
    """The others are taken in, in order."""
    known = {"a": Item(key="a", state=S.COMPLETED)}
    changed, refused = changes(
        [ItemReport(item="a", state=S.FAILED), ItemReport(item="b", state=S.COMPLETED)], known, AT
    )
    assert [change_.item.key for change_ in changed] == ["b"]
    assert [report.item for report, _ in refused] == ["a"]
    assert known["a"].state is S.COMPLETED


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item too many is refused; those that are there go on."""
    assert MOST_ITEMS >= 100_000
    monkeypatch.setattr(items, "MOST_ITEMS", 2)
    known: dict[str, Item] = {}
    words = [ItemReport(item=key, state=S.PROCESSING) for key in "abca"]
    changed, refused = changes(words, known, AT)
    assert [change_.item.key for change_ in changed] == ["a", "b"]
    assert refused == [(words[2], "a job has 2 items at most")]


def test_weights_count() -> None:
    """Half of the work may be a single item; all over is the whole, whatever rounding says."""
    known: dict[str, Item] = {}
    changed, _ = changes([ItemReport(item="a", state=S.COMPLETED, weight=3), ItemReport(item="b", weight=1)], known, AT)
    shown = progress.tally(NOTHING, changed, 2, 5.0, AT)
    assert (shown.fraction, shown.reports) == (0.75, 2)
    changed, _ = changes([ItemReport(item="b", state=S.SKIPPED)], known, AT)
    assert changed[0].before == Standing(S.PENDING, 1, 0)
    assert progress.tally(shown, changed, 1, 6.0, AT).fraction == 1


def advanced(*reports: Report) -> Progress:
    """Take reports in, one a second."""
    shown = NOTHING
    for second, report in enumerate(reports):
        shown = progress.advance(shown, report, 1, float(second), AT)
    return shown


def test_declared_stages_weigh() -> None:
    """Each stage moves its share of the whole; the numbers are those of the stage."""
    stages = Report(stages={"probe": 1, "encode": 8, "upload": 1})
    assert advanced(stages).fraction is None
    assert advanced(stages, Report(stage="probe", fraction=0.5)).fraction == 0.05
    encoding = advanced(stages, Report(stage="probe", fraction=0.5), Report(stage="encode", done=3, total=4))
    assert (encoding.fraction, encoding.done, encoding.total) == (pytest.approx(0.7), 3, 4)
    uploading = progress.advance(encoding, Report(stage="upload"), 1, 9.0, AT)
    assert (uploading.fraction, uploading.done) == (0.9, None)
    assert [sample.fraction for sample in uploading.samples] == [0.05, 0.7]


def test_a_stage_without_numbers_is_told_by_its_items() -> None:
    """Items say how far the current stage is, until it says so itself."""
    shown = advanced(Report(stages={"probe": 1, "encode": 9}), Report(stage="encode"))
    changed, _ = changes([ItemReport(item="a", state=S.COMPLETED), ItemReport(item="b", state=S.PENDING)], {}, AT)
    assert progress.tally(shown, changed, 2, 3.0, AT).fraction == pytest.approx(0.55)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1, max_size=9))
def test_a_key_is_read_as_it_was_written(key: str) -> None:
    """Whatever is in it, it stays one key before each form of what is said."""
    for said in ("done", "40%", "3/10"):
        report = parse(f"item {items.quoted(key)} {said}".encode())
        assert isinstance(report, items.ItemReport)
        assert report.item == key
