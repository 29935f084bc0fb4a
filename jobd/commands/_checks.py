"""What `jobd doctor` looks at: a function for each thing, which finds what is wrong and says what to do.

Each looks only; nothing is started, made or repaired.
"""

import os
import resource
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from jobd import __version__
from jobd.client.connection import check_directory, told
from jobd.commands import _service
from jobd.commands._shell import Shell
from jobd.core.errors import DaemonNotRunning, JobdError
from jobd.core.quantities import write_size

#: Bytes free on the disk of the state below which there is a warning, and a failure.
LITTLE, NOTHING = 500 << 20, 10 << 20
#: Descriptors a daemon with many clients and jobs should have.
DESCRIPTORS = 1024


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, how it is, and what to do about it."""

    what: str
    status: Literal["ok", "warn", "fail"]
    said: str
    advice: str = ""


def state_directory(shell: Shell) -> Iterator[Finding]:
    """Look whether the state directory is there and safe."""
    path = os.fspath(shell.paths.root)
    try:
        exists = check_directory(path)
    except JobdError as error:
        yield Finding(what="state", status="fail", said=error.message, advice=error.hint)
        return
    if not exists and os.access(_existing(path), os.W_OK):
        yield Finding(what="state", status="ok", said=f"{path} will be made when it is needed")
        return
    if not os.access(path, os.W_OK):
        yield Finding(
            what="state", status="fail", said=f"{path} cannot be written", advice="Set JOBD_DIR to one that can"
        )
        return
    yield Finding(what="state", status="ok", said=path)


def file_system(shell: Shell) -> Iterator[Finding]:
    """Look at the kind of file system and its room."""
    from jobd.daemon.storage.filesystem import refuse_network

    place = _existing(os.fspath(shell.paths.root))
    try:
        refuse_network(Path(place, "jobd.db"))
    except JobdError as error:
        yield Finding(what="disk", status="fail", said=error.message, advice=error.hint)
    room = os.statvfs(place)
    free = room.f_bavail * room.f_frsize
    status: Literal["ok", "warn", "fail"] = "fail" if free < NOTHING else "warn" if free < LITTLE else "ok"
    said = f"{write_size(free >> 20 << 20)} free in {place}"
    yield Finding(what="disk", status=status, said=said, advice="" if status == "ok" else "Free some space")


def configuration(shell: Shell) -> Iterator[Finding]:
    """Look whether the settings can be read."""
    from jobd.config import config_files

    try:
        shell.check_settings()
    except JobdError as error:
        yield Finding(what="config", status="fail", said=error.message, advice=error.hint)
        return
    found = [path for path in config_files(shell.environ) if os.path.exists(path)]
    yield Finding(what="config", status="ok", said=", ".join(found) or "defaults")


def database(shell: Shell) -> Iterator[Finding]:
    """Look whether the database can be read."""
    from jobd.daemon.storage.reader import Reader

    path = shell.paths.database
    if not os.path.lexists(path):
        yield Finding(what="database", status="ok", said="none to be seen")
        return
    try:
        reader = Reader(path)
        newest = reader.newest_id() or 0
        reader.close()
    except JobdError as error:
        yield Finding(what="database", status="fail", said=error.message, advice=error.hint)
        return
    size = write_size(max(path.stat().st_size >> 10 << 10, 1 << 10))
    yield Finding(what="database", status="ok", said=f"{path.name}, {size}, newest job {newest}")


def daemon(shell: Shell) -> Iterator[Finding]:
    """Look whether a daemon runs, of which version, and what troubles it."""
    from jobd.commands.daemon import Status

    try:
        seen = shell.client.call(Status(), start=False)
    except DaemonNotRunning:
        yield from _nobody(shell)
        return
    except JobdError as error:
        yield Finding(what="daemon", status="fail", said=error.message, advice=error.hint)
        return
    yield Finding(what="daemon", status="ok", said=f"running, pid {seen.pid}")
    if seen.version != __version__:
        advice = "Take the new one into use, jobs run on: jobd daemon restart"
        yield Finding(
            what="version", status="warn", said=f"daemon {seen.version}, program {__version__}", advice=advice
        )
    if seen.slow.count:
        said = f"{seen.slow.count} questions took long, {seen.slow.method} took {seen.slow.slowest:.1f} s"
        advice = "jobd history --explain says how they are searched for"
        yield Finding(what="questions", status="warn", said=said, advice=advice)
    for problem in seen.problems:
        yield Finding(what="daemon", status="fail", said=problem, advice=f"Log: {seen.log}")


def _nobody(shell: Shell) -> Iterator[Finding]:
    if _service.is_free(shell.paths):
        yield Finding(what="daemon", status="ok", said="not running; it starts when it is needed")
        return
    said = told(shell.paths)
    pid = said.get("pid", "unknown")
    advice = f"If it does not answer soon: kill {pid} · log: {shell.paths.daemon_log}"
    yield Finding(what="daemon", status="fail", said=f"pid {pid} holds the lock but does not listen", advice=advice)


def host(shell: Shell) -> Iterator[Finding]:
    """Look whether the state belongs to this machine: a home directory may be shared."""
    theirs, ours = told(shell.paths).get("host"), os.uname().nodename
    if theirs not in (None, ours):
        advice = "Each machine needs a state directory of its own: set JOBD_DIR"
        yield Finding(what="host", status="fail", said=f"a daemon on {theirs} uses this directory", advice=advice)


def descriptors(shell: Shell) -> Iterator[Finding]:  # noqa: ARG001  # all checks are called alike
    """Look how many files may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < DESCRIPTORS:
        advice = f"Allow more: ulimit -n {DESCRIPTORS if hard < 0 or hard >= DESCRIPTORS else hard}"
        yield Finding(what="files", status="warn", said=f"only {soft} open files are allowed", advice=advice)
    else:
        yield Finding(
            what="files", status="ok", said=f"{soft if soft >= 0 else 'any number of'} open files are allowed"
        )


