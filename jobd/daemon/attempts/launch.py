"""Turn a forked child into the job: wait for the word, prepare what the specification asks for, exec the command.

Loaded by shim.py before it forks; standard library only, nothing of jobd. The rule: a child that is not told to go
leaves the proof that nothing ran, and one that cannot become the job says at which step and with which errno.
"""

from __future__ import annotations

import errno
import posix
import resource
import sys
from _signal import SIG_DFL, SIG_SETMASK, pthread_sigmask, signal  # type: ignore[import-not-found]
from binascii import a2b_base64
from posix import O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_RDONLY, O_WRONLY, _exit, close, dup2, execve, read, write
from posix import open as open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    Numbers = tuple[int, ...]

GO = b"g"
NEVER_RAN, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
#: What can fail between the claim and the first instruction of the command.
STEPS = ("spec", "output", "cwd", "stdin", "exec")
#: Failures after which execvp(3) looks into the next directory of PATH.
SEARCH_ON = {getattr(errno, name) for name in "EACCES ENOENT ENOTDIR ENODEV ESTALE ETIMEDOUT".split()}
DEFAULT_PATH = b"/usr/local/bin:/usr/bin:/bin"
SHELL = b"/bin/sh"
CHUNK = 65536
HIGHEST_OOM_SCORE = 1000
RSS_PER_KB = 1024 if sys.platform == "darwin" else 1
#: How far the peak that a command starts with may lie above the one read just before: exec touches some pages more,
#: and the kernel counts in batches for each CPU (0.6 MB seen).
EXEC_KB = 1024


class _PlainJson:
    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


try:
    from _json import make_scanner

    _scan = make_scanner(_PlainJson())  # type: ignore[arg-type]

    def decode(text: str) -> Any:
        """Read JSON without the json package, which would make the zygote half as large again."""
        return _scan(text, 0)[0]
except (ImportError, AttributeError):
    from json import loads as decode  # type: ignore[assignment]


def become(
    directory: int, lock: int, spec: int, go: int, news: int, umask: int, ignored: Numbers, unwanted: Numbers
) -> NoReturn:
    """Become the job of an attempt, in a process that has just been forked; end it if that fails.

    `directory`, `lock` and `spec` are open; `go` is the pipe to wait on, `news` the one that tells the shim, one a
    line, `leave 1`, `floor KILOBYTES` and `STEP ERRNO`. `umask` is for a specification that names none; `ignored` are
    the signals that the shim ignores, `unwanted` its descriptors that must not stay open until the exec.
    """
    status, step = NOT_EXECUTABLE, "spec"
    try:
        for fd in unwanted:
            close(fd)
        posix.setsid()
        pthread_sigmask(SIG_SETMASK, ())
        for number in ignored:
            signal(number, SIG_DFL)
        wait_for_go(go, directory)
        close(lock)
        job = decode(read_whole(spec).decode())
        step = "output"
        open_output(directory, job)
        step = "cwd"
        posix.umask(umask if job["umask"] is None else job["umask"])
        posix.chdir(octets(job["cwd"]))
        step = "stdin"
        path = b"/dev/null" if job["stdin"] is None else octets(job["stdin"])
        dup2(open_file(path, O_RDONLY | O_NOCTTY), 0)
        step = "exec"
        execute(job, news)
    except BaseException as error:  # noqa: BLE001
        failure = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None) or errno.EINVAL
        status = NOT_FOUND if (step, failure) == ("exec", errno.ENOENT) else NOT_EXECUTABLE
        tell(news, step, failure)
    finally:
        _exit(status)


def wait_for_go(go: int, directory: int) -> None:
    """Block until the shim has claimed; if it died before it could say so, leave `noexec` and end.

    The lock is held through this process too: nobody else can claim and run between the look at the claim and the
    proof.
    """
    if read(go, 1) != GO:
        try:
            if not claimed_by_another(directory):
                write(open_file(b"noexec", O_WRONLY | O_CREAT, 0o600, dir_fd=directory), b'{"v":1}\n')
        finally:
            _exit(NEVER_RAN)


def claimed_by_another(directory: int) -> bool:
    """Tell whether there is a claim that does not name this process: of another shim, whose command may have run."""
    try:
        claim = open_file(b"claim", O_RDONLY, dir_fd=directory)
    except FileNotFoundError:
        return False
    return b'"pid":%d,' % posix.getpid() not in read(claim, 1024)


