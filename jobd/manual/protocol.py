"""The manual page of the protocol, jobd-protocol(7): all that a client in another language needs."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from jobd import wire
from jobd.core.admission import LARGEST_ENVIRONMENT
from jobd.core.errors import JobdError, every
from jobd.core.events.catalogue import Entry, leaves
from jobd.core.model import State
from jobd.core.subscriptions.rooms import WRITTEN
from jobd.manual import shapes
from jobd.manual.conversation import EXAMPLES, EXCHANGES, exchange
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

        A message is one line of JSON in UTF-8, in the form of JSON-RPC 2.0. A request has `method`, `params` (an
        object, may be left out) and `id` (an integer or a string, never null). The answer has the same `id` and
        either `result` or `error`. The member `jsonrpc` may be left out. Batches are refused: write one request after
        the other, without waiting for answers.

        Several requests may be under way at once. Answers come as they are ready, so they are told apart by their
        ids. A change is answered when it is on disk.

        A request that changes something may go without `id`: then it is a notification, done and never answered, not
        even if it is refused. Any other request without an id is refused.

        After a client has closed its side (`nc -N`), what it asked is answered, a last line without its end too, its
        streams go on, unless they want a heartbeat answered, and the daemon hangs up when all is said.

        Unknown members of `params` are refused; of a member given twice the last one counts. Results may gain members
        in later versions, so a client passes over those that it does not know. `hello` tells the version and the
        methods of whoever serves, and `rpc.discover` describes them all as an OpenRPC document.
        """,
    "TEXT, TIMES AND SIZES": """
        Arguments, paths and output are bytes. Where they are not UTF-8 an object stands in place of the string, with
        the bytes in base64: Base64 below. None may contain a NUL byte.

        Times are RFC 3339 in UTC, durations seconds, sizes bytes. What is not known is null.
        """,
    "REPEATING": """
        A request that changes something may carry `request_id`, a string made by the client, new for each request. If
        the connection is lost before the answer has come, the same request is sent again with the same `request_id`:
        it is done at most once, and answered as before, whatever else it asks by then.

        A daemon that stops or restarts hangs up, and its socket is not there until the next one serves: whoever speaks
        the protocol by himself connects again and repeats what was not answered.
        """,
    "STREAMS": """
        The answer to a stream begins with its items: notifications with the method `$/item`, whose `params` hold the
        id of the request (`request`) and the `item`. When there is no more, the answer comes, with the result null.
        The notification `$/cancel`, whose `params` hold the id in `request`, ends a stream early. The same connection
        may carry other requests meanwhile. Below, what a client says begins with > and what it hears with <; long
        lines are broken for the page.

        @STREAMS

        When the daemon stops, a stream ends with the error SHUTTING_DOWN. Whoever comes again and asks for the events
        after the last `seq` seen misses nothing and sees nothing twice.
        """,
    "SUBSCRIPTIONS": """
        The stream `events.follow` tells what happens to the jobs of some rooms: all jobs if none is named, and the
        jobs of any of them if there are several.

        @ROOMS

        Conditions (`job`, `name`, `group`, `user`, `where`, `types`, `severity`) narrow that down. Whether a job
        belongs to a room is decided for each event by the job as the event found and left it: the one that brings it
        into a room is the first that is told there, the one that takes it out the last. Of what happened long ago the
        daemon knows no more what a job had reported by then, or used, until it said so again. Each item says by its
        `type` what it is:

        @ITEMS

        Entries come in the order of their numbers, each once, and none is left out that is wanted. An item with a
        `seq` says that all wanted entries up to that number have been told: whoever comes again with the last such
        number as `since_seq` goes on without gap or repetition, however long it was away. A number that the log has
        not reached is refused with NOT_YET_HAPPENED, one after which entries are no longer kept with NO_LONGER_KEPT;
        0 means the oldest entry that there is. After `jobd db restore` the log goes on from the last number of the
        backup, so numbers seen before may be given again: whoever keeps a copy begins it anew then.

        What is asked on the same connection behind `events.follow` happens after its beginning, and is told. The method
        `events` reads the log, too, but asks a filter about each job as it is now, or was when it was removed.

        With `snapshot` the jobs come first, all as the same entry of the log left them; the item `snapshot` tells its
        number, and every entry after it follows. They are the jobs that have not ended, and those that a room names by
        id; `types` and `severity` do not narrow them down. It begins with the present, so it is refused together with
        `since_seq`.

        With `coalesce`, a number of seconds, what comes often waits that long at most, and of the reports of a job
        with nothing else of that job between them only the last is told; it stands for all, as if they had been one:
        with the latest of each field, their `count`, and the number of the last. What is important (any event that
        does not come often) is told at once, with everything before it. So nothing is told out of order.

        With `heartbeat`, a number of seconds, the daemon says after so long a silence that it is there, and up to
        which entry nothing was missed. The client must say something before the next one: the notification `$/ping`
        (with an id it is answered with null), or anything else. Otherwise the connection is closed.

        @SUBSCRIPTIONS

        With `presence` it is told who watches the rooms: everybody at first, then who comes and goes. Presence is of
        the moment: it is kept in memory only, is no part of the log, and has no place in its order. Whoever is too
        slow to be told of all changes is told again who is there.
        """,
    "REFUSALS": """
        An error has `code`, `message` (one line for people) and `data`; `data` holds `reason`, `hint` (what to do
        next) and the values that the message names. Reasons and codes do not change; messages may. Where the id of
        the request could not be read it is null.

        @REFUSALS
        """,
    "LIMITS": """
        A line has at most {LONGEST_LINE} bytes and must be complete {LINE_TIME:g} seconds after its first byte;
        otherwise it is refused and the connection closed. It has at most {MOST_ELEMENTS} values in all lists and
        objects together. Answers may be longer. The environment of a job has at most {LARGEST_ENVIRONMENT} bytes.

        A connection may have {MOST_UNANSWERED} changes and questions without an answer; then it is not read until it
        has fewer. Beyond {MOST_UNANSWERED} streams, or requests that take their time, more are refused with
        TOO_MANY_REQUESTS. Connections beyond what the daemon can hold are refused with TOO_MANY_CONNECTIONS.

        A slow reader holds nobody up, and nothing is kept for it: its streams wait for it, and go on where they were.
        If it reads nothing at all for {DRAIN_TIME:g} seconds while something waits for it, the connection is closed
        when that is seen, {DRAIN_TIME:g} seconds later at the most.
        An idle connection may stay for ever.
        """,
    "TASKS OF AGENTS": """
        Protocols for agents, such as MCP, know tasks with fewer states. A job maps to them so; `input_required` does
        not occur.

        @TASKS
        """,
}
#: The state of a task that stands for each state of a job.
TASKS = {
    State.PENDING: "working",
    State.RUNNING: "working",
    State.PAUSING: "working",
    State.PAUSED: "working",
    State.COMPLETING: "working",
    State.CANCELING: "working",
    State.COMPLETED: "completed",
    State.CANCELED: "cancelled",
    State.FAILED: "failed",
}
#: The items of a subscription.
ITEMS = {
    "event": "an entry of the log, jobd-events(7)",
    "job": "a job of the snapshot",
    "snapshot": "the end of the snapshot",
    "heartbeat": "nothing was told for a while",
    "watchers": "who watches the rooms",
    "joined": "somebody begins to watch",
    "left": "somebody watches no longer",
}
#: What stands in the place of a paragraph that is a word with a leading @.
INSERTED: dict[str, list[str]] = {
    "@TASKS": [
        f"{task:<12}{', '.join(s for s in State if TASKS[s] == task)}" for task in dict.fromkeys(TASKS.values())
    ],
    "@ROOMS": [f"{room:<14}{meaning}" for room, meaning in WRITTEN.items()],
    "@ITEMS": [f"{word:<12}{meaning}" for word, meaning in ITEMS.items()],
    **{f"@{heading}": exchange(heading) for heading in EXCHANGES},
}


