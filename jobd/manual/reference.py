"""The manual pages of the tables: jobd-states(7) and jobd-events(7)."""

from collections.abc import Iterator

from jobd.core.events import Entry, Event, leaves
from jobd.core.model import State
from jobd.core.states import TABLE
from jobd.manual import shapes
from jobd.manual.mdoc import Page, call

REASONS = {
    "exit:N": "The command ended with exit status N.",
    "signal:N": "It was ended by signal N, which jobd did not send.",
    "oom": "The kernel ended it for want of memory.",
    "cannot_start": "The command could not be executed, or its attempts to start were lost too often.",
    "lost": "Nobody saw how it ended: the machine was restarted (detail `reboot`), or its witness was killed (`shim`).",
}


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
        "job, and has the same JSON in the log, on the socket and in the output of `jobd events --json`."
    )
    page.paragraph(
        "An entry of the log has the fields below. `seq` grows by one with each entry, without gaps, and orders the "
        "log; the clock of the machine may jump. Entries that are too old or too many are removed, the oldest first "
        "(`retention` in jobd.toml(5)). `by` is who asked, as the kernel names the peer of the connection; "
        "without it jobd acted by itself. A field in brackets is left out where it has its default. "
        "Times are RFC 3339 in UTC, durations seconds, sizes bytes."
    )
    page.items((call("Va", shape.name)[1:], [_capital(shape.type) + "."]) for shape in shapes.fields(Entry))
    page.heading("EVENTS")
    page.paragraph("The field `type` of an event is one of these words.")
    page.items((call("Cm", kind.title())[1:], list(_event(kind))) for kind in kinds)
    page.heading("RECORDS")
    records = [record for record in shapes.named([Entry]) if record not in (Entry, *kinds)]
    page.items((call("Va", record.__name__)[1:], list(described(record))) for record in records)
    page.see_also([(1, "jobd"), (7, "jobd-protocol"), (7, "jobd-states")])
    return page.text()


def _event(kind: type[Event]) -> Iterator[str]:
    yield " ".join((kind.__doc__ or "").split())
    yield f"Severity: {kind.severity}. Fields: {shapes.told(kind)}"
    if kind.frequent:
        yield "It comes often, and is left out of short listings."


def described(record: type) -> Iterator[str]:
    """Say what a record is, and tell its fields or words."""
    yield _capital((record.__doc__ or "").partition("\n")[0])
    yield shapes.told(record)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
