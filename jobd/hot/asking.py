"""One question to the daemon, with nothing loaded but C modules without imports of their own."""

import posix
import sys
from posix import environ
from time import monotonic, sleep

#: What sun_path of an address surely holds.
LONGEST_PATH = 103
#: Seconds for an answer (whoever waits longer should know: the program says so, and waits on), and for coming back to a
#: daemon that restarts; 10 ms between two attempts.
PATIENCE, BUDGET, PAUSE = 5.0, 5.0, 0.01
CHUNK = 1 << 16


def socket_path() -> str | None:
    """Say where the daemon listens; None if that takes more than a look at the environment."""
    chosen, state, home = (environ.get(name, b"") for name in (b"JOBD_DIR", b"XDG_STATE_HOME", b"HOME"))
    if chosen:
        root = chosen if chosen.startswith(b"/") else posix.getcwdb() + b"/" + chosen
    elif sys.platform == "darwin" or not (state.startswith(b"/") or home.startswith(b"/")):
        return None
    else:
        root = (state if state.startswith(b"/") else home + b"/.local/state") + b"/jobd"
    path = root + b"/jobd.sock"
    return path.decode(sys.getfilesystemencoding(), "surrogateescape") if len(path) <= LONGEST_PATH else None


def ask(method: str, parameters: dict[str, str]) -> bytes:
    """Send one request and give the line that answers it; nothing if nobody is to be found.

    A daemon that goes away in the middle is asked again: the request carries an id, so it is done once. Raises OSError,
    and ImportError on a Python without its C modules.
    """
    from _json import encode_basestring_ascii as quote

    fields = ",".join(f"{quote(name)}:{quote(value)}" for name, value in parameters.items())
    request = f'{{"jsonrpc":"2.0","id":1,"method":{quote(method)},"params":{{{fields}}}}}\n'.encode()
    path, deadline = socket_path(), monotonic() + BUDGET
    while path is not None:
        answer = _exchange(path, request)
        if answer.endswith(b"\n"):
            return answer
        if monotonic() > deadline:
            break
        sleep(PAUSE)
    return b""


def _exchange(path: str, request: bytes) -> bytes:
    """Send a line and receive one; what came of it, if the daemon went away. Raises OSError if nobody is there."""
    from _socket import AF_UNIX, SO_PEERCRED, SOCK_STREAM, SOL_SOCKET, socket

    connection, answer, sent = socket(AF_UNIX, SOCK_STREAM), b"", False
    try:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        uid = int.from_bytes(connection.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)[4:8], sys.byteorder)
        if uid not in (0, posix.geteuid()):
            raise PermissionError(path)
        sent = True
        connection.sendall(request)
        while not answer.endswith(b"\n") and (chunk := connection.recv(CHUNK)):
            answer += chunk
    except (BrokenPipeError, ConnectionResetError):
        if not sent:
            raise
    finally:
        connection.close()
    return answer
