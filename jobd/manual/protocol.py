"""The manual page of the protocol, jobd-protocol(7): all that a client in another language needs."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from jobd import wire
from jobd.core.errors import JobdError, every
from jobd.core.events import Entry, leaves
from jobd.manual import shapes
from jobd.manual.mdoc import Page, call
from jobd.manual.reference import described

Kinds = Iterable[type[wire.Request[Any]]]

#: What each kind of request promises.
PROMISES: dict[type[wire.Request[Any]], str] = {
    wire.Read: "It only reads.",
    wire.Mutation: "It changes something, and is answered when the change is on disk.",
    wire.Action: "It may take its time.",
    wire.Stream: "It is a stream of items.",
}

#: What holds for all methods: paragraphs by heading. Names in braces are limits of the wire.
PROSE = {
    "DESCRIPTION": """
        The daemon listens on the Unix socket `~/.local/state/jobd/jobd.sock`, or `$JOBD_DIR/jobd.sock`. The kernel
        tells it who is at the other end: only the owner of the daemon and root are served.

        A message is one line of JSON, in the form of JSON-RPC 2.0. A request has `method`, `params` (an object, may be
        left out) and `id` (a number or a string, never null). The answer has the same `id` and either `result` or
        `error`. The member `jsonrpc` may be left out. Batches are refused: write one request after the other, without
        waiting for answers. Without `id` a request that changes something is a notification, and is not answered.

        Unknown members of `params` are refused. Results may gain members in later versions, so a client passes over
        those that it does not know.
        """,
    "TEXT, TIMES AND SIZES": """
        Arguments, paths and output are bytes. Where they are not UTF-8 an object stands in place of the string, with
        the bytes in base64: Base64 below.

        Times are RFC 3339 in UTC, durations seconds, sizes bytes. What is not known is null.
        """,
    "REPEATING": """
        A request that changes something may carry `request_id`, a string made by the client, new for each request. If
        the connection is lost before the answer has come, the same request is sent again with the same `request_id`: it
        is done at most once, and answered as before.
        """,
    "STREAMS": """
        The answer to a stream begins with its items: notifications with the method `$/item`, whose `params` hold the id
        of the request (`request`) and the `item`. When there is no more, the answer comes, with the result null. The
        notification `$/cancel`, whose `params` hold the id in `request`, ends a stream early.

        A slow reader holds nobody up. A connection that takes nothing for a long time is closed; the stream of events
        then goes on without a gap from the last `seq` that was seen.
        """,
    "LIMITS": """
        A line has at most {LONGEST_LINE} bytes; a longer one is refused and the connection closed. It has at most
        {MOST_ELEMENTS} values, and is complete {LINE_TIME:g} seconds after its first byte. A connection may have
        {MOST_UNANSWERED} requests without an answer; then it is not read until it has fewer.
        """,
}
SOCKET = "~/.local/state/jobd/jobd.sock"
EXAMPLES = {
    "The jobs:": f"""
        echo '{{"id": 1, "method": "list"}}' |
          nc -U -q 1 {SOCKET} | jq '.result[] | {{id, name, state}}'
        """,
    "Put a command into the queue:": f"""
        jq -nc '{{id: 1, method: "submit", params: {{argv: ["make"], cwd: env.PWD}}}}' |
          nc -U -q 1 {SOCKET} | jq .result.id
        """,
    "All events from now on:": f"""
        (echo '{{"id": 1, "method": "events.follow"}}'; cat) |
          nc -U {SOCKET} | jq -c .params.item
        """,
}


def protocol_page(kinds: Kinds) -> str:
    """Write jobd-protocol(7) from the types of the requests."""
    kinds = list(kinds)
    page = Page("jobd-protocol", 7, "how programs talk to the daemon of jobd")
    for heading, text in PROSE.items():
        page.heading(heading)
        for paragraph in text.format_map(vars(wire)).split("\n\n"):
            page.paragraph(" ".join(paragraph.split()))
    page.heading("METHODS")
    page.paragraph("In brackets stands what may be left out.")
    page.items((call("Cm", kind.method)[1:], list(_method(kind))) for kind in kinds)
    _records(page, kinds)
    _errors(page)
    page.heading("EXAMPLES")
    for explanation, lines in EXAMPLES.items():
        page.paragraph(explanation)
        page.literal(inspect.cleandoc(lines).splitlines())
    page.see_also([(1, "jobd"), (1, "jobd-rpc"), (7, "jobd-events"), (7, "jobd-states")])
    return page.text()


def _method(kind: type[wire.Request[Any]]) -> Iterator[str]:
    summary, *rest = (kind.__doc__ or "").split("\n\n")
    promise = next(text for parent, text in PROMISES.items() if issubclass(kind, parent))
    yield f"{' '.join(summary.split())} {promise}"
    for paragraph in rest:
        yield " ".join(paragraph.split())
    yield f"Parameters: {shapes.told(kind)}"
    yield f"{'Item' if issubclass(kind, wire.Stream) else 'Result'}: {shapes.words_of(kind.result_type())}."


def _records(page: Page, kinds: Kinds) -> None:
    events = set(leaves())
    results = [kind.result_type() for kind in kinds]
    told = [record for record in shapes.named([*kinds, *results]) if record not in {*kinds, *events}]
    page.heading("RECORDS")
    page.paragraph(f"The fields of an {Entry.__name__} are told in jobd-events(7), the states in jobd-states(7).")
    page.items((call("Va", record.__name__)[1:], list(described(record))) for record in told)


def _errors(page: Page) -> None:
    page.heading("ERROR CODES")
    page.paragraph(
        "An error has `code`, `message` and `data`; `data` holds `reason`, `hint` (what to do next) and the "
        "values that the message names. Reasons do not change; messages may."
    )
    page.items((f"{call('Er', error.reason())[1:]} Pq {error.code}", [_message(error)]) for error in concrete())


def concrete() -> list[type[JobdError]]:
    """List the errors that are reported; the others only gather them."""
    return [error for error in every() if not error.__subclasses__()]


def _message(error: type[JobdError]) -> str:
    """Give the message of an error, with the values it names in angle brackets."""
    return re.sub(r"\{(\w+)[^}]*\}", r"<\1>", (error.__doc__ or "").partition("\n")[0]) + "."
