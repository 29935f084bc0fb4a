"""The fields of a filter: one row each says its name, its kind, how a job gives it, and what it is in SQL.

The rule: what `get` gives of a job that has ended, `sql` gives of its row in the table `jobs`; None and NULL are what
is not known. Texts, amounts and times are compared as `kinds.py` reads them. SQL looks into the record where there is
no column, and leaves to a function of `functions.py` what it cannot say.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from jobd.core import clocks, figures, staleness, text
from jobd.core.filters import words
from jobd.core.filters.kinds import (
    DURATION,
    FLAG,
    INTEGER,
    LABELS,
    NUMBER,
    PERCENT,
    SHARE,
    SIGNAL,
    SIZE,
    STATE,
    TEXT,
    TIME,
    USER,
    Kind,
    Value,
)
from jobd.core.model import Job, Moment
from jobd.core.quantities import to_microseconds
from jobd.core.work.items import ItemState

#: What leads the name of a label: label.env.
LABEL = "label."
LABEL_SPELLINGS = (LABEL, "labels.", "tag.", "tags.")

#: The record in SQL; NULL, and not the end of the whole search, if it is damaged.
RECORD = "CASE WHEN json_valid(record) THEN record END"

#: The name of a label that a JSON path can hold as it is.
_IN_PATH = re.compile(r'[^"\\\x00-\x1f\x7f]+')


class Told(NamedTuple):
    """What a person may know of a field: its name, what its values are, what it is, and its other names."""

    name: str
    kind: str
    help: str
    aliases: tuple[str, ...] = ()


class Field(NamedTuple):
    """Something of a job that a filter can ask for. `parameters` are those that its SQL takes."""

    name: str
    kind: Kind
    get: Callable[[Job, Moment], Value | None]
    sql: str
    help: str
    aliases: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


def listing() -> tuple[Told, ...]:
    """Tell of all fields, labels too."""
    told = (Told(field.name, field.kind.name, field.help, field.aliases) for field in FIELDS)
    return *told, Told(f"{LABEL}NAME", TEXT.name, "The value of a label; the NAME may stand in double quotes.")


def find(name: str) -> Field | None:
    """Find a field by one of its names, in any case of letters, or make that of a label."""
    lowered = name.lower()
    if lowered in NAMES:
        return NAMES[lowered]
    for spelling in LABEL_SPELLINGS:
        if lowered.startswith(spelling):
            return _label(name[len(spelling) :])
    return None


def known(name: str) -> Field:
    """Give the field of this name, which there is. Raises KeyError for any other."""
    field = find(name)
    if field is None:
        raise KeyError(name)
    return field


def _label(name: str) -> Field:
    if _IN_PATH.fullmatch(name):
        sql, parameter = f"json_extract({RECORD}, ?)", f'$.labels."{name}"'
    else:
        sql, parameter = "jobd_label(record, ?)", name
    return Field(LABEL + name, TEXT, lambda job, _: job.labels.get(name), sql, "A label.", (), (parameter,))


def _json(path: str) -> str:
    return f"json_extract({RECORD}, '$.{path}')"


def _bytes(path: str) -> str:
    """Say in SQL what `text.plain` makes of bytes that may not be UTF-8."""
    plain = _json(path)
    return (
        f"CASE json_type({RECORD}, '$.{path}') WHEN 'object' THEN jobd_plain({_json(f'{path}.b64')}) ELSE {plain} END"
    )


def _time(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


def _used(job: Job, part: str) -> Any:
    return getattr(job.usage, part) if job.usage else None


def _cwd(job: Job, _: Moment) -> str | None:
    folder = job.spec.cwd if job.spec else job.origin.cwd
    return None if folder is None else text.plain(folder)


def _wait(job: Job, now: Moment) -> float | None:
    if job.started_at is None and not job.done:
        return max(0.0, (now.wall - job.queued_at).total_seconds())
    return figures.of(job).wait


def _duration(job: Job, now: Moment) -> float | None:
    return figures.of(job).duration if job.done else clocks.elapsed(job, now)


def _times(quantile: str) -> Callable[[Job, Moment], float | None]:
    """Give the duration as a multiple of a usual one."""

    def get(job: Job, now: Moment) -> float | None:
        lasted, usual = _duration(job, now), getattr(job.usual, quantile, None)
        return lasted / usual if usual and lasted is not None else None

    return get


def _pid(job: Job, _: Moment) -> int | None:
    return job.attempt.main.pid if job.attempt and job.attempt.main else None


def _said(kind: Kind, part: str, text: str, name: str = "") -> Field:
    """Make the field of a part of the progress."""
    path = f"progress.{part}"
    return Field(name or part, kind, lambda job, _: getattr(job.progress, part), _json(path), text, (path,))


def _counted(state: ItemState) -> Field:
    """Make the field of the number of items in a state."""
    path = f"progress.items.{state}"

    def get(job: Job, _: Moment) -> int:
        return getattr(job.progress.items, state.value) if job.progress.items else 0

    return Field(f"items.{state}", INTEGER, get, f"ifnull({_json(path)}, 0)", f"How many of them are {state}.", (path,))


def _uses(kind: Kind, name: str, part: str, text: str) -> Field:
    """Make the field of what a job uses now, which is nothing when it has ended."""
    return Field(name, kind, lambda job, _: None if job.done else _used(job, part), "NULL", text, (f"usage.{part}",))


ITEMS = tuple(_counted(state) for state in ItemState)

#: All fields but those of single labels.
FIELDS: tuple[Field, ...] = (
    Field("id", INTEGER, lambda job, _: job.id, "id", "The number of the job.", ("job",)),
    Field("name", TEXT, lambda job, _: job.name, "name", "Its name."),
    Field("state", STATE, lambda job, _: job.state.value, "state", "Where it stands; see jobd-states(7).",
          ("status",)),
    Field("reason", TEXT, lambda job, _: job.reason, "reason", "Why it stands there: exit:1, signal:9, oom, lost."),
    Field("detail", TEXT, lambda job, _: job.detail, _json("detail"), "More about the reason."),
    Field("exit_code", INTEGER, lambda job, _: figures.of(job).exit_code, "exit_code",
          "The exit status with which it ended.", ("exit", "code")),
    Field("signal", SIGNAL, lambda job, _: figures.of(job).signal, "signal", "The signal that ended it."),
    Field("command", TEXT, lambda job, _: words.command(job), "jobd_command(record)",
          "Its words, with a space between.", ("argv", "cmd")),
    Field("cwd", TEXT, _cwd, f"coalesce({_bytes('spec.cwd')}, {_bytes('origin.cwd')})",
          "The directory in which it runs.", ("dir", "directory")),
    Field("group", TEXT, lambda job, _: job.group, "grp", "The group in which it queues.", ("partition",)),
    Field("priority", INTEGER, lambda job, _: job.priority, "priority", "A higher number starts first."),
    Field("parent", INTEGER, lambda job, _: job.parent, "parent", "The number of the job that it belongs to."),
    Field("begun", FLAG, lambda job, _: int(job.spec is None), f"(json_type({RECORD}, '$.spec') IS NULL)",
          "Whether something else started it: it was begun, or attached."),
    Field("uid", USER, lambda job, _: job.origin.uid, "uid", "The user who submitted it.", ("user", "origin.uid")),
    Field("tty", TEXT, lambda job, _: job.origin.tty, _json("origin.tty"),
          "The terminal at which it was submitted.", ("origin.tty",)),
    Field("labels", LABELS, lambda job, _: len(job.labels) or None, f"nullif({_json('labels')}, '{{}}')",
          "Its labels; labels:env are the jobs with a label env.", ("label", "tag", "tags")),
    Field("created", TIME, lambda job, _: _time(job.created_at), "created_at",
          "When it was submitted, or taken in after a run without a daemon.",
          ("created_at", "submitted")),
    Field("started", TIME, lambda job, _: _time(job.started_at), "started_at", "When its last attempt started.",
          ("started_at", "start")),
    Field("ended", TIME, lambda job, _: _time(job.ended_at), "ended_at", "When it ended.",
          ("ended_at", "end", "finished")),
    Field("updated", TIME, lambda job, _: _time(job.progress.updated_at),
          f"jobd_time({_json('progress.updated_at')})", "When it last said how far it is.", ("progress.updated_at",)),
    Field("duration", DURATION, _duration, "duration", "How long its last attempt has run, or ran, without pauses.",
          ("elapsed", "took", "runtime")),
    Field("wait", DURATION, _wait, "wait", "How long it waited for its start, or waits, since it was last asked for."),
    Field("usual", DURATION, lambda job, _: job.usual.p50 if job.usual else None, _json("usual.p50"),
          "How long half of the earlier runs of its name took at most.", ("usual.p50",)),
    Field("ratio", SHARE, _times("p50"), f"(duration / {_json('usual.p50')})",
          "Its duration as a multiple of the usual one: 2 is twice as long.", ("over_usual", "slowness")),
    Field("over_p95", SHARE, _times("p95"), f"(duration / {_json('usual.p95')})",
          "The same as a multiple of what 95 % of the earlier runs took at most."),
    Field("usual.runs", INTEGER, lambda job, _: job.usual.runs if job.usual else 0, f"ifnull({_json('usual.runs')}, 0)",
          "Of how many earlier runs that is said: the latest that completed of its name, 50 at the most."),
    Field("attempts", INTEGER, lambda job, _: job.numbered, "attempts", "How many attempts there were.", ("tries",)),
    Field("attempt", INTEGER, lambda job, _: job.attempt.number if job.attempt else None,
          _json("attempts[#-1].number"), "The number of its last attempt."),
    Field("pid", INTEGER, _pid, _json("attempts[#-1].main.pid"),
          "The process of its last attempt, also after its end."),
    _said(PERCENT, "fraction", "How far it is, in percent.", "progress")._replace(aliases=("percent",)),
    _said(SHARE, "fraction", "The same, from 0 to 1."),
    _said(NUMBER, "done", "How many units are done."),
    _said(NUMBER, "total", "How many units there are."),
    _said(TEXT, "unit", "What is counted."),
    _said(NUMBER, "rate", "Units a second; fractions of the whole where nothing is counted."),
    _said(TEXT, "stage", "The stage of its work."),
    _said(TEXT, "message", "What it said last."),
    Field("reports", INTEGER, lambda job, _: job.progress.reports, f"ifnull({_json('progress.reports')}, 0)",
          "How often it said something.", ("progress.reports",)),
    Field("items.total", INTEGER, lambda job, _: job.progress.items.total if job.progress.items else 0,
          f"({' + '.join(field.sql for field in ITEMS)})", "How many items it told of.", ("items",)),
    *ITEMS,
    Field("cpu", DURATION, lambda job, _: _used(job, "cpu_seconds"), "cpu", "CPU time of its last attempt's processes.",
          ("cpu_seconds", "usage.cpu_seconds")),
    Field("memory", SIZE, lambda job, _: _used(job, "peak_rss_bytes"), "memory", "The most memory it used at a time.",
          ("mem", "peak", "usage.peak_rss_bytes")),
    Field("read", SIZE, lambda job, _: _used(job, "read_bytes"), _json("usage.read_bytes"), "Bytes read from disks.",
          ("usage.read_bytes",)),
    Field("written", SIZE, lambda job, _: _used(job, "write_bytes"), _json("usage.write_bytes"),
          "Bytes written to disks.", ("usage.write_bytes",)),
    _uses(NUMBER, "cpu_percent", "cpu_percent", "Percent of one CPU that it uses now."),
    _uses(SIZE, "rss", "rss_bytes", "Memory that it uses now."),
    _uses(INTEGER, "processes", "processes", "How many processes it has now."),
    Field("warned", INTEGER, lambda job, _: job.warned, f"ifnull({_json('warned')}, 0)",
          "How many warnings there were."),
    Field("warnings", TEXT, lambda job, _: words.warnings(job), "jobd_warnings(record)",
          "The latest warnings, a line each.", ("errors",)),
    Field("stale", FLAG, lambda job, _: int(staleness.stale(job)), "0",
          "Whether it is silent for longer than it promised."),
)  # fmt: skip

#: Each field by each of its names.
NAMES: dict[str, Field] = {name: field for field in FIELDS for name in (field.name, *field.aliases)}
