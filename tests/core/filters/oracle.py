"""What a filter means, said a second time and as simply as possible, over the JSON of a job: nothing of the product.

A filter is a tree of tuples here; `written` gives a text for it, in one of the ways in which people might write it.
"""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ENDED = ("completed", "canceled", "failed")

Json = dict[str, Any]


class Clock(NamedTuple):
    """The moment at which a filter is asked."""

    wall: datetime
    boottime: int
    boot: str


class Operand(NamedTuple):
    """A value: what is typed, and what it means.

    A text means a list of its signs, in which None is a wildcard for any signs and True one for a single sign; a time
    the first microsecond and the first one after it.
    """

    typed: str
    means: Any


def micros(text: str | None) -> int | None:
    """Read a time of the JSON."""
    return None if text is None else (datetime.fromisoformat(text) - EPOCH) // MICROSECOND


def plain(value: Any) -> str | None:
    """Read text that may be bytes."""
    if isinstance(value, dict):
        return base64.b64decode(value["b64"]).decode("utf-8", "backslashreplace")
    return value


def last(job: Json) -> Json:
    """Give the last attempt."""
    attempts = job.get("attempts") or [{}]
    return attempts[-1]


def ended(job: Json) -> bool:
    """Say whether a job has ended."""
    return job["state"] in ENDED


def exits(job: Json) -> tuple[int | None, int | None]:
    """Give exit code and signal."""
    ending = last(job).get("ending") if ended(job) else None
    if ending is None:
        return None, None
    status = ending.get("status")
    if status is not None and status & 0x7F == 0:
        return status >> 8, None
    if status is not None and status & 0x7F != 0x7F:
        return None, status & 0x7F
    if "start_errno" in ending:
        return (127 if ending["start_errno"] == 2 and ending["start_step"] == "exec" else 126), None
    return None, None


def duration(job: Json, now: Clock) -> float | None:
    """Give the seconds that the last attempt has run, or ran."""
    attempt = last(job)
    began, ending = micros(attempt.get("started_at")), attempt.get("ending")
    if began is None:
        return None
    if ending is not None and not ended(job):
        return None
    if ending is not None and "elapsed" in ending:
        whole = ending["elapsed"]
    elif ending is not None:
        if "ended_at" not in ending:
            return None
        whole = ((micros(ending["ended_at"]) or 0) - began) / 1e6
    elif attempt["boot"] == now.boot and "started_boottime" in attempt:
        whole = (attempt.get("paused_boottime", now.boottime) - attempt["started_boottime"]) / 1e9
    else:
        whole = (now.wall - datetime.fromisoformat(attempt["started_at"])).total_seconds()
    return round(max(0.0, whole - attempt.get("paused_seconds", 0.0)), 6)


def waited(job: Json, now: Clock) -> float | None:
    """Give the seconds before the start, since it was asked for."""
    queued = datetime.fromisoformat(job.get("renewed_at", job["created_at"]))
    if "started_at" in job:
        return max(0.0, (datetime.fromisoformat(job["started_at"]) - queued).total_seconds())
    return None if ended(job) else max(0.0, (now.wall - queued).total_seconds())


def times(quantile: str) -> Callable[[Json, Clock], float | None]:
    """Give the duration through a usual one."""

    def get(job: Json, now: Clock) -> float | None:
        seconds, usual = duration(job, now), job.get("usual", {}).get(quantile)
        return seconds / usual if seconds is not None and usual else None

    return get


def command(job: Json) -> str | None:
    """Give the command."""
    words = job["spec"]["argv"] if "spec" in job else job.get("command")
    return " ".join(str(plain(word)) for word in words) if words else None


def warnings(job: Json) -> str | None:
    """Give the warnings."""
    found = job.get("warnings")
    return "\n".join(warning["text"] for warning in found) if found else None


def said(job: Json) -> str:
    """Give all in which words are found, a line each, the command last."""
    progress = job.get("progress", {})
    texts = [job["name"], job.get("reason"), job.get("detail"), progress.get("message"), progress.get("stage")]
    texts += [warning["text"] for warning in job.get("warnings", [])]
    texts += [f"{name}={value}" for name, value in job.get("labels", {}).items()]
    return "\n".join(text for text in [*texts, command(job)] if text)


