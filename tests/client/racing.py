"""Many clients that want the daemon at the same moment: `python racing.py STATE COUNT`; prints what each got.

The children are forked when everything is loaded and wait for one gate, so that they really race.
"""

import os
import sys
import traceback

from jobd.client import Client
from jobd.commands._shell import SERVE
from jobd.commands.daemon import Status
from jobd.config import Paths


def race(state: str) -> str:
    """Ask for the daemon, which does not run yet; give its pid."""
    client = Client(
        Paths(state),
        autostart=True,
        notice=print,
        offline=lambda request: request,
        start=[*SERVE, "--background"],
        environ=dict(os.environ),
    )
    return str(client.call(Status()).pid)


def main(state: str, count: int) -> None:
    """Fork, open the gate, wait for all."""
    gate, opening = os.pipe()
    for _ in range(count):
        if os.fork() == 0:
            os.close(opening)
            os.read(gate, 1)
            try:
                said = race(state)
            except BaseException:  # noqa: BLE001 -- whatever it is, it is told
                said = traceback.format_exc(limit=-1).replace("\n", " ")
            os.write(1, f"{said}\n".encode())
            os._exit(0)
    os.close(opening)
    for _ in range(count):
        os.wait()


main(sys.argv[1], int(sys.argv[2]))
