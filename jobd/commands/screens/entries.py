"""What `jobd events` shows of each item: a line of JSON, or columns: number, time, job, what, details, who asked."""

from typing import TYPE_CHECKING, Any

import msgspec

from jobd.commands.screens import looks
from jobd.core.events.catalogue import Actor, Entry
from jobd.core.subscriptions.news import JobNow, News, Present
from jobd.core.views import Watcher
from jobd.ui import amounts
from jobd.ui.terminal_text import field

if TYPE_CHECKING:
    from datetime import datetime

    from jobd.commands._shell import Shell
    from jobd.ui.screen import Screen

#: A longer value is cut where it is shown to people.
LONGEST_SHOWN = 60
#: What is shown of a job; all else is told by `jobd status`.
OF_A_JOB = ("name", "state", "group")


def show(shell: "Shell", item: News) -> None:
    """Show an item of the stream, or a line of the log."""
    screen, asked = shell.screen, shell.asked
    if asked.form or asked.template:
        if isinstance(item, Entry):
            _show_formed(shell, item)
        return
    if screen.as_json:
        screen.json_line(shell.document(item) if isinstance(item, Entry) else item)
        return
    columns = _columns(screen, item)
    screen.data("\t".join(columns) if screen.plain else looks.fitted("  ".join(columns).rstrip(), screen))


def _show_formed(shell: "Shell", entry: Entry) -> None:
    """Show an entry by a template, or in the form of a CloudEvent; there is no other."""
    from jobd.commands import _cloudevents

    if shell.asked.form is None:
        shell.emit(entry, lambda: None)
    else:
        shell.screen.json_line(_cloudevents.enveloped(entry, _cloudevents.source(shell.paths.state)))


def _columns(screen: "Screen", item: News) -> tuple[str, ...]:
    said = msgspec.to_builtins(item)
    kind = said.pop("type")
    if isinstance(item, Entry):
        kind = said["event"].pop("type")
        return (
            str(item.seq),
            _time(screen, item.at),
            str(item.job),
            kind,
            _details(screen, said["event"]),
            who(screen, item.by),
        )
    if isinstance(item, JobNow):
        return "", "", str(item.id), kind, _details(screen, {name: said[name] for name in OF_A_JOB})
    if isinstance(item, Watcher):
        return "", _time(screen, item.since), "", kind, _details(screen, {**said, "since": None})
    if isinstance(item, Present):
        return "", "", "", kind, " ".join(_program(watcher.command, watcher.pid) for watcher in item.watchers)
    return str(said.pop("seq", "")), "", "", kind, _details(screen, said)


def who(screen: "Screen", actor: Actor | None) -> str:
    """Name who asked: for a program user, pid and name of the program, else the program."""
    if actor is None:
        return ""
    if screen.plain:
        return f"{actor.uid}:{actor.pid}:{field(actor.command or '?')}"
    return f"by {_program(actor.command, actor.pid)}"


def _program(command: str | None, pid: int) -> str:
    return f"{field(command or '?')}[{pid}]"


def _time(screen: "Screen", at: "datetime") -> str:
    return amounts.clock(at.isoformat()) if screen.is_terminal else msgspec.to_builtins(at)


def _details(screen: "Screen", values: dict[str, Any]) -> str:
    return " ".join(f"{key}={field(_told(screen, value))}" for key, value in values.items() if value is not None)


def _told(screen: "Screen", value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if screen.plain or len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