def protocol_page(kinds: Kinds) -> str:
    """Write jobd-protocol(7) from the types of the requests."""
    kinds = list(kinds)
    page = Page("jobd-protocol", 7, "how programs talk to the daemon of jobd")
    limits = {**vars(wire), "LARGEST_ENVIRONMENT": LARGEST_ENVIRONMENT}
    for heading, text in PROSE.items():
        page.heading(heading)
        for paragraph in inspect.cleandoc(text).format_map(limits).split("\n\n"):
            if paragraph in INSERTED:
                page.literal(INSERTED[paragraph])
            else:
                page.paragraph(" ".join(paragraph.split()))
    page.heading("METHODS")
    page.paragraph("In brackets stands what may be left out.")
    page.items((call("Cm", kind.method)[1:], list(_method(kind))) for kind in kinds)
    _records(page, kinds)
    _errors(page)
    page.heading("EXAMPLES")
    for example in EXAMPLES:
        page.paragraph(example.purpose)
        page.literal(example.lines)
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
    page.items((f"{call('Er', error.reason())[1:]} Pq {error.code}", [_message(error)]) for error in concrete())


def concrete() -> list[type[JobdError]]:
    """List the errors that are reported; the others only gather them."""
    return [error for error in every() if not error.__subclasses__()]


def _message(error: type[JobdError]) -> str:
    """Give the message of an error, with the values it names in angle brackets."""
    return re.sub(r"\{(\w+)[^}]*\}", r"<\1>", (error.__doc__ or "").partition("\n")[0]) + "."
