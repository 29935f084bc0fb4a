"""Be a process that depends on nobody: nothing inherited, a name and a place of its own, and points to be killed at.

Loaded by shim.py and zygote.py before they fork; standard library only, nothing of jobd. The rule: what the system does
not offer (names, subreapers and /proc are Linux's) is done without.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import posix
from posix import O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, close, read
from posix import open as open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

try:
    from ctypes import CDLL, c_ulong

    _prctl, _yes, _no = CDLL(None).prctl, c_ulong(1), c_ulong(0)
except (ImportError, AttributeError, OSError):
    _prctl = None  # type: ignore[assignment]

PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
#: Signals that zygote and shims ignore. What is ignored stays so across exec, so a job must get them back.
IGNORED = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGPIPE, _signal.SIGXFSZ)
#: The first descriptor of these processes' own: 0-2 will be the job's, and one of 3-9 that of its reports.
OWN_FDS = 10
SMALL_FILE = 1024


def _doomed(points: bytes) -> dict[tuple[str, int], int]:
    planned = {}
    for entry in filter(None, points.decode().split(",")):
        point, nth, stop, *_ = f"{entry}::".split(":")
        planned[point, int(nth or 1)] = _signal.SIGSTOP if stop else _signal.SIGKILL
    return planned


_doom = _doomed(posix.environ.pop(b"JOBD_CRASH", b""))
_crash_log = posix.environ.pop(b"JOBD_CRASH_LOG", b"")
#: The number of the request being served: the zygote counts, a shim keeps what it was forked with.
turn = 1


def crash(point: str) -> None:
    """Die here by SIGKILL if JOBD_CRASH (`point:nth,…`) names this point and turn; JOBD_CRASH_LOG is told first.

    `point:nth:stop` stops the process there by SIGSTOP, so that a test can look at what a slow one has done so far.
    """
    if _doom and (point, turn) in _doom:
        if _crash_log:
            posix.write(open_file(_crash_log, O_WRONLY | O_APPEND | O_CREAT, 0o600), f"{point}\n".encode())
        posix.kill(posix.getpid(), _doom[point, turn])


def take_name(name: bytes) -> None:
    """Show this process under a name of its own."""
    if _prctl:
        _prctl(PR_SET_NAME, name, _no, _no, _no)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, and take the wait statuses of all of them."""
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    if _prctl:
        _prctl(PR_SET_CHILD_SUBREAPER, _yes, _no, _no, _no)


def settle(keep: int = -1) -> int:
    """Let go of all that was inherited but the descriptor `keep`; return the inherited umask.

    Descriptors 0-9 are filled with /dev/null: nothing opened later may lie where the job's own descriptors will be.
    """
    for number in set(range(1, _signal.NSIG)) - {_signal.SIGKILL, _signal.SIGSTOP}:
        try:
            _signal.signal(number, _signal.SIG_IGN if number in IGNORED else _signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    null = open_file("/dev/null", O_RDWR)
    for fd in range(OWN_FDS):
        if fd != null:
            posix.dup2(null, fd, inheritable=False)
    for fd in map(int, posix.listdir("/dev/fd")):
        if fd >= OWN_FDS and fd != keep:
            posix.closerange(fd, fd + 1)
    posix.chdir("/")
    return posix.umask(0o077)


def read_small(path: bytes) -> bytes:
    """Read a file of /proc that is one line. Raises OSError."""
    fd = open_file(path, O_RDONLY)
    try:
        return read(fd, SMALL_FILE)
    finally:
        close(fd)


def whereabouts() -> tuple[bytes, int]:
    """Say in which boot and which pid namespace (its inode) this process runs."""
    try:
        return read_small(b"/proc/sys/kernel/random/boot_id").strip(), posix.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return b"", 0


def start_ticks(pid: int) -> int:
    """Say when a process started, in ticks since boot (field 22 of its stat)."""
    try:
        stat = read_small(b"/proc/%d/stat" % pid)
    except OSError:
        return 0
    return int(stat[stat.rindex(b")") + 2 :].split(None, 20)[19])


def children() -> list[int]:
    """List the children of this process, as far as the kernel tells and a small file holds them."""
    try:
        listed = read_small(b"/proc/thread-self/children")
    except OSError:
        return []
    return [int(pid) for pid in listed[: listed.rfind(b" ") + 1].split()]


def group(pid: int) -> int:
    """Say in which process group a process is; 0 if it has gone."""
    try:
        return posix.getpgid(pid)
    except ProcessLookupError:
        return 0


def forwarder(pid: int, *, reaped: bool = False) -> Callable[[int, FrameType | None], None]:
    """Make the handler that passes SIGTERM on to the job's process group, and SIGCONT so that it can act on it.

    Once the main process is `reaped` its number may be anybody's, unless a child of this process is in that group.
    """

    def forward(_number: int, _frame: FrameType | None) -> None:
        if pid > 1 and not (reaped and pid not in map(group, children())):
            try:
                posix.killpg(pid, _signal.SIGTERM)
                posix.killpg(pid, _signal.SIGCONT)
            except ProcessLookupError:
                if not reaped:
                    posix.kill(pid, _signal.SIGTERM)
            except PermissionError:
                return

    return forward
