"""The shape of the package: who may import whom, how long a module and a function may be, what nothing is called."""

import ast
import re
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from tests.source import PACKAGE, Module, cycles, edges, modules

LAYERS = (
    {"core"},
    {"wire", "openrpc", "config", "ui", "hot", "growth", "manual"},
    {"daemon", "client"},
    {"reporting"},
    {"commands", "jobd"},
    {"server"},
    {"cli"},
    {"__main__"},
)
#: The rooms of the daemon; what lies in none of them is in "".
DAEMON_LAYERS = ({"system"}, {"storage", "attempts", "telling"}, {"remembered"}, {""}, {"upkeep"}, {"life"})
DAEMON_RANK = {room: rank for rank, layer in enumerate(DAEMON_LAYERS) for room in layer}
RANK = {room: rank for rank, layer in enumerate(LAYERS) for room in layer}

ALONE = {"jobd.daemon.attempts.shim", "jobd.daemon.attempts.zygote"}

PURE = set(
    "__future__ abc ast base64 binascii bisect calendar collections contextlib copy dataclasses datetime decimal "
    "difflib enum errno fnmatch fractions functools graphlib hashlib heapq hmac ipaddress itertools json math msgspec "
    "numbers operator re shlex statistics string struct textwrap types typing unicodedata urllib.parse".split()
)
#: A matcher whose time grows with the text only: a regular expression of the standard library may never end.
PURE.add("re2")
PURE_NAMES = {"signal": {"Signals"}, "os": {"fsdecode", "fsencode", "strerror", "waitstatus_to_exitcode"}}
CLOCKS = {"now", "utcnow", "today"}

HEAVY = set(
    "asyncio cronsim logging multiprocessing platformdirs prometheus_client psutil rich sqlite3 subprocess textual "
    "tomllib urllib3 watchfiles".split()
)
CLIENT_ROOMS = RANK.keys() - {"daemon", "server", "growth", "manual", "openrpc"}

BANNED = {"util", "utils", "helper", "helpers", "common", "base", "manager"}

MODULE_LINES = 300
SHORT_MODULE_LINES = 120
FUNCTION_LINES = 40
COMMENTS_PER_100_LINES = 3

ALL = modules()


def each_module(test: Callable[[Module], None]) -> Callable[[], None]:
    """Make one test of a test of a module: it looks at all of them, and names those that fail."""

    @wraps(test)
    def whole() -> None:
        failures = []
        for module in ALL:
            try:
                test(module)
            except AssertionError as error:
                failures.append(f"{module.name}: {error}")
        assert failures == []

    del whole.__wrapped__  # type: ignore[attr-defined]  # or pytest would ask for a fixture `module`
    return whole


def room(name: str) -> str:
    """Name the room of a module: the folder or file below jobd; a folder's entry point is one of the program's."""
    parts = name.split(".")
    if parts[-1] == "__main__":
        return "__main__"
    return parts[1] if len(parts) > 1 else parts[0]


def daemon_room(name: str) -> str:
    """Name the room inside the daemon: the folder, "" for what lies in none."""
    parts = name.split(".")
    return parts[2] if len(parts) > 2 and parts[2] in DAEMON_RANK else ""


def forbidden(module: Module, package: list[Module]) -> list[str]:
    """List the imports of a module that break the order of the layers."""
    mine = room(module.name)
    bad = []
    for target in sorted(edges(package)[module.name]):
        other = room(target)
        if module.name in ALONE:
            bad.append(f"{module.name} imports {target}, but must import nothing of jobd")
        elif mine != other and (RANK[other] > RANK[mine] or {mine, other} == {"daemon", "client"}):
            bad.append(f"{module.name} ({mine}) imports {target} ({other})")
    return bad


def test_every_room_has_its_layer() -> None:
    """A new file or folder below jobd says which layer it belongs to."""
    assert {room(module.name) for module in ALL} <= RANK.keys()


@each_module
def test_lower_never_imports_higher(module: Module) -> None:
    """Imports go downwards only, lazy and type-only ones counted."""
    assert forbidden(module, ALL) == []


def test_no_cycles_between_modules() -> None:
    """No module reaches itself again by imports of any kind."""
    assert cycles(edges(ALL)) == []


def test_no_cycles_between_rooms() -> None:
    """No folder reaches itself again through another one."""
    graph: dict[str, set[str]] = {}
    for module, targets in edges(ALL).items():
        graph.setdefault(room(module), set()).update({room(target) for target in targets} - {room(module)})
    assert cycles(graph) == []


def test_no_cycles_between_rooms_of_the_core() -> None:
    """Inside the core no folder reaches itself again through another one, or through a file beside it."""
    folders = {path.name for path in (PACKAGE / "core").iterdir() if path.is_dir()}

    def place(name: str) -> str:
        part = name.split(".")[2:3]
        return part[0] if part and part[0] in folders else name

    graph: dict[str, set[str]] = {}
    for module, targets in edges(ALL).items():
        if room(module) == "core":
            graph.setdefault(place(module), set()).update({place(target) for target in targets} - {place(module)})
    assert cycles(graph) == []