def items(job: Json, state: str) -> int:
    """Count items."""
    counts = job.get("progress", {}).get("items", {})
    states = ("pending", "processing", "completed", "failed", "skipped", "canceled")
    return sum(counts.get(each, 0) for each in (states if state == "total" else (state,)))


def stale(job: Json) -> bool:
    """Say whether a job is silent."""
    attempt = last(job)
    return not ended(job) and "stale_since" in attempt and "ending" not in attempt


def of(*path: str, default: Any = None) -> Callable[[Json, Clock], Any]:
    """Look into the JSON."""

    def look(job: Any, _: Clock) -> Any:
        for name in path:
            job = job.get(name) if job is not None else None
        return default if job is None else job

    return look


def now_only(*path: str) -> Callable[[Json, Clock], Any]:
    """Look into the JSON of a job that has not ended."""
    return lambda job, now: None if ended(job) else of(*path)(job, now)


#: {field: (what kind of values it has, how it is found)}
FIELDS: dict[str, tuple[str, Callable[[Json, Clock], Any]]] = {
    "id": ("number", of("id")),
    "name": ("text", of("name")),
    "state": ("state", of("state")),
    "reason": ("text", of("reason")),
    "detail": ("text", of("detail")),
    "exit_code": ("number", lambda job, _: exits(job)[0]),
    "signal": ("signal", lambda job, _: exits(job)[1]),
    "command": ("text", lambda job, _: command(job)),
    "cwd": ("text", lambda job, _: plain(job["spec"]["cwd"] if "spec" in job else job["origin"].get("cwd"))),
    "group": ("text", of("group", default="default")),
    "priority": ("number", of("priority", default=0)),
    "parent": ("number", of("parent")),
    "begun": ("flag", lambda job, _: "spec" not in job),
    "uid": ("user", of("origin", "uid")),
    "tty": ("text", of("origin", "tty")),
    "created": ("time", lambda job, _: micros(job["created_at"])),
    "started": ("time", lambda job, _: micros(job.get("started_at"))),
    "ended": ("time", lambda job, _: micros(job.get("ended_at"))),
    "updated": ("time", lambda job, _: micros(job.get("progress", {}).get("updated_at"))),
    "duration": ("duration", duration),
    "wait": ("duration", waited),
    "usual": ("duration", of("usual", "p50")),
    "ratio": ("share", times("p50")),
    "over_p95": ("share", times("p95")),
    "usual.runs": ("number", of("usual", "runs", default=0)),
    "attempts": ("number", of("numbered", default=0)),
    "attempt": ("number", lambda job, _: last(job).get("number")),
    "pid": ("number", lambda job, _: last(job).get("main", {}).get("pid")),
    "progress": ("percent", of("progress", "fraction")),
    "fraction": ("share", of("progress", "fraction")),
    "done": ("amount", of("progress", "done")),
    "total": ("amount", of("progress", "total")),
    "unit": ("text", of("progress", "unit")),
    "rate": ("amount", of("progress", "rate")),
    "stage": ("text", of("progress", "stage")),
    "message": ("text", of("progress", "message")),
    "reports": ("number", of("progress", "reports", default=0)),
    "items.total": ("number", lambda job, _: items(job, "total")),
    "items.pending": ("number", lambda job, _: items(job, "pending")),
    "items.processing": ("number", lambda job, _: items(job, "processing")),
    "items.completed": ("number", lambda job, _: items(job, "completed")),
    "items.failed": ("number", lambda job, _: items(job, "failed")),
    "items.skipped": ("number", lambda job, _: items(job, "skipped")),
    "items.canceled": ("number", lambda job, _: items(job, "canceled")),
    "cpu": ("duration", of("usage", "cpu_seconds")),
    "memory": ("size", of("usage", "peak_rss_bytes")),
    "read": ("size", of("usage", "read_bytes")),
    "written": ("size", of("usage", "write_bytes")),
    "cpu_percent": ("amount", now_only("usage", "cpu_percent")),
    "rss": ("size", now_only("usage", "rss_bytes")),
    "processes": ("number", now_only("usage", "processes")),
    "warned": ("number", of("warned", default=0)),
    "warnings": ("text", lambda job, _: warnings(job)),
    "stale": ("flag", lambda job, _: stale(job)),
}


