"""Run one attempt of a job and leave its exact fate in the attempt's directory.

A program of its own (``python -I -S shim.py DIR``) and the code that zygote.py forks; nothing of jobd is imported.
The rule: the command starts strictly after the claim, the exit record is written strictly before the lock is released
(only the end of this process does that), and a shim killed in between leaves files that say what did not happen.
Nothing is imported after a fork. A page that a shim has touched is memory of its own for as long as the job runs; so
there are plain functions here and names bound at load, and whatever its child can do instead, its child does.
"""

from __future__ import annotations

import errno
import gc
import posix
import sys
import time
from _signal import SIGTERM, signal  # type: ignore[import-not-found]
from fcntl import LOCK_EX, LOCK_NB, flock
from posix import O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY, WNOHANG, _exit, close, fsync, read, write
from posix import open as open_file
from time import clock_gettime_ns, sleep, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable
    from resource import struct_rusage

    Sockets = tuple[socket | None, socket | None]

_folder = __file__.rpartition("/")[0]
sys.path.insert(0, _folder)
launch = __import__("launch")
notify = __import__("notify")
process = __import__("process")
sys.path.remove(_folder)

#: Where JOBD_CRASH can kill a shim, in the order in which it passes them.
CRASH_POINTS = (
    *("shim_start", "shim_locked", "before_claim", "after_claim", "after_go", "after_answer"),
    *("main_exited", "exit_written", "exit_renamed", "shim_leaving"),
)
crash = process.crash

ENDED, FAILED, NOT_MINE = 0, 1, 75
RECORD_BYTES = 1024
NEWS_BYTES = 512
LOCK_TRIES, LOCK_PAUSE = 10, 0.01
SHORTEST_DELAY, LONGEST_DELAY = 0.05, 5.0
ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
#: Failures that may pass: nobody but the shim knows how the job ended, so it tries for ever.
PASSING = {getattr(errno, name) for name in "ENOSPC EDQUOT EIO EROFS EMFILE ENFILE ENOMEM".split()}
CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
CLAIM = b'{"v":1,"by":"shim","boot":"%s","pidns":%d,"shim":%d,"shim_start":%d,"pid":%d,"start":%d,"t0":%d}\n'
EXIT = (
    b'{"v":1,"status":%d,"exec_errno":%s,"exec_step":%s,"t0":%d,"t1":%d,"elapsed_ns":%d,"boot":"%s","utime":%.6f,'
    b'"stime":%.6f,"maxrss_kb":%d,"floor_kb":%d,"inblock":%d,"oublock":%d,"nvcsw":%d,"nivcsw":%d}'
)

_boot, _pidns = process.whereabouts()


def run(path: bytes, umask: int, channel: socket | None = None) -> int:
    """Run the attempt in a directory, and be its witness until nothing of it is left.

    Answers the daemon through the channel: `claimed`, `fenced` or `failed`. Returns the exit status of the shim: 0 at
    the end, 75 if the attempt is somebody else's, 1 if it could not be run or recorded.
    """
    crash("shim_start")
    process.take_name(b"jobd-shim")
    process.adopt_orphans()
    pid = go = 0
    try:
        directory = open_file(path, O_RDONLY | posix.O_DIRECTORY)
        lock = seize(directory)
        if lock < 0:
            answer(channel, b"failed", path, b"%d another shim holds the lock" % errno.EWOULDBLOCK)
            return NOT_MINE
        crash("shim_locked")
        record, ears = reserve(directory), notify.prepare()
        began = time_ns(), clock_gettime_ns(ELAPSED)
        pid, go, news = spawn(path, directory, lock, umask, (channel, ears))
        crash("before_claim")
        claim = make_claim(directory, pid, began[0])
    except (OSError, MemoryError) as error:
        give_up(pid, go)
        answer(channel, b"failed", path, explain(error))
        return FAILED
    if claim is None:
        give_up(pid, go)
        answer(channel, b"fenced", path, b"")
        return NOT_MINE
    crash("after_claim")
    start(go)
    crash("after_go")
    answer(channel, b"claimed", path, claim)
    if channel:
        channel.close()
    crash("after_answer")
    outcome = watch(pid, hear(news), directory, record, began, ears)
    crash("shim_leaving")
    return outcome


def open_in(directory: int, name: bytes, flags: int) -> int:
    """Open a file of the attempt's directory, private to the user if it is made. Raises OSError."""
    return open_file(name, flags | O_NOFOLLOW, 0o600, dir_fd=directory)


def seize(directory: int) -> int:
    """Take the lock and return it, or -1 if another shim has it; a daemon that probes it holds it for microseconds."""
    lock = open_in(directory, b"lock", O_RDWR | O_CREAT)
    for _ in range(LOCK_TRIES):
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            sleep(LOCK_PAUSE)
        else:
            return lock
    return -1


def reserve(directory: int) -> int:
    """Open the future exit record, with its room on the disk: it will fit whatever happens. Raises OSError."""
    record = open_in(directory, b"exit.tmp", O_RDWR | O_CREAT)
    try:
        posix.posix_fallocate(record, 0, RECORD_BYTES)
    except (OSError, AttributeError) as error:
        if getattr(error, "errno", errno.ENOSYS) not in CANNOT_RESERVE:
            raise
        posix.pwrite(record, b" " * RECORD_BYTES, 0)
    return record