@each_module
def test_the_rooms_of_the_daemon(module: Module) -> None:
    """Inside the daemon imports go downwards, too; the database and the attempts do not know each other."""
    if room(module.name) != "daemon":
        return
    mine = daemon_room(module.name)
    higher = [
        target
        for target in edges(ALL)[module.name]
        if room(target) == "daemon"
        and daemon_room(target) != mine
        and DAEMON_RANK[daemon_room(target)] >= DAEMON_RANK[mine]
    ]
    assert higher == []


@each_module
def test_core_is_pure(module: Module) -> None:
    """The rules import nothing that could touch the world, and read no clock."""
    if room(module.name) != "core":
        return
    impure = [
        f"line {item.line}: {item.module} {item.name}"
        for item in module.imports
        if item.module not in PURE
        and not item.module.startswith("jobd.core")
        and item.name not in PURE_NAMES.get(item.module, set())
        and item.module.partition(".")[0] not in PURE
    ]
    clocks = [
        f"line {node.lineno}: {node.attr}()"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]
    assert impure + clocks == []


@each_module
def test_programs_of_their_own_use_the_standard_library_only(module: Module) -> None:
    """The shim and the zygote start in an interpreter without site packages."""
    if module.name in ALONE:
        assert {item.module.partition(".")[0] for item in module.imports} <= sys.stdlib_module_names


@each_module
def test_clients_load_nothing_heavy(module: Module) -> None:
    """A command starts quickly: what is slow to import is imported where it is used."""
    if room(module.name) in CLIENT_ROOMS:
        heavy = [item for item in module.imports if item.at_load and item.module.partition(".")[0] in HEAVY]
        assert heavy == []


@each_module
def test_sizes(module: Module) -> None:
    """A module fits a few screens and a function one."""
    long = [
        f"{function.name}: {length} lines"
        for function in module.functions()
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    ]
    assert module.line_count <= MODULE_LINES
    assert long == []


def test_half_of_the_modules_are_short() -> None:
    """Most rooms are small."""
    short = [module for module in ALL if module.line_count < SHORT_MODULE_LINES]
    assert 2 * len(short) >= len(ALL)


@each_module
def test_everything_public_is_documented(module: Module) -> None:
    """Each module, class and function says what it is."""
    nodes = [module.tree, *module.public()]
    assert [getattr(node, "name", module.name) for node in nodes if not ast.get_docstring(node)] == []


@each_module
def test_names_say_what_things_are(module: Module) -> None:
    """Nothing is called after the drawer it lies in."""
    names = [*module.name.split("."), *(node.name for node in module.classes())]
    words = {word.lower() for name in names for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
    assert words & BANNED == set()


def test_few_comments() -> None:
    """Comments say only why; what is said by names and docstrings."""
    comments = sum(module.comment_count for module in ALL)
    lines = sum(module.line_count for module in ALL)
    assert 100 * comments <= COMMENTS_PER_100_LINES * lines


@each_module
def test_no_module_is_a_thicket_of_comments(module: Module) -> None:
    """The measure holds in each room too, with room for one more in a small one."""
    assert module.comment_count <= 1 + COMMENTS_PER_100_LINES * module.line_count / 100


PLANTED = {
    "core/rules.py": "from jobd import config\n",
    "config.py": "def later():\n    from jobd.client import call\n",
    "client.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from jobd.daemon.engine import Engine\n",
    "daemon/engine.py": "from .attempts.zygote import run\nfrom .. import config\nfrom jobd import __version__\n",
    "daemon/attempts/zygote.py": "import jobd.core.rules\n",
    "__init__.py": "__version__ = '1'\n",
}


def test_a_planted_breach_is_found(tmp_path: Path) -> None:
    """Each kind of forbidden import is seen: top level, lazy, for types, relative; and the allowed ones are not."""
    for name, text in PLANTED.items():
        path = tmp_path / "jobd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    package = modules(tmp_path)
    found = {module.name: forbidden(module, package) for module in package}
    assert found == {
        "jobd": [],
        "jobd.client": ["jobd.client (client) imports jobd.daemon.engine (daemon)"],
        "jobd.config": ["jobd.config (config) imports jobd.client (client)"],
        "jobd.core.rules": ["jobd.core.rules (core) imports jobd.config (config)"],
        "jobd.daemon.engine": [],
        "jobd.daemon.attempts.zygote": [
            "jobd.daemon.attempts.zygote imports jobd.core.rules, but must import nothing of jobd"
        ],
    }
    everyone = ["jobd.client", "jobd.config", "jobd.core.rules", "jobd.daemon.attempts.zygote", "jobd.daemon.engine"]
    assert cycles(edges(package)) == [everyone]


def test_the_whole_package_was_read() -> None:
    """The tests above saw every Python file."""
    assert {module.path for module in ALL} == set(PACKAGE.rglob("*.py"))
    assert ALL