def read_whole(spec: int) -> bytes:
    """Read a file to its end."""
    text = b""
    while part := read(spec, CHUNK):
        text += part
    return text


def tell(news: int, what: str, number: int) -> None:
    """Send the shim one line."""
    write(news, f"{what} {number}\n".encode())


def octets(text: str | dict[str, str]) -> bytes:
    """Give the bytes of a text of the specification: a string, or base64 where they are not UTF-8."""
    return text.encode() if isinstance(text, str) else a2b_base64(text["b64"], strict_mode=True)


def open_output(directory: int, job: dict[str, Any]) -> None:
    """Put the output files and the report file where the job writes."""
    flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW
    dup2(open_file(b"stdout" if job["split"] else b"output", flags, 0o600, dir_fd=directory), 1)
    dup2(open_file(b"stderr", flags, 0o600, dir_fd=directory) if job["split"] else 1, 2)
    dup2(open_file(b"report", flags, 0o600, dir_fd=directory), job["report_fd"])


def execute(job: dict[str, Any], news: int) -> None:
    """Replace this process by the command. Raises the OSError of execvp(3)."""
    argv = [octets(text) for text in job["argv"]]
    environment = {name: value for name, _, value in (octets(text).partition(b"=") for text in job["env"])}
    if job["cgroup"] is not None:
        if_possible(put, octets(job["cgroup"]) + b"/cgroup.procs", b"0")
    if job["oom_score"]:
        if_possible(offer_to_oom_killer, job["oom_score"])
    if job["nice"]:
        if_possible(posix.nice, job["nice"])
    if job["leftover"] == "leave":
        tell(news, "leave", 1)
    tell(news, "floor", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // RSS_PER_KB + EXEC_KB)
    for name, (soft, hard) in job["rlimits"].items():
        limit(name, soft, hard)
    search(argv, environment)


def if_possible(action: Callable[..., object], *arguments: object) -> None:
    """Do something for the job that it can go without."""
    try:
        action(*arguments)
    except OSError:
        return


def put(path: bytes, text: bytes) -> None:
    """Write to a file of the kernel's. Raises OSError."""
    fd = open_file(path, O_WRONLY)
    try:
        write(fd, text)
    finally:
        close(fd)


def offer_to_oom_killer(score: int) -> None:
    """Make this process likelier to be killed when memory runs out: `score` more than it inherited. Raises OSError."""
    path = b"/proc/self/oom_score_adj"
    inherited = int(read(open_file(path, O_RDONLY), 16))
    put(path, b"%d" % min(inherited + score, HIGHEST_OOM_SCORE))


def limit(name: str, soft: int, hard: int) -> None:
    """Set a resource limit, or come as near as the present hard limit allows; leave alone what the system lacks."""
    kind = getattr(resource, f"RLIMIT_{name}", None)
    if kind is None:
        return
    try:
        resource.setrlimit(kind, (soft, hard))
    except (OSError, ValueError):
        ceiling = resource.getrlimit(kind)[1]
        if_possible(resource.setrlimit, kind, (lowest(soft, ceiling), ceiling))


def lowest(soft: int, ceiling: int) -> int:
    """Give the lower of two limits."""
    return soft if ceiling == resource.RLIM_INFINITY or -1 < soft < ceiling else ceiling


def search(argv: list[bytes], environment: dict[bytes, bytes]) -> None:
    """Execute the command as execvp(3) does, with the PATH of its own environment. Raises OSError."""
    file = argv[0]
    if b"/" in file:
        run_file(file, argv, environment)
    failure = errno.ENOENT
    for directory in environment.get(b"PATH", DEFAULT_PATH).split(b":") if file else ():
        try:
            run_file(directory + b"/" + file if directory else file, argv, environment)
        except OSError as error:
            if error.errno not in SEARCH_ON:
                raise
            if error.errno == errno.EACCES:
                failure = errno.EACCES
    raise OSError(failure, posix.strerror(failure))


def run_file(path: bytes, argv: list[bytes], environment: dict[bytes, bytes]) -> None:
    """Execute a file, or let the shell read it if it is a script without a first line that names its interpreter."""
    try:
        execve(path, argv, environment)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        execve(SHELL, [SHELL, path, *argv[1:]], environment)
