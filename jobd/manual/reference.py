"""The manual pages of the tables: jobd-states(7) and jobd-events(7)."""

from collections.abc import Iterator

from jobd.core.events.catalogue import Entry, Event, leaves
from jobd.core.model import State
from jobd.core.states import TABLE
from jobd.manual import shapes
from jobd.manual.conversation import Example
from jobd.manual.mdoc import Item, Page, call

REASONS = {
    "exit:N": "The command ended with exit status N.",
    "signal:N": "It was ended by signal N, which jobd did not send.",
    "oom": "The kernel ended it for want of memory.",
    "cannot_start": "The command could not be executed, or its attempts to start were lost too often.",
    "stale": "It was silent for longer than it had promised, and had been run again for that often enough.",
    "lost": "Nobody saw how it ended: the machine was restarted (detail `reboot`), or its witness was killed (`shim`).",
}
#: Fields that every event has; they are told with the entry.
OF_ALL = Event.__struct_fields__

EXAMPLES = (
    Example(
        "What happened to a job, and from which state to which it led:",
        r"""
        jobd submit --name backup -- sh -c 'exit 3' >/dev/null
        jobd wait backup >/dev/null || true
        jobd events --job 1 --json |
          jq -r '.event | [.type, .from // "-", .to // "-"] | join(" ")'
        """,
        "submitted - pending\nopened - -\nstarted pending running\nfailed running failed",
    ),
    Example(
        "What went wrong, of all jobs of a name, in the last hour:",
        r"""
        jobd events 'name:back*' --severity high --since -1h --json |
          jq -r '[.job, .event.type, .event.reason] | join(" ")'
        """,
        "1 failed exit:3",
    ),
    Example(
        "Who asked for it? What jobd does by itself has no `by`:",
        r"""
        jobd retry backup >/dev/null
        jobd events --since-seq 0 --type submitted,failed,retried \
            --limit 3 --json |
          jq -r --argjson me "$(id -u)" \
            '[.event.type, .by.uid == $me] | join(" ")'
        """,
        "submitted true\nfailed false\nretried true",
    ),
    Example(
        "Go on from the last number seen:",
        r"""
        jobd wait backup >/dev/null || true
        last=$(jobd events --limit 1 --json=seq | jq .seq)
        jobd rm backup >/dev/null
        jobd events --since-seq "$last" --json | jq -r .event.type
        """,
        "removed",
    ),
)


def states_page() -> str:
    """Write jobd-states(7) from the state machine."""
    page = Page("jobd-states", 7, "states of a job in jobd")
    page.heading("DESCRIPTION")
    page.paragraph(
        "A job is in one of these states. What moves it from one to another is an event, jobd-events(7). "
        "An event that is not named with a state cannot happen in it, and is refused."
    )
    created = [f"`{event.title()}` ({row[None]})" for event, row in TABLE.items() if None in row]
    page.paragraph(f"A job comes into being by {', '.join(created)}.")
    meanings = shapes.documented(State)
    page.heading("STATES")
    page.items((call("Cm", state)[1:], list(_state(state, meanings[state]))) for state in State)
    page.heading("REASONS")
    page.paragraph("Beside the state of a failed job stands why it failed.")
    page.items((call("Cm", reason)[1:], [text]) for reason, text in REASONS.items())
    page.paragraph(
        "A pending job with the reason `backoff` has failed, and waits until `not_before` to be run again by itself; "
        "why it failed stands in its latest attempt."
    )
    page.see_also([(1, "jobd"), (7, "jobd-events"), (7, "jobd-protocol")])
    return page.text()


def _state(state: State, meaning: str) -> Iterator[str]:
    yield meaning[:1].upper() + meaning[1:] + "."
    rows = [(event.title(), row[state]) for event, row in TABLE.items() if state in row]
    moves = [f"`{title}` leads to {after or 'removal'}" for title, after in rows if after is not state]
    stays = [f"`{title}`" for title, after in rows if after is state]
    yield f"Events: {', '.join(moves)}."
    if stays:
        yield f"It stays so with {', '.join(stays)}."


