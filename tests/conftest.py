"""What all tests share: a clean environment, and a state directory of their own that leaves no process behind."""

import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.living import short_directory
from tests.waiting import until

settings.register_profile("jobd", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("jobd"), max_examples=1000)
settings.load_profile("jobd")

#: PF_KTHREAD of linux/sched.h.
OF_THE_KERNEL = 0x00200000
FOREIGN = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "JOURNAL_STREAM", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")


def pytest_configure() -> None:
    """Keep what is compiled: to rewrite the asserts of all tests takes longer than to run many of them.

    Signals do what they usually do, though a script or nohup that runs the tests has them ignored.
    """
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let each of several workers compile other files first, so that no two of them do the same.

    What is made now, and when tests are collected, stays to the end: no search for garbage has to look at it.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    gc.disable()
    if session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        files = sorted(Path(__file__).parent.rglob("test_*.py"))
        for path in files[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
            with suppress(Exception):  # it is told when the file is collected
                importlib.import_module(".".join(path.relative_to(session.config.rootpath).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Search for garbage from now on."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Let `-n auto` be one more than there are processors: many tests wait for processes."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the user's own jobd from every test: no JOBD_* variable, no configuration, no state."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("JOBD_") or name in FOREIGN:
                patch.delenv(name)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture
def state_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a fresh JOBD_DIR, short enough for a socket; at the end kill whatever still runs in it and remove it."""
    with short_directory() as path:
        monkeypatch.setenv("JOBD_DIR", str(path))
        yield path
        end_processes(path)


def end_processes(path: Path) -> None:
    """Kill every process that works in the directory, until none is left."""
    if path.exists() and any(path.iterdir()):
        until(lambda: not _kill(_working_in(str(path))), what=f"no process left in {path}")


def _kill(pids: set[int]) -> set[int]:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


def _working_in(path: str) -> set[int]:
    """Find daemon, zygote, shims and jobs by the unique path they carry, and all that they started.

    It reads /proc itself: this is done after most tests, and takes psutil five times as long.
    """
    parents = dict(_living())
    own = {os.getpid()}
    while (above := {parents.get(pid, 0) for pid in own} - {0}) - own:
        own |= above
    found = {pid for pid in parents.keys() - own if _carries(pid, os.fsencode(path))}
    while more := {pid for pid, parent in parents.items() if parent in found} - found - own:
        found |= more
    return found


def _living() -> Iterator[tuple[int, int]]:
    """Give the processes that are neither zombies nor the kernel's own (proc(5)), and their parents."""
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            state, parent, *_, flags = _read(f"/proc/{name}/stat").rpartition(b") ")[2].split(maxsplit=7)[:7]
            if state not in b"ZX" and not int(flags) & OF_THE_KERNEL:
                yield int(name), int(parent)


def _carries(pid: int, path: bytes) -> bool:
    folder = f"/proc/{pid}"
    with suppress(OSError):
        if path in _read(f"{folder}/cmdline") or path in _read(f"{folder}/environ"):
            return True
        files = [f"{folder}/cwd", *(f"{folder}/fd/{number}" for number in os.listdir(f"{folder}/fd"))]
        return any(_target(file).startswith(path) for file in files)
    return False


def _read(file: str) -> bytes:
    with open(file, "rb", buffering=0) as opened:
        return opened.readall()


def _target(link: str) -> bytes:
    try:
        return os.fsencode(os.readlink(link))
    except OSError:
        return b""