def spawn(path: bytes, directory: int, lock: int, umask: int, sockets: Sockets) -> tuple[int, int, int]:
    """Fork the child that becomes the job when it is told to go; return its pid and the pipes to and from it.

    `sockets` are those to the daemon and to the job.

    Raises OSError, also for a specification that cannot be opened.
    """
    spec = open_in(directory, b"spec.json", O_RDONLY)
    hear_go, go = posix.pipe()
    news, tell_news = posix.pipe()
    channel, ears = sockets
    unwanted = (go, channel.fileno()) if channel else (go,)
    pid = posix.fork()
    if not pid:
        if ears:
            notify.listen(ears, path)
        launch.become(directory, lock, spec, hear_go, tell_news, umask, process.IGNORED, unwanted)
    signal(SIGTERM, process.forwarder(pid))
    for fd in (spec, hear_go, tell_news):
        close(fd)
    return pid, go, news


def make_claim(directory: int, pid: int, wall: int) -> bytes | None:
    """Make the claim, complete in one step; None = somebody was first, and the job must not run. Raises OSError."""
    me = posix.getpid()
    claim = CLAIM % (_boot, _pidns, me, process.start_ticks(me), pid, process.start_ticks(pid), wall)
    draft = b"claim.%d" % me
    fd = open_in(directory, draft, O_WRONLY | O_CREAT | posix.O_TRUNC)
    try:
        write(fd, claim)
        posix.link(draft, b"claim", src_dir_fd=directory, dst_dir_fd=directory)
    except FileExistsError:
        return None
    finally:
        close(fd)
        posix.unlink(draft, dir_fd=directory)
    return claim


def start(go: int) -> None:
    """Tell the child to go; if it was killed before, its wait status will say so."""
    try:
        write(go, launch.GO)
    except BrokenPipeError:
        return
    close(go)


def give_up(pid: int, go: int) -> None:
    """End the child, if there is one: it was never told to go."""
    if pid:
        close(go)
        posix.waitpid(pid, 0)


def answer(channel: socket | None, *parts: bytes) -> None:
    """Send the daemon the one message it waits for; a daemon that has gone will find everything in the files."""
    if channel:
        try:
            channel.send(b"\0".join(parts))
        except OSError:
            return


def explain(error: OSError | MemoryError) -> bytes:
    """Say in one line, errno first, what could not be done."""
    number = getattr(error, "errno", None) or errno.ENOMEM
    name = getattr(error, "filename", None)
    return b"%d %s" % (number, posix.strerror(number).encode()) + (b": " + name if isinstance(name, bytes) else b"")


def hear(news: int) -> bytes:
    """Listen to the child until it executes the command or ends."""
    said = b""
    while line := read(news, NEWS_BYTES):
        said += line
    close(news)
    return said


def watch(pid: int, said: bytes, directory: int, record: int, began: tuple[int, int], ears: socket | None) -> int:
    """Wait for the job and write its exit record, then for all that it left behind; return the exit status.

    Meanwhile what its programs tell their service manager is written down.
    """
    outcome = ENDED
    main, busy = pid, False
    while True:
        if ears and not busy:
            notify.wait(notify.NEWS)
        try:
            child, status, usage = posix.wait4(-1, WNOHANG if ears else 0)
        except ChildProcessError:
            return outcome
        if ears:
            busy = notify.hear(ears, directory, notify.LAST if child else notify.MANY) or child > 0
        if child == main:
            main = -1
            signal(SIGTERM, process.forwarder(pid, reaped=True))
            crash("main_exited")
            try:
                publish(directory, record, describe(status, usage, said, began))
            except OSError:
                outcome = FAILED
            if b"leave" in said:
                return outcome


def describe(status: int, usage: struct_rusage, said: bytes, began: tuple[int, int]) -> bytes:
    """Write down how the job ended: one line of JSON, always of the same length."""
    facts = dict(line.split() for line in said.decode().splitlines())
    step = next((name for name in launch.STEPS if name in facts), None)
    failure = (facts[step].encode(), b'"%s"' % step.encode()) if step else (b"null", b"null")
    peak = usage.ru_maxrss // launch.RSS_PER_KB
    times = began[0], time_ns(), clock_gettime_ns(ELAPSED) - began[1]
    resources = usage.ru_utime, usage.ru_stime, peak, int(facts.get("floor", peak))
    counts = usage.ru_inblock, usage.ru_oublock, usage.ru_nvcsw, usage.ru_nivcsw
    return (EXIT % (status, *failure, *times, _boot, *resources, *counts)).ljust(RECORD_BYTES - 1) + b"\n"


def publish(directory: int, record: int, text: bytes) -> None:
    """Put the exit record in its place, durably. Raises OSError if that will never be possible."""
    persist(lambda: overwrite(record, text))
    crash("exit_written")
    persist(lambda: posix.rename(b"exit.tmp", b"exit", src_dir_fd=directory, dst_dir_fd=directory))
    crash("exit_renamed")
    persist(lambda: fsync(directory))


def overwrite(record: int, text: bytes) -> None:
    """Write the record over the room reserved for it. Raises OSError."""
    if posix.pwrite(record, text, 0) < len(text):
        raise OSError(errno.ENOSPC, posix.strerror(errno.ENOSPC))
    fsync(record)


def persist(step: Callable[[], object]) -> None:
    """Repeat a step until neither a full disk nor another passing failure refuses it. Raises any other OSError."""
    delay = SHORTEST_DELAY
    while True:
        try:
            step()
            return
        except OSError as error:
            if error.errno not in PASSING:
                raise
        sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY)


def main() -> int:
    """Run the attempt whose directory is the only argument; return the exit status."""
    if not sys.argv[1:]:
        sys.stderr.write("shim.py: name one attempt directory\n")
        return FAILED
    path = sys.argv[1].encode(sys.getfilesystemencoding(), "surrogateescape")
    if not path.startswith(b"/"):
        path = posix.getcwdb() + b"/" + path
    gc.disable()
    return run(path, process.settle())


if __name__ == "__main__":
    _exit(main())
