"""Items and stages of a job, as a program says them."""

import pytest
from hypothesis import given

import jobd
from jobd.core.work import progress
from jobd.reporting import lines
from tests.reporting.said import Said
from tests.reporting.test_lines import TEXTS


def test_each_state_is_said(said: Said) -> None:
    """Every change of an item is a line of its own, in order; of its progress only the last is kept."""
    with jobd.job("unused") as job:
        clip = job.item("clip 17", weight=3)
        clip.pending()
        clip.processing("first pass")
        for percent in range(100):
            clip.progress(percent / 100)
        clip.failed(ValueError("no\ncodec"))
        job.item("b").skipped("not needed")
        job.item("c").canceled()
        job.item("d").completed()
    changes = [line for line in said.lines if "fraction" not in line]
    assert changes == [
        '{"item":"clip 17","weight":3,"state":"pending"}',
        '{"item":"clip 17","weight":3,"state":"processing","message":"first pass"}',
        '{"item":"clip 17","weight":3,"state":"failed","error":"ValueError: no codec"}',
        '{"item":"b","state":"skipped","message":"not needed"}',
        '{"item":"c","state":"canceled"}',
        '{"item":"d","state":"completed"}',
    ]
    assert '{"item":"clip 17","weight":3,"fraction":0.99}' in said.lines
    for line in said.lines:
        progress.parse(line.encode())


def test_stages_are_declared(said: Said) -> None:
    """In their order, with their weights."""
    with jobd.job("unused") as job:
        job.stages({"probe": 1, "encode": 8.5})
        job.stage("encode", total=2)
        job.advance()
    assert said.lines[0] == "stages probe:1 encode:8.5"
    assert (said.progress.stage, said.progress.done) == ("encode", 1)
    with pytest.raises(ValueError, match="'a b' is no name of a stage"):
        lines.stages({"a b": 1})


@given(key=TEXTS.filter(lines.text), why=TEXTS)
def test_any_words_are_taken(key: str, why: str) -> None:
    """Keys and errors of any length and kind."""
    said = lines.ItemWords(item=lines.text(key, lines.LONGEST_KEY), state="failed")
    if lines.text(why):
        said["error"] = lines.text(why)
    progress.parse(lines.item(said).encode())