def events_page() -> str:
    """Write jobd-events(7) from the kinds of event."""
    kinds = leaves()
    page = Page("jobd-events", 7, "events of jobd")
    page.heading("DESCRIPTION")
    page.paragraph(
        "Everything that happens to a job is an event. It is written to the log in the transaction that changes the "
        "job, and has the same JSON in the log, on the socket and in the output of `jobd events --json`. "
        "So the log is the audit trail: all jobs and items follow from it. "
        "`jobd events --format cloudevents` puts each into the envelope of a CloudEvent."
    )
    page.paragraph(
        "A line of the log, an entry, has the fields below. `seq` grows by one with each entry, without gaps, and "
        "orders the log; the clock of the machine may jump. Entries that are too old or too many are removed, the "
        "oldest first (`retention` in jobd.toml(5)). `by` is who asked, as the kernel names the peer of the "
        "connection, with the name of its program; without it jobd acted by itself. Times are RFC 3339 in UTC, "
        "durations seconds, sizes bytes. A field is left out where it has its default, shown behind it."
    )
    page.items(_fields(Entry))
    page.paragraph(
        "An event that leads from one state to another says so by the fields `from` and `to`; a new job has no `from`, "
        "one that is gone no `to`. Why something happened is said by `reason`, `detail`, `why` and `problem`; where "
        "an event has none of these, its type and who asked say all there is. Lines written by older versions lack "
        "fields that came later."
    )
    page.heading("EVENTS")
    page.paragraph("The field `type` of an event is one of these words.")
    page.items((call("Cm", kind.title())[1:], list(_event(kind))) for kind in kinds)
    page.heading("RECORDS")
    records = [record for record in shapes.named([Entry]) if record not in (Entry, *kinds)]
    page.items((call("Va", record.__name__)[1:], list(described(record))) for record in records)
    page.heading("EXAMPLES")
    for example in EXAMPLES:
        page.paragraph(example.purpose)
        page.literal(example.lines)
    page.see_also([(1, "jobd"), (1, "jobd-events"), (7, "jobd-protocol"), (7, "jobd-states")])
    return page.text()


def _event(kind: type[Event]) -> Iterator[str | list[Item]]:
    yield " ".join((kind.__doc__ or "").split())
    often = " It comes often, and is left out of short listings." if kind.frequent else ""
    yield f"Severity: {kind.severity}.{often} State: {'; '.join(_moves(kind))}."
    fields = _fields(kind)
    if fields:
        yield fields


def _moves(kind: type[Event]) -> Iterator[str]:
    """Say what an event does to each state that it can happen in."""
    leading: dict[State | None, list[State]] = {}
    stays = []
    for before, after in TABLE[kind].items():
        if before is None:
            yield f"a new job is {after}"
        elif before is after:
            stays.append(before)
        else:
            leading.setdefault(after, []).append(before)
    for after, several in leading.items():
        yield f"{_listed(several)} becomes {after}" if after else f"{_listed(several)} no longer, the job is gone"
    if stays:
        yield f"{'any' if len(stays) == len(State) else _listed(stays)} stays"


def _listed(states: list[State]) -> str:
    *most, last = states
    return f"{', '.join(most)} or {last}" if most else str(last)


def _fields(record: type) -> list[Item]:
    """Tell the fields of a record, each with its type and what it means."""
    meanings, items = shapes.meanings(record), list[Item]()
    names = record.__struct_fields__  # type: ignore[attr-defined]
    for name, shape in zip(names, shapes.fields(record), strict=True):
        if name in OF_ALL:
            continue
        if name not in meanings:
            raise LookupError(f"{record.__name__}.{name}: say beside it what it means, after #:")
        left_out = "" if shape.default in (None, "null") else f", or {shape.default}"
        items.append((call("Va", shape.name)[1:], [f"({shape.type}{left_out}) {_capital(meanings[name])}."]))
    return items


def described(record: type) -> Iterator[str]:
    """Say what a record is, and tell its fields or words."""
    yield _capital((record.__doc__ or "").partition("\n")[0])
    yield shapes.told(record)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
