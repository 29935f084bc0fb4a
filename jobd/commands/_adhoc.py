"""Run a command without a daemon: the client makes the attempt's directory and starts the shim.

So a command under `jobd run` runs, whatever has become of the daemon: cron's jobs do not depend on it. The next daemon
takes the record in.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jobd.client.connection import check_directory
from jobd.commands._output import Source, Style
from jobd.commands.submit import named_after
from jobd.core.errors import JobdError, StateDirectoryUnusable
from jobd.core.views import status_parts
from jobd.growth import Watch
from jobd.ui.live import LiveLine

if TYPE_CHECKING:
    import subprocess

    from jobd.commands._shell import Shell
    from jobd.commands.submit import Submit


def run_alone(shell: "Shell", asked: "Submit", why: JobdError, *, quiet_ok: bool) -> int:
    """Run the command under a shim of its own, show its output and give its exit status."""
    import subprocess

    from jobd.daemon import directory, preflight

    preflight.check(asked.argv, asked.cwd, asked.surroundings.environment, asked.stdin)
    path = _directory(shell)
    shell.screen.notice(f"{why.message}; the command runs without it, its record is taken in later")
    report = path / "report"
    extra = (f"JOBD_FD={directory.REPORT_FD}", f"JOBD_REPORT={report}", f"JOBD_COOKIE={path.name}")
    directory.prepare(
        path,
        directory.SpecFile(
            job=0, attempt=1, name=asked.name or named_after(asked.argv[0]), cookie=path.name, argv=asked.argv,
            cwd=asked.cwd, env=(*asked.surroundings.environment, *extra), umask=asked.surroundings.umask,
            nice=asked.nice, rlimits=asked.surroundings.limits, split=asked.split, stdin=asked.stdin, leftover="wait",
        ),
    )  # fmt: skip
    program = Path(directory.__file__).with_name("shim.py")
    shim = subprocess.Popen([sys.executable, "-I", "-S", str(program), str(path)], start_new_session=True)
    _show(shell, path, shim, show=not quiet_ok)
    record = directory.read_exit(path)
    code, signal = status_parts(record.status if record else None)
    status = code if code is not None else 128 + signal if signal is not None else 125
    if quiet_ok and status:
        _show(shell, path, shim, show=True)
        shell.screen.notice(f"{asked.name or named_after(asked.argv[0])} ended with status {status}")
    return status


def _directory(shell: "Shell") -> Path:
    """Make the attempt's directory; never where others have their hands in. Raises StateDirectoryUnusable."""
    check_directory(os.fspath(shell.paths.root))
    path = shell.paths.run / f"adhoc-{os.urandom(8).hex()}"
    try:
        for folder in (shell.paths.state, shell.paths.run, path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=folder is not path)
    except OSError as error:
        raise StateDirectoryUnusable(path=str(shell.paths.root), problem=error.strerror) from None
    return path


def _show(shell: "Shell", path: Path, shim: "subprocess.Popen[bytes]", *, show: bool) -> None:
    """Follow the output until the shim has ended, or just wait for that."""
    names = ("output", "stdout", "stderr")
    if not show:
        shim.wait()
        return
    with LiveLine(shell.screen) as live, Watch() as watch:
        sources: dict[str, Source] = {}
        descriptor = os.pidfd_open(shim.pid) if shim.poll() is None else None
        while True:
            over = descriptor is None or shim.poll() is not None
            for name in names:
                if name not in sources and (path / name).exists():
                    sources[name] = Source(shell.screen, live, path / name, 0, Style(0, name))
            for source in sources.values():
                source.show()
            if over:
                break
            waiting = [descriptor] if descriptor is not None else []
            watch.wait([source.follower for source in sources.values()], waiting, 1.0 if sources else 0.05)
        for source in sources.values():
            source.finish()
        if descriptor is not None:
            os.close(descriptor)
