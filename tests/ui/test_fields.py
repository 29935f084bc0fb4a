"""Fields are named strictly: what no record of a kind has is an error that says what there is."""

import re

import pytest

from jobd.core.events.catalogue import Entry
from jobd.core.views import JobView
from jobd.ui.fields import Template, missing, pick, reach, split_names

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


@pytest.mark.parametrize("template", ["{id[0]}", "{id!r}", "{id:>5}", "{}", "{ id }", "{0}", "{.id}", "{id.}"])
def test_a_template_takes_names_only(template: str) -> None:
    """No index, conversion or position: such a field is refused."""
    with pytest.raises(ValueError, match="no field"):
        Template(template)


@pytest.mark.parametrize(("template", "brace"), [("{id", "{"), ("id}", "}"), ("{a{id}", "{"), ("}{id}", "}")])
def test_a_brace_alone_is_an_error(template: str, brace: str) -> None:
    """A brace that opens or closes nothing is named, with what to write."""
    with pytest.raises(
        ValueError, match=re.escape(f"{brace!r} stands alone; a field is {{id}}, a brace is {brace * 2}")
    ):
        Template(template)


@pytest.mark.parametrize("name", ["stat", "progress.eta.hours", "id.x", "argv.first", "id.__class__", "usage.x.y"])
def test_what_a_document_leaves_out_is_null(name: str) -> None:
    """Nothing but what it holds is reached, whatever the name."""
    assert reach(DOCUMENT, name) is None
    assert Template(f"[{{{name}}}]").fill(DOCUMENT) == "[]"


@pytest.mark.parametrize(
    "name",
    [
        *("id", "labels", "labels.env", "progress.fraction", "usage.cpu_seconds", "progress.eta.seconds"),
        *("cwd.b64", "output.files.stdout", "progress.items.completed"),
    ],
)
def test_fields_that_a_job_can_have(name: str) -> None:
    """Of a record, of what may be null, of a mapping whatever the key."""
    assert missing(JobView, name) is None


@pytest.mark.parametrize(
    ("name", "step", "some"),
    [
        ("stat", "stat", {"id", "state"}),
        ("progress.fractoin", "fractoin", {"fraction", "message"}),
        ("progress.eta.hours", "hours", {"seconds"}),
        ("id.x", "x", set()),
        ("argv.first", "first", set()),
        ("id.__class__", "__class__", set()),
        ("labels.env.x", "x", set()),
    ],
)
def test_fields_that_no_job_has(name: str, step: str, some: set[str]) -> None:
    """Found is the step that leads nowhere, and what there is in its place."""
    found = missing(JobView, name)
    assert found is not None
    assert found[0] == step
    assert some <= set(found[1])


def test_fields_of_events() -> None:
    """An event of the log may have the fields of any type, and the type itself."""
    for name in ("seq", "event.type", "event.reason", "event.argv", "by.uid"):
        assert (missing(Entry, name) is None) == (name != "event.argv")


def test_picked_fields_stay_where_they_are() -> None:
    """A picked document has the shape of the whole one; the order is the asked one; the whole wins over a part."""
    assert pick(DOCUMENT, ["state", "id"]) == {"state": "running", "id": 143}
    assert list(pick(DOCUMENT, ["state", "id"])) == ["state", "id"]
    assert pick(DOCUMENT, ["progress.eta.seconds", "progress.fraction", "usage.rss_bytes"]) == {
        "progress": {"eta": {"seconds": 780}, "fraction": 0.41},
        "usage": None,
    }
    assert pick(DOCUMENT, ["progress.fraction", "progress"]) == {"progress": DOCUMENT["progress"]}
    assert pick(DOCUMENT, ["labels.env", "progress.done"]) == {"labels": None, "progress": {"done": None}}


def test_names_are_read_from_a_list() -> None:
    """Commas and spaces separate; what cannot be a name is refused."""
    assert split_names("id, state,,progress.fraction ") == ["id", "state", "progress.fraction"]
    with pytest.raises(ValueError, match="'a b' is no field"):
        split_names("id,a b")
    with pytest.raises(ValueError, match="no field is named"):
        split_names(" ,")
