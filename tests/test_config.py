"""The settings: precedence, origins, and one clear line for whatever is wrong; and the places of jobd's files."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import platformdirs
import pytest

from jobd import config
from jobd.config import Config, Paths, load, state_directory, template
from jobd.core.errors import ConfigInvalid
from tests.source import modules

LINUX = pytest.mark.skipif(sys.platform == "darwin", reason="macOS leaves the places to platformdirs")


class Machine:
    """A user's home and a system directory to put configuration files into."""

    def __init__(self, root: Path) -> None:
        self.user = root / "home" / "jobd" / "config.toml"
        self.system = root / "xdg" / "jobd" / "config.toml"
        self.environ = {"XDG_CONFIG_HOME": str(root / "home"), "XDG_CONFIG_DIRS": str(root / "xdg")}
        for path in (self.user, self.system):
            path.parent.mkdir(parents=True)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Give a machine without configuration."""
    made = Machine(tmp_path)
    monkeypatch.setattr("jobd.config.loading.config_files", lambda _: [str(made.system), str(made.user)])
    return made


def refusal(environ: dict[str, str], flags: dict[str, str] | None = None) -> str:
    """Give the line with which loading is refused."""
    with pytest.raises(ConfigInvalid) as caught:
        load(environ, flags)
    assert caught.value.exit_status == 78
    assert "\n" not in caught.value.message
    return caught.value.message


def test_defaults_without_any_file(machine: Machine) -> None:
    """Nothing has to be configured."""
    loaded = load(machine.environ)
    assert loaded.config == Config()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.config.jobs.slots == config.processors() >= 1


def test_precedence_and_origins(machine: Machine) -> None:
    """A flag goes before the environment, that before the user's file, that before the system's; each is named."""
    names = ("slots", "grace", "leftover", "output_limit", "sample_every")
    machine.system.write_text('[jobs]\nslots = 1\ngrace = "1s"\nleftover = "wait"\noutput_limit = "1M"\n')
    machine.user.write_text(
        'jobs.slots = 2\n\n[jobs]\ngrace = "2s"\nleftover = "leave"\n'.replace("jobs.slots = 2\n", "")
    )
    environ = {**machine.environ, "JOBD_JOBS_GRACE": "3s", "JOBD_JOBS_SLOTS": "3"}
    loaded = load(environ, {"jobs.slots": "4"})
    jobs = loaded.config.jobs
    assert [getattr(jobs, name) for name in names] == [4, 3.0, "leave", 2**20, 1.0]
    assert [loaded.origins[f"jobs.{name}"] for name in names] == [
        "flag",
        "JOBD_JOBS_GRACE",
        f"{machine.user}:4",
        f"{machine.system}:5",
        "default",
    ]


FILES = {
    'jobs.grace = "1h30m"': ("jobs", "grace", 5400.0),
    '[daemon]\nidle_exit = "off"': ("daemon", "idle_exit", 0.0),
    '[daemon]\nidle_exit = "1h"': ("daemon", "idle_exit", 3600.0),
    '[ "jobs" ]\noutput_limit = "0"': ("jobs", "output_limit", 0),
    "storage = { backup_keep = 0 }": ("storage", "backup_keep", 0),
    "[output]\njson = true": ("output", "json", True),
    "# only a comment\r\n[jobs]\r\nslots = 7\r\n": ("jobs", "slots", 7),
}


@pytest.mark.parametrize("text", FILES)
def test_values_of_a_file(machine: Machine, text: str) -> None:
    """All ways TOML has of saying a thing are read."""
    section, key, value = FILES[text]
    machine.user.write_text(text, newline="")
    assert getattr(getattr(load(machine.environ).config, section), key) == value


BROKEN = {
    "[job]\nslots = 1": ':1: no section job; did you mean "jobs"?',
    "x = 1": ":1: no section x",
    "\n\njobs = 3": ":3: jobs is a section: write [jobs]",
    "[jobs]\n\nslot = 1": ':3: no setting slot in [jobs]; did you mean "slots"?',
    "[jobs]\ngrace_period_of_all = 1": ":2: no setting grace_period_of_all in [jobs]",
    '[jobs]\nslots = "two"': ":2: jobs.slots: expected a whole number from 1 to 100000, not two",
    "[jobs]\nslots = 0": ":2: jobs.slots: expected a whole number from 1 to 100000, not 0",
    "[jobs]\nslots = 99999999999999999999999": ":2: jobs.slots: expected a whole number from 1 to 100000, not 9999",
    "[jobs]\nslots = true": ":2: jobs.slots: expected a whole number from 1 to 100000, not true",
    "[jobs]\nslots = 2026-11-20": ":2: jobs.slots: expected a whole number from 1 to 100000, not ",
    "[jobs]\ngrace = 10": ":2: jobs.grace: expected a duration, as in 10s, not 10",
    '[jobs]\ngrace = "10"': ":2: jobs.grace: '10' is no duration; write 90s",
    '[jobs]\nsample_every = "1ms"': ":2: jobs.sample_every: expected a duration, as in 10s, at least 100ms, not 1ms",
    '[jobs]\nleftover = "kil"': ':2: jobs.leftover: expected one of kill, wait, leave, not kil; did you mean "kill"?',
    '[jobs]\noutput_limit = "big"': ":2: jobs.output_limit: 'big' is no size; write",
    '[daemon]\nidle_exit = "never"': ":2: daemon.idle_exit: 'never' is no duration",
    "[daemon]\nidle_exit = false": ':2: daemon.idle_exit: expected a duration, or "off", as in 1h, not false',
    '[output]\njson = "yes"': ":2: output.json: expected true or false, not yes",
    "[output]\njson = { a = [1] }": ":2: output.json: expected true or false, not ",
    "[jobs]\nslots = \n": ":2: not TOML: Invalid value",
    "[jobs\n": ":1: not TOML: ",
    '[jobs]\ngrace = "': ":2: not TOML: ",
    "[jobs]\nslots = 1\nslots = 2": ":3: not TOML: ",
    "jobs = { slots = 0 }": ": jobs.slots: expected a whole number",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_wrong_file_is_refused_with_its_line(machine: Machine, text: str) -> None:
    """Whatever is wrong in a file is one line: where, what, what was expected."""
    machine.user.write_text(text)
    assert refusal(machine.environ).startswith(f"configuration: {machine.user}{BROKEN[text]}")


def test_an_unreadable_file_is_refused(machine: Machine) -> None:
    """A file that is there but cannot be read is not silently left out."""
    machine.user.write_bytes(b"[jobs]\nslots = 1 # \xff\n")
    assert refusal(machine.environ) == f"configuration: {machine.user}: cannot be read: it is not UTF-8"
    machine.user.unlink()
    machine.user.mkdir()
    assert refusal(machine.environ) == f"configuration: {machine.user}: cannot be read: Is a directory"


VARIABLES = {
    ("JOBD_JOBS_SLOT", "1"): 'JOBD_JOBS_SLOT: no such setting; did you mean "JOBD_JOBS_SLOTS"?',
    ("JOBD_JOBS_SLOTS", "many"): "JOBD_JOBS_SLOTS: jobs.slots: expected a whole number from 1 to 100000, not many",
    ("JOBD_JOBS_GRACE", "5"): "JOBD_JOBS_GRACE: jobs.grace: '5' is no duration",
    ("JOBD_OUTPUT", "yaml"): "JOBD_OUTPUT: expected json or text, not yaml",
    ("JOBD_OUTPUT_COLOR", "red"): "JOBD_OUTPUT_COLOR: output.color: expected one of auto, always, never, not red",
}


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_wrong_variable_is_refused_by_name(machine: Machine, variable: tuple[str, str]) -> None:
    """A slip in the environment is not passed over."""
    assert refusal({**machine.environ, **dict([variable])}).startswith(f"configuration: {VARIABLES[variable]}")


def test_a_wrong_flag_is_refused(machine: Machine) -> None:
    """A flag is held to the same limits."""
    assert refusal(machine.environ, {"jobs.slots": "0"}).startswith("configuration: flag: jobs.slots: expected")


def test_variables_of_other_kinds_are_no_settings(machine: Machine) -> None:
    """What jobd puts into the environment of jobs is not taken for a setting; an empty variable says nothing."""
    others = {"JOBD_JOB_ID": "3", "JOBD_FD": "3", "JOBD_DIR": "/x", "JOBD_JOBS_SLOTS": "", "JOBD_OUTPUT": ""}
    assert load({**machine.environ, **others}) == load(machine.environ)


def test_output_json_by_its_short_variable(machine: Machine) -> None:
    """JOBD_OUTPUT=json sets the default of --json."""
    loaded = load({**machine.environ, "JOBD_OUTPUT": "json"})
    assert loaded.config.output.json is True
    assert loaded.origins["output.json"] == "JOBD_OUTPUT"
    assert load({**machine.environ, "JOBD_OUTPUT": "json", "JOBD_OUTPUT_JSON": "0"}).config.output.json is False


def test_the_template_changes_nothing(machine: Machine) -> None:
    """The template is all comments, and says the defaults."""
    machine.user.write_text(template())
    assert load(machine.environ).config == Config()


def test_the_template_uncommented_says_the_defaults(machine: Machine) -> None:
    """Each setting is there once, under its section; taking the # away leaves its meaning."""
    settings = [line.removeprefix("#") for line in template().splitlines() if not line.startswith("# ")]
    text = "\n".join(settings)
    assert {f"{section}.{key}" for section, keys in tomllib.loads(text).items() for key in keys} == set(config.known())
    machine.user.write_text(text.replace("slots = 4", f"slots = {config.processors()}"))
    assert load(machine.environ).config == Config()


