"""The environment of a client: all of it, which variables are no settings, and what a surrounding job says."""

import os
import time
from collections.abc import Mapping

from jobd.core.text import Lossless, lossless

#: What a surrounding job says to its processes, and a service manager to a service: a daemon started there is neither.
OF_A_JOB = frozenset(
    "JOBD_ARRAY_INDEX JOBD_ATTEMPT JOBD_COOKIE JOBD_ENTRY JOBD_FD JOBD_GROUP JOBD_ITEMS JOBD_JOB_ID JOBD_JOB_NAME "
    "JOBD_REPORT JOBD_SLOT JOBD_SOCKET JOBD_SUBMIT_DIR LISTEN_FDNAMES LISTEN_FDS LISTEN_PID NOTIFY_SOCKET".split()
)
#: What a daemon that is started here does not get: it serves others, too, whose time zone is that of the machine.
NOT_INHERITED = OF_A_JOB | {"TZ"}
#: Variables of jobd that set nothing in the configuration.
NO_SETTINGS = OF_A_JOB | {"JOBD_AUTOSTART", "JOBD_DIR"}


def inherited() -> tuple[Lossless, ...]:
    """Read the environment that this process was started with: the interpreter itself adds LC_CTYPE to a bare one."""
    try:
        with open("/proc/self/environ", "rb") as file:
            return tuple(lossless(variable) for variable in file.read().split(b"\0") if variable)
    except OSError:
        return tuple(lossless(name + b"=" + value) for name, value in os.environb.items())


def zone(environ: Mapping[str, str]) -> str:
    """Name the time zone that TZ sets, or give its offset now if it makes no sense; empty if none is set."""
    if "TZ" not in environ:
        return ""
    from jobd.config import zones

    try:
        zones.zone(environ["TZ"])
    except ValueError:
        return time.strftime("%z")
    return environ["TZ"]