def session(shell: Shell) -> Iterator[Finding]:
    """Look whether processes may outlive the session, where systemd has a say in it."""
    runtime = shell.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    if not os.path.exists(os.path.join(runtime, "systemd", "private")):
        yield Finding(what="session", status="ok", said="no systemd user manager")
        return
    unit = os.path.exists(os.path.join(_service.unit_folder(shell), _service.UNITS[0]))
    lingers = os.path.exists(f"/var/lib/systemd/linger/{shell.environ.get('USER', '')}")
    service = "installed as a service" if unit else "not installed as a service"
    if lingers:
        yield Finding(what="session", status="ok", said=f"processes may outlive your session; jobd is {service}")
    else:
        advice = "If jobs are to outlive your last session: loginctl enable-linger"
        yield Finding(what="session", status="warn", said=f"no lingering; jobd is {service}", advice=advice)


def manual(shell: Shell) -> Iterator[Finding]:
    """Look whether manual pages and completion are where man and the shell look."""
    from jobd.commands import completion

    name = os.path.basename(shell.environ.get("SHELL", ""))
    wanted = {"manual": [completion.man_page(shell, "jobd.1"), *_beside_program(shell, "share/man/man1/jobd.1")]}
    if name in completion.PLACES:
        shared = _SHARED[name]
        wanted["completion"] = [completion.script(shell, name), f"/usr/{shared}", f"/usr/local/{shared}"]
    for what, places in wanted.items():
        found = next(filter(os.path.exists, places), None)
        if found:
            yield Finding(what=what, status="ok", said=found)
        else:
            yield Finding(what=what, status="warn", said="not installed", advice="jobd completion install")


_SHARED = {
    "bash": "share/bash-completion/completions/jobd",
    "zsh": "share/zsh/site-functions/_jobd",
    "fish": "share/fish/vendor_completions.d/jobd.fish",
}


def programs(shell: Shell) -> Iterator[Finding]:
    """Look which `jobd` the shell finds: another program has the same name."""
    found = list(_programs(shell))
    if not found:
        advice = f"Put its directory into PATH, for instance: PATH={os.path.dirname(shell.argv[0])}:$PATH"
        yield Finding(what="PATH", status="warn", said="the shell does not find jobd", advice=advice)
    elif not _is_ours(shell, found[0]):
        advice = "Put the right one first in PATH, or remove the other"
        yield Finding(what="PATH", status="warn", said=f"jobd is {found[0]}, not this program", advice=advice)
    else:
        yield Finding(what="PATH", status="ok", said=found[0])


def _programs(shell: Shell) -> Iterator[str]:
    for folder in os.get_exec_path(shell.environ):
        path = os.path.join(folder, "jobd")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            yield path


def _is_ours(shell: Shell, path: str) -> bool:
    """Whether a script starts the Python that runs here: its first line names it."""
    try:
        with open(path, "rb") as file:
            first = file.readline(4096)
    except OSError:
        return False
    return os.path.dirname(shell.argv[0]).encode() in first


def _beside_program(shell: Shell, path: str) -> list[str]:
    return [os.path.join(os.path.dirname(os.path.dirname(program)), path) for program in _programs(shell)]


def _existing(path: str) -> str:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


ALL: Iterable[Callable[[Shell], Iterator[Finding]]] = (
    *(state_directory, file_system, host, configuration, database, daemon),
    *(descriptors, session, manual, programs),
)