def test_every_setting_is_described() -> None:
    """Help, default and limits are there for the manual, and a written default is read as the default."""
    for setting in config.known().values():
        assert setting.help.endswith(".")
        assert setting.expected
        assert setting.read(tomllib.loads(f"x = {setting.write(setting.default)}")["x"]) == setting.default
        assert setting.default_text in (setting.write(setting.default), "the number of CPUs")


def test_the_danger_of_normal_durability_is_said() -> None:
    """Who gives up durability is told both prices."""
    text = config.known()["storage.durability"].help
    assert "power cut can lose" in text
    assert "run twice" in text


@LINUX
@pytest.mark.parametrize("variables", [{}, {"XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "/c"}, {"XDG_STATE_HOME": ""}])
def test_places_are_those_of_platformdirs(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick way to the directories and platformdirs agree."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ann")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    environ = {"HOME": "/home/ann", **variables}
    assert state_directory(environ) == platformdirs.user_state_dir("jobd")
    assert config.config_files(environ) == [
        str(platformdirs.site_config_path("jobd") / "config.toml"),
        str(platformdirs.user_config_path("jobd") / "config.toml"),
    ]


@LINUX
def test_places_without_a_home() -> None:
    """Cron and containers may have no HOME: the user's entry in the password file counts."""
    assert state_directory({}) == str(Path("~/.local/state/jobd").expanduser())


@LINUX
def test_relative_base_directories_are_ignored() -> None:
    """A relative XDG directory would mean another place in every directory."""
    environ = {"HOME": "/h", "XDG_STATE_HOME": "state", "XDG_CONFIG_DIRS": "/a:b:/c"}
    assert state_directory(environ) == "/h/.local/state/jobd"
    assert config.config_files(environ) == [f"{place}/jobd/config.toml" for place in ("/c", "/a", "/h/.config")]


def test_jobd_dir_overrides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """JOBD_DIR says where everything is, relative to where it is said."""
    monkeypatch.chdir(tmp_path)
    assert state_directory({"JOBD_DIR": "/x/y"}) == "/x/y"
    assert state_directory({"JOBD_DIR": "here", "XDG_STATE_HOME": "/s"}) == str(tmp_path / "here")
    assert state_directory({"JOBD_DIR": "", "XDG_STATE_HOME": "/s"}) == "/s/jobd"


@pytest.mark.parametrize("root", ["/s", Path("/s")])
def test_paths(root: str | Path) -> None:
    """Everything lies in the one state directory."""
    paths = Paths(root)
    assert {name: str(getattr(paths, name)) for name in dir(Paths) if isinstance(getattr(Paths, name), property)} == {
        "daemon_json": "/s/daemon.json",
        "daemon_log": "/s/log/daemon.log",
        "database": "/s/jobd.db",
        "log": "/s/log",
        "run": "/s/run",
        "socket": "/s/jobd.sock",
        "start_lock": "/s/start.lock",
        "startup_log": "/s/log/startup.log",
        "state": "/s",
    }


def test_a_client_that_only_needs_places_loads_no_more() -> None:
    """The settings are read only by who asks for them."""
    code = "import sys; from jobd.config import Paths; print(*sorted(m for m in sys.modules if 'jobd' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "jobd jobd.config jobd.config.places\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy package is a package like any other."""
    with pytest.raises(AttributeError, match="no attribute 'slots'"):
        _ = config.slots


def test_every_setting_is_used() -> None:
    """A setting that nothing reads would be a promise that is not kept."""
    rooms = [module for module in modules() if not module.name.startswith(("jobd.config", "jobd.manual"))]
    text = "".join(module.text for module in rooms)
    assert [name for name, setting in config.known().items() if not re.search(rf"\b{setting.key}\b", text)] == []
