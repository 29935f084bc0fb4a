"""Fields are named strictly: what is not there is an error that says what is."""

import re

import pytest

from jobd.ui.fields import Template, pick, reach, split_names

DOCUMENT = {
    "id": 143,
    "name": "encode\n\x1b[2J",
    "state": "running",
    "done": False,
    "argv": ["ffmpeg", "-i"],
    "progress": {"fraction": 0.41, "message": None, "eta": {"seconds": 780, "low": None}},
    "usage": None,
}


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{id} {state}", "143 running"),
        ("{progress.fraction}/{progress.eta.seconds}", "0.41/780"),
        ("{{{id}}}", "{143}"),
        ("{argv} {done}", '["ffmpeg","-i"] false'),
        ("{name}", "encode\\n^[[2J"),
        ("[{usage}{usage.rss_bytes}{progress.message}]", "[]"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_a_template_is_filled_in(template: str, line: str) -> None:
    """Text is one harmless line, null is nothing, other values are JSON; doubled braces are braces."""
    assert Template(template).fill(DOCUMENT) == line


def test_a_template_knows_its_names() -> None:
    """The fields can be checked before there is a document."""
    assert Template("{id} {{x}} {progress.fraction}").names == ("id", "progress.fraction")


@pytest.mark.parametrize(
    "template", ["{id.__class__}", "{id[0]}", "{id!r}", "{id:>5}", "{}", "{ id }", "{0}", "{.id}", "{id.}"]
)
def test_a_template_takes_names_only(template: str) -> None:
    """No attribute, index, conversion or position: such a field is refused, at once or because it is not there."""
    with pytest.raises(ValueError, match="no field"):
        Template(template).fill(DOCUMENT)


@pytest.mark.parametrize(("template", "brace"), [("{id", "{"), ("id}", "}"), ("{a{id}", "{"), ("}{id}", "}")])
def test_a_brace_alone_is_an_error(template: str, brace: str) -> None:
    """A brace that opens or closes nothing is named, with what to write."""
    with pytest.raises(
        ValueError, match=re.escape(f"{brace!r} stands alone; a field is {{id}}, a brace is {brace * 2}")
    ):
        Template(template)


def test_an_unknown_field_names_the_known_ones() -> None:
    """The message holds the name and the fields there are at that place."""
    with pytest.raises(ValueError, match="no field 'stat'; there are: id, name, state"):
        reach(DOCUMENT, "stat")
    with pytest.raises(ValueError, match=re.escape("no field 'progress.eta.hours'; there are: seconds, low")):
        Template("{progress.eta.hours}").fill(DOCUMENT)
    with pytest.raises(ValueError, match=re.escape("no field 'id.x'; nothing is below 143")):
        reach(DOCUMENT, "id.x")


def test_picked_fields_stay_where_they_are() -> None:
    """A picked document has the shape of the whole one; the order is the asked one; the whole wins over a part."""
    assert pick(DOCUMENT, ["state", "id"]) == {"state": "running", "id": 143}
    assert list(pick(DOCUMENT, ["state", "id"])) == ["state", "id"]
    assert pick(DOCUMENT, ["progress.eta.seconds", "progress.fraction", "usage.rss_bytes"]) == {
        "progress": {"eta": {"seconds": 780}, "fraction": 0.41},
        "usage": None,
    }
    assert pick(DOCUMENT, ["progress.fraction", "progress"]) == {"progress": DOCUMENT["progress"]}
    for name in ("stat", "progress.fractoin", "id.x"):
        with pytest.raises(ValueError, match="no field"):
            pick(DOCUMENT, [name])


def test_names_are_read_from_a_list() -> None:
    """Commas and spaces separate; what cannot be a name is refused."""
    assert split_names("id, state,,progress.fraction ") == ["id", "state", "progress.fraction"]
    with pytest.raises(ValueError, match="'a b' is no field"):
        split_names("id,a b")
    with pytest.raises(ValueError, match="no field is named"):
        split_names(" ,")
