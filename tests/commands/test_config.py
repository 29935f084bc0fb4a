"""jobd config: what is in force, where it was said, and whether it can be read."""

import json
import tomllib
from pathlib import Path

import pytest

from jobd.config import known
from tests.calling import Done, jobd


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the place of the user's configuration file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "jobd" / "config.toml"
    path.parent.mkdir()
    return path


def settings(done: Done) -> dict[str, str]:
    """Read `name = value` lines."""
    assert done.status == 0, done
    return dict(line.split(" = ") for line in done.out.splitlines())


def test_show_lists_every_setting(file: Path) -> None:
    """Each with its value as it would stand in the file."""
    file.write_text('[jobs]\nslots = 7\ngrace = "90s"\n')
    shown = settings(jobd("config", "show", environ={"JOBD_STORAGE_DURABILITY": "normal"}))
    assert shown.keys() == known().keys()
    assert (shown["jobs.slots"], shown["jobs.grace"], shown["storage.durability"]) == ("7", '"1m30s"', '"normal"')


def test_show_says_where(file: Path) -> None:
    """The line of a file, a variable, or the default."""
    file.write_text("[jobs]\n\nslots = 7\n")
    environ = {"JOBD_STORAGE_DURABILITY": "normal"}
    lines = jobd("config", "show", "--origin", environ=environ).out.splitlines()
    origins = {line.split(" = ")[0]: line.rpartition("  # ")[2] for line in lines}
    assert origins["jobs.slots"] == f"{file}:3"
    assert origins["storage.durability"] == "JOBD_STORAGE_DURABILITY"
    assert origins["jobs.grace"] == "default"


def test_show_one(file: Path) -> None:
    """A single setting is a bare value, for scripts; an unknown one is a slip, with what was meant."""
    file.write_text("[jobs]\nslots = 7\n")
    assert jobd("config", "show", "jobs.slots").out == "7\n"
    assert jobd("config", "show", "jobs.slots", "--origin").out == f"jobs.slots = 7  # {file}:2\n"
    assert json.loads(jobd("config", "show", "jobs.slots", "--json").out)["value"] == 7
    done = jobd("config", "show", "jobs.slot")
    assert (done.status, done.out) == (2, "")
    assert 'did you mean "jobs.slots"?' in done.err


def test_show_as_json(file: Path) -> None:
    """Name, value and origin of each."""
    values = json.loads(jobd("config", "show", "--json").out)
    assert [value["name"] for value in values] == list(known())
    assert {value["origin"] for value in values} == {"default"}
    assert json.loads(jobd("config", "show", "--json=name").out)[0] == {"name": values[0]["name"]}
    assert not file.exists()


def test_check_names_what_it_read(file: Path) -> None:
    """The files that are there, or that there are none; what is wrong is one line with its place."""
    assert jobd("config", "check").out == "no configuration file; the defaults hold\n"
    file.write_text("")
    assert jobd("config", "check").out == f"{file}: ok\n"
    file.write_text("[jobs]\nslots = 0\n")
    done = jobd("config", "check")
    assert (done.status, done.out) == (78, "")
    assert done.err.startswith(f"jobd: configuration: {file}:2: jobs.slots: ")


def test_path_and_template_make_a_file(file: Path) -> None:
    """The template, written to the path, is a file that can be read and changes nothing."""
    assert jobd("config", "path").out == f"{file}\n"
    text = jobd("config", "template").out
    assert all(f"#{setting.key} = " in text for setting in known().values())
    file.write_text(text)
    assert tomllib.loads(text).keys() == {name.partition(".")[0] for name in known()}
    assert jobd("config", "check").out == f"{file}: ok\n"
