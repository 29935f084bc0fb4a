"""What all tests share: a clean environment, and a state directory of their own that leaves no process behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from tests.waiting import until

settings.register_profile("jobd", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("jobd")

FOREIGN = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "JOURNAL_STREAM", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")


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
        yield


@pytest.fixture
def state_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a fresh JOBD_DIR, short enough for a socket; at the end kill whatever still runs in it and remove it."""
    path = Path(tempfile.mkdtemp(prefix="jobd-", dir="/tmp"))
    monkeypatch.setenv("JOBD_DIR", str(path))
    yield path
    end_processes(path)
    shutil.rmtree(path, ignore_errors=True)


def end_processes(path: Path) -> None:
    """Kill every process that works in the directory, until none is left."""
    if path.exists() and any(path.iterdir()):
        until(lambda: not _kill(_working_in(str(path))), what=f"no process left in {path}")


def _kill(processes: set[psutil.Process]) -> set[psutil.Process]:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    return processes


def _working_in(path: str) -> set[psutil.Process]:
    """Find daemon, zygote, shims and jobs by the unique path they carry, and all that they started."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = set[psutil.Process]()
    for process in psutil.process_iter():
        try:
            if process.pid not in own and process.status() != psutil.STATUS_ZOMBIE and _carries(process, path):
                found |= {process, *process.children(recursive=True)}
        except psutil.Error:
            continue
    return found


def _carries(process: psutil.Process, path: str) -> bool:
    return (
        path in " ".join(process.cmdline())
        or process.environ().get("JOBD_DIR") == path
        or process.cwd().startswith(path)
        or any(file.path.startswith(path) for file in process.open_files())
    )
