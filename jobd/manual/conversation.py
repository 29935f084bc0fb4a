"""What a client and the daemon say to each other: lines for the manual, the daemon's made by the code that writes them.

The examples build upon one another; a test runs them in a shell and compares what they print.
"""

import inspect
import textwrap
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from jobd import wire
from jobd.core.errors import BadRequest, JobNotFound
from jobd.core.events.catalogue import Actor, Entry, Removed
from jobd.core.model import State
from jobd.core.subscriptions.news import Pulse

#: Columns of a page that a long line of JSON may take.
WIDTH = 66

REMOVED = msgspec.json.encode(
    Entry(
        42,
        datetime(2026, 11, 21, 20, 41, 7, tzinfo=UTC),
        12,
        Removed(from_state=State.FAILED),
        Actor(1000, 4242, "jobd"),
    )
)


class Example(NamedTuple):
    """Something to do: what it is for, the commands, and what they print."""

    purpose: str
    commands: str
    prints: str = ""

    @property
    def lines(self) -> list[str]:
        """Give it as it looks on a screen."""
        return [*inspect.cleandoc(self.commands).splitlines(), *self.prints.splitlines()]


#: {heading: what is said under it}: > leads a line of the client, < one of the daemon.
EXCHANGES: dict[str, tuple[tuple[str, bytes], ...]] = {
    "STREAMS": (
        (">", b'{"id": 7, "method": "events.follow", "params": {"since_seq": 41}}'),
        ("<", wire.encode_item(7, REMOVED)),
        (">", b'{"method": "$/cancel", "params": {"request": 7}}'),
        ("<", wire.encode_answer(7, b"null")),
    ),
    "SUBSCRIPTIONS": (
        (">", b'{"id": 7, "method": "events.follow", "params": {"rooms": ["group:ci", "job:12"], "heartbeat": 15}}'),
        ("<", wire.encode_item(7, REMOVED)),
        ("<", wire.encode_item(7, msgspec.json.encode(Pulse(57)))),
        (">", b'{"method": "$/ping"}'),
    ),
    "REFUSALS": (
        (">", b'{"id": 8, "method": "cancel", "params": {"jobs": ["99"]}}'),
        ("<", wire.encode_error(8, JobNotFound(job=99, newest=12))),
        (">", b'[{"id": 9, "method": "list"}]'),
        ("<", wire.encode_error(None, BadRequest(problem="batches are not taken"))),
    ),
}

EXAMPLES = (
    Example(
        "In a shell, with `nc` of OpenBSD and `jq`. Only the commands of jobd start a daemon by themselves:",
        r"""
        jobd daemon start >/dev/null
        S=${JOBD_DIR:-~/.local/state/jobd}/jobd.sock
        """,
    ),
    Example(
        "Who serves, and by which version of this protocol?",
        r"""
        echo '{"id": 1, "method": "hello"}' |
          nc -NU "$S" | jq .result.protocol
        """,
        str(wire.PROTOCOL),
    ),
    Example(
        "Put a command into the queue, with the directory and the environment of the shell. The result is the job:",
        r"""
        jq -nc '{id: 1, method: "submit", params: {
            name: "greeting", cwd: env.PWD,
            argv: ["sh", "-c", "echo hello; echo 100% >&$JOBD_FD"],
            surroundings: {environment:
              [env | to_entries[] | "\(.key)=\(.value)"]}}}' |
          nc -NU "$S" | jq .result.id
        """,
        "1",
    ),
    Example(
        "Wait for it. Jobs are named as on the command line: ids, names, `last`:",
        r"""
        echo '{"id": 1, "method": "wait", "params":'\
          '{"jobs": ["greeting"]}}' |
          nc -NU "$S" | jq -c '.result[] | [.state, .exit_code]'
        """,
        '["completed",0]',
    ),
    Example(
        "Read its output. That of a live job is also in the file that `output.path` names:",
        r"""
        echo '{"id": 1, "method": "log", "params":'\
          '{"job": "greeting"}}' |
          nc -NU "$S" | jq -j .result.data
        """,
        "hello",
    ),
    Example(
        "Follow jobs until they have ended. Each item is the job as it is then:",
        r"""
        echo '{"id": 1, "method": "tail", "params":'\
          '{"jobs": ["1", "last"]}}' |
          nc -NU "$S" |
          jq -r 'select(.params).params.item | .name, .state'
        """,
        "greeting\ncompleted",
    ),
    Example(
        "Ask several things on one connection: start something, and wait until it runs:",
        r"""
        {
          echo '{"id": 1, "method": "submit", "params":'\
            '{"name": "nap", "argv": ["/bin/sleep", "9999"], "cwd": "/"}}'
          echo '{"id": 2, "method": "wait", "params":'\
            '{"jobs": ["nap"], "states": ["running"]}}'
        } | nc -NU "$S" | jq .id
        """,
        "1\n2",
    ),
    Example(
        "Cancel it. The `request_id` makes it safe to say so again if no answer comes:",
        r"""
        echo '{"id": 3, "method": "cancel", "params":'\
          '{"jobs": ["nap"], "request_id": "0e1b6ab2-1"}}' |
          nc -NU "$S" | jq -r '.result[].name'
        """,
        "nap",
    ),
    Example(
        "See how things stand, and follow on from there, for two seconds:",
        r"""
        {
          echo '{"id": "s", "method": "events.follow", "params":'\
            '{"rooms": ["name:greet*", "job:1"], "snapshot": true}}'
          sleep 2
          echo '{"method": "$/cancel", "params":'\
            '{"request": "s"}}'
        } | nc -NU "$S" |
          jq -r '.params.item | select(.) | .type, .jobs // .name'
        """,
        "job\ngreeting\nsnapshot\n1",
    ),
    Example(
        "Tell all events from the beginning on, and for two seconds what happens:",
        r"""
        {
          echo '{"id": "e", "method": "events.follow", "params":'\
            '{"since_seq": 0}}'
          sleep 2
          echo '{"method": "$/cancel", "params":'\
            '{"request": "e"}}'
        } | nc -NU "$S" |
          jq -r '.params.item.event.type // "the end"' | tail -n 3
        """,
        "cancel_asked\ncanceled\nthe end",
    ),
)


def exchange(heading: str) -> list[str]:
    """Give the lines said under a heading; long ones are broken, and go on further to the right."""
    lines = []
    for arrow, line in EXCHANGES[heading]:
        text = line.decode().strip().replace(',"', ', "')
        first, *more = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        lines += [f"{arrow} {first}", *(f"      {rest}" for rest in more)]
    return lines
