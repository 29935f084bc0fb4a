"""Start a daemon in the background and wait until it serves, or say why it does not.

The daemon inherits nothing but the descriptor on which it says that it is ready. Where there is a systemd user manager
the daemon is put into its care, so that it outlives the session; where that does not work, it is simply detached. From
inside a job only the manager can start it: anything else would be one of the job's processes, and end with them.
"""

import errno
import fcntl
import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from jobd.client.environment import NOT_INHERITED
from jobd.config import Paths
from jobd.core.errors import DaemonDidNotStart, StateDirectoryUnusable

#: Where the daemon finds the descriptor it reports to; the first one after stdin, stdout and stderr.
READY_FD = 3
#: Descriptors of our own stay above those that are arranged for the daemon.
ABOVE = 10
UNIT = "jobd.socket"
UNIT_PLACES = ("~/.config/systemd/user", "/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
SCOPE = "systemd-run --user --scope --quiet --collect --".split()
INSIDE = "from inside a job it would be one of its processes and end with it; start it outside of the job"
#: Lines of the log that a failure shows, and how much of its end is searched for them.
SHOWN_LINES, SHOWN_BYTES = 3, 4096

Environ = Mapping[str, str]


class Launcher:
    """Knows how to start the daemon of one state directory: `start` is its command line, without --ready-fd."""

    def __init__(self, paths: Paths, start: Sequence[str], environ: Environ) -> None:
        self._paths = paths
        self._start = [*start, "--ready-fd", str(READY_FD)]
        self._environ = {name: value for name, value in environ.items() if name not in NOT_INHERITED}
        self._inside = bool(environ.get("JOBD_COOKIE"))
        self.log = os.path.join(paths.root, "log", "startup.log")

    def lock(self) -> int | None:
        """Become the one that starts the daemon, for as long as the descriptor is open; None if another one is.

        Makes the state directory. Raises StateDirectoryUnusable.
        """
        path = os.path.join(self._paths.root, "start.lock")
        try:
            _make_directory(os.fspath(self._paths.root))
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StateDirectoryUnusable(path=os.fspath(self._paths.root), problem=error.strerror) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def launch(self, deadline: float) -> None:
        """Start the daemon and wait until it is ready, at most until the deadline. Raises DaemonDidNotStart."""
        said = ""
        runtime = self._environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
        if os.path.exists(os.path.join(runtime, "systemd", "private")):
            managed = {**self._environ, "XDG_RUNTIME_DIR": runtime}
            if self._unit_installed() and self._started_unit(managed, deadline):
                return
            said = "" if self._inside else self._in_scope(managed, deadline)
        if self._inside:
            raise DaemonDidNotStart(problem=INSIDE, log=self.log)
        said = said or self._wait(self._start, self._environ, deadline)
        if said != "ok":
            raise DaemonDidNotStart(problem=said or self._last_words(), log=self.log)

    def _unit_installed(self) -> bool:
        """Say whether a unit listens for this very state directory: it knows the usual one only."""
        usual = os.path.expanduser("~/.local/state/jobd")
        places = (os.path.join(os.path.expanduser(place), UNIT) for place in UNIT_PLACES)
        return os.fspath(self._paths.root) == usual and any(map(os.path.exists, places))

    def _started_unit(self, environ: Environ, deadline: float) -> bool:
        control = _found("systemctl", environ)
        if control is None:
            return False
        pid = os.posix_spawn(control, [control, "--user", "--quiet", "start", UNIT], environ, file_actions=_SILENT)
        while time.monotonic() < deadline:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return status == 0
            time.sleep(0.005)
        return False

    def _in_scope(self, environ: Environ, deadline: float) -> str:
        program = _found(SCOPE[0], environ)
        return self._wait([program, *SCOPE[1:], *self._start], environ, deadline) if program else ""

    def _wait(self, argv: list[str], environ: Environ, deadline: float) -> str:
        """Start a process and give what it says on its ready descriptor; nothing if it ended without a word."""
        ours, theirs = os.pipe()
        try:
            self._spawn(argv, environ, theirs)
        except OSError as error:
            os.close(ours)
            return f"{argv[0]}: {error.strerror}"
        finally:
            os.close(theirs)
        try:
            return _told(ours, deadline)
        finally:
            os.close(ours)

    def _spawn(self, argv: list[str], environ: Environ, ready: int) -> None:
        _make_directory(os.path.dirname(self.log))
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, ABOVE) for fd in (log, ready)]
        os.close(log)
        try:
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                *((os.POSIX_SPAWN_DUP2, moved[0], fd) for fd in (1, 2)),
                (os.POSIX_SPAWN_DUP2, moved[1], READY_FD),
                *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd > READY_FD),
            ]
            _detached(argv, environ, actions)
        finally:
            for fd in moved:
                os.close(fd)

    def _last_words(self) -> str:
        try:
            with open(self.log, "rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - SHOWN_BYTES, 0))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            lines = []
        words = [line.strip() for line in lines if line.strip()]
        return " | ".join(words[-SHOWN_LINES:]) or "it ended without a word"


_SILENT = [
    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
]


def _detached(argv: list[str], environ: Environ, actions: Sequence[tuple[object, ...]]) -> None:
    """Spawn in a session of its own, with the signals of a fresh process."""
    settings = {"setsigdef": signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}, "setsigmask": ()}
    spawn: Callable[..., int] = os.posix_spawn
    try:
        spawn(argv[0], argv, environ, file_actions=actions, setsid=True, **settings)
    except NotImplementedError:
        spawn(argv[0], argv, environ, file_actions=actions, setpgroup=0, **settings)


def _told(ready: int, deadline: float) -> str:
    said = b""
    while b"\n" not in said:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([ready], [], [], left)[0]:
            return "it was not ready in time"
        chunk = os.read(ready, SHOWN_BYTES)
        if not chunk:
            break
        said += chunk
    return said.decode("utf-8", "replace").strip()


def _inheritable() -> list[int]:
    """List the descriptors that a program started from here would get: those that came from outside."""
    try:
        return [int(name) for name in os.listdir("/dev/fd") if _is_inheritable(int(name))]
    except OSError:
        return []


def _is_inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


def _make_directory(path: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return


def _found(program: str, environ: Environ) -> str | None:
    """Find a program as the shell would."""
    candidates = (os.path.join(folder, program) for folder in os.get_exec_path(environ))
    return next((path for path in candidates if os.access(path, os.X_OK)), None)
