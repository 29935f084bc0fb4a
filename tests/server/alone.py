"""A server in a process of its own that may open few files: `python -m tests.server.alone PATH LIMIT`.

SIGUSR1 lets it take all descriptors that are left, SIGUSR2 give them back.
"""

import asyncio
import os
import resource
import signal
import socket
import sys

from jobd.server import Server
from tests.server.counting import KINDS, Engine


async def serve(path: str) -> None:
    """Serve until killed."""
    hoard: list[int] = []

    def take() -> None:
        try:
            while True:
                hoard.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            engine.total = len(hoard)

    def give() -> None:
        while hoard:
            os.close(hoard.pop())
        engine.total = 0

    engine = Engine()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, take)
    loop.add_signal_handler(signal.SIGUSR2, give)
    server = Server(engine, KINDS.get, log="the log")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1024)
    server.listen(listener)
    os.write(1, b"ready\n")
    await asyncio.Event().wait()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[2])))
    asyncio.run(serve(sys.argv[1]))
