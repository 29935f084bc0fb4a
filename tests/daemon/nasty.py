"""Grow a process tree that is hard to end: `python -I -S nasty.py KIND [SIZE]`.

Every process of it keeps the standard output it was given, which is how a test finds those that are left.
"""

import os
import signal
import sys
import time
from collections.abc import Callable

DEAF_TO = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)
ZOMBIES = 20
COMET_LIFE = 60.0


def stay() -> None:
    """Live until killed."""
    while True:
        signal.pause()


def deafen() -> None:
    """Ignore, as all that is started from here will, what can be ignored and usually ends a process."""
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_IGN)


def forget_environment() -> None:
    """Become a process that no variable tells of."""
    os.execve("/bin/sleep", ["sleep", "3600"], {})  # noqa: S606 -- a shell would be one process more


def daemonize() -> bool:
    """Fork twice with a new session between; true in the daemon."""
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    return True


def plain() -> None:
    """Two processes that end when told to."""
    os.fork()
    stay()


def ignterm() -> None:
    """Two processes that do not."""
    deafen()
    plain()


def setsid() -> None:
    """A child in a session of its own."""
    if not os.fork():
        os.setsid()
    stay()


def daemon() -> None:
    """A daemon by double fork."""
    daemonize()
    stay()


def daemon_envwiped() -> None:
    """A daemon with an empty environment."""
    if daemonize():
        forget_environment()
    stay()


def daemon_ignterm_mainexits() -> None:
    """A deaf daemon with an empty environment, and nothing else."""
    deafen()
    if daemonize():
        forget_environment()


def stopped() -> None:
    """A child that has stopped itself."""
    if not os.fork():
        os.kill(os.getpid(), signal.SIGSTOP)
    stay()


def zombies() -> None:
    """Ended children that their deaf parent never waits for."""
    deafen()
    for _ in range(ZOMBIES):
        if not os.fork():
            os._exit(0)
    stay()


def bomb(size: int = 60) -> None:
    """So many deaf processes below the first, two below each, every one in a session of its own."""
    deafen()
    for part in (size - size // 2, size // 2):
        if part and not os.fork():
            os.setsid()
            bomb(part - 1)
    stay()


def comet(count: int = 4) -> None:
    """Processes that fork, take a new session and end, again and again: no number lives longer than a millisecond."""
    deafen()
    end = time.monotonic() + COMET_LIFE
    for _ in range(count):
        if not os.fork():
            while time.monotonic() < end:
                if os.fork():
                    os._exit(0)
                os.setsid()
            os._exit(0)
    stay()


KINDS: dict[str, Callable[..., None]] = {
    kind.__name__: kind
    for kind in (
        *(plain, ignterm, setsid, daemon, daemon_envwiped),
        *(daemon_ignterm_mainexits, stopped, zombies, bomb, comet),
    )
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](*map(int, sys.argv[2:]))