def find(field: str, job: Json, now: Clock) -> Any:
    """Give the value of a field; None if it is not known."""
    if field == "labels":
        return job.get("labels") or None
    if field.startswith("label."):
        return job.get("labels", {}).get(field.removeprefix("label."))
    return FIELDS[field][1](job, now)


def kind(field: str) -> str:
    """Say what kind of values a field has."""
    return "text" if field.startswith("label.") else FIELDS[field][0]


def like(text: str, signs: list[Any]) -> bool:
    """Compare with a text that may have wildcards."""
    if not signs:
        return not text
    if signs[0] is None:
        return any(like(text[at:], signs[1:]) for at in range(len(text) + 1))
    return bool(text) and signs[0] in (True, text[0]) and like(text[1:], signs[1:])


def letters(operand: Operand) -> str:
    """Give the text of an operand, in which wildcards are what was typed."""
    return "".join({None: "*", True: "?"}.get(sign, sign) for sign in operand.means)


def equal(found: Any, operand: Operand, of_kind: str) -> bool:
    """Compare with one value."""
    if of_kind == "text":
        return like(found, operand.means)
    if of_kind == "time":
        return bool(operand.means[0] <= found < operand.means[1])
    return bool(found == operand.means)


def searched(pattern: str, text: str) -> bool:
    """Look for a pattern, whose $ is the end of the text alone; Python's stands before a newline at the end, too."""
    return re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None


def compares(found: Any, symbol: str, operands: list[Operand], of_kind: str) -> bool:
    """Compare a known value."""
    first, *others = operands
    low, high = first.means if of_kind == "time" else (first.means, first.means)
    if symbol in ("between", "not between"):
        top = others[0].means
        inside = low <= found < top[1] if of_kind == "time" else low <= found <= top
        return bool(inside == (symbol == "between"))
    after = found >= high if of_kind == "time" else of_kind != "text" and found > high
    meanings: dict[str, Callable[[], bool]] = {
        "=": lambda: equal(found, first, of_kind),
        "!=": lambda: not equal(found, first, of_kind),
        "in": lambda: any(equal(found, operand, of_kind) for operand in operands),
        "not in": lambda: not any(equal(found, operand, of_kind) for operand in operands),
        "<": lambda: found < low,
        "<=": lambda: not after,
        ">": lambda: after,
        ">=": lambda: found >= low,
        "^=": lambda: found[: len(letters(first))] == letters(first),
        "$=": lambda: letters(first) == found[len(found) - len(letters(first)) :] and len(letters(first)) <= len(found),
        "*=": lambda: letters(first) in found,
        "~": lambda: searched(first.means, found),
        "!~": lambda: not searched(first.means, found),
        ":": lambda: (
            letters(first).casefold() in found.casefold() if of_kind == "text" else equal(found, first, of_kind)
        ),
    }
    return bool(meanings[symbol]())


def met(job: Json, now: Clock, field: str, symbol: str, operands: list[Operand]) -> bool:
    """Say whether a comparison holds."""
    found = find(field, job, now)
    if symbol in ("is set", "is null"):
        return (found is not None) == (symbol == "is set")
    return found is not None and compares(found, symbol, operands, kind(field))


#: What each kind of node means; the parts of a node are given, and whether a node holds.
NODES: dict[str, Callable[..., bool]] = {
    "and": lambda job, now, *parts: all(holds(part, job, now) for part in parts),
    "or": lambda job, now, *parts: any(holds(part, job, now) for part in parts),
    "not": lambda job, now, part: not holds(part, job, now),
    "words": lambda job, _, word: word.casefold() in said(job).casefold(),
    "has": lambda job, _, name: name in job.get("labels", {}),
    "compare": met,
}


def holds(tree: Any, job: Json, now: Clock) -> bool:
    """Say whether a job is meant."""
    what, *parts = tree
    return NODES[what](job, now, *parts)
