"""What can be known to fail before a job is taken: a directory that is not there, a command that cannot be executed."""

import errno
import os
import stat
from collections.abc import Sequence

from jobd.core.errors import CannotStart, CommandNotFound
from jobd.core.text import Lossless, plain, raw

DEFAULT_PATH = b"/usr/local/bin:/usr/bin:/bin"


def check(argv: Sequence[Lossless], cwd: Lossless, environment: Sequence[Lossless], stdin: Lossless | None) -> None:
    """Look whether a command could start now. Raises CannotStart or CommandNotFound, naming what is missing."""
    folder, command = raw(cwd), raw(argv[0])
    if not command:
        raise CommandNotFound(command="''", problem="a command needs a name")
    if not os.path.isabs(folder):
        raise CannotStart(command=plain(argv[0]), problem=f"{plain(cwd)} is not an absolute path to work in")
    if not os.path.isdir(folder):
        raise CannotStart(command=plain(argv[0]), problem=f"no directory {plain(cwd)}")
    if stdin is not None and not os.access(os.path.join(folder, raw(stdin)), os.R_OK):
        raise CannotStart(command=plain(argv[0]), problem=f"its input {plain(stdin)} cannot be read")
    if stdin is not None and os.path.isdir(os.path.join(folder, raw(stdin))):
        raise CannotStart(command=plain(argv[0]), problem=f"its input {plain(stdin)} is a directory")
    if b"/" in command:
        _check_file(plain(argv[0]), os.path.join(folder, command))
        return
    found = [path for path in _candidates(command, folder, environment) if os.path.exists(path)]
    if not found:
        raise CommandNotFound(command=plain(argv[0]), problem="not found in PATH")
    if not any(_executable(path) for path in found):
        raise CannotStart(command=plain(argv[0]), problem=f"{os.fsdecode(found[0])} is not executable")


def _check_file(name: str, path: bytes) -> None:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise CommandNotFound(command=name, problem="no such file") from None
        raise CannotStart(command=name, problem=error.strerror) from None
    if stat.S_ISDIR(mode):
        raise CannotStart(command=name, problem="it is a directory")
    if not _executable(path):
        raise CannotStart(command=name, problem="it is not executable (chmod +x)")


def _executable(path: bytes) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _candidates(command: bytes, folder: bytes, environment: Sequence[Lossless]) -> list[bytes]:
    search = DEFAULT_PATH
    for variable in environment:
        name, _, value = raw(variable).partition(b"=")
        if name == b"PATH":
            search = value
    return [os.path.join(folder, part or b".", command) for part in search.split(b":")]
