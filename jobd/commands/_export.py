"""All that a question finds, in a form for other programs: page by page, so that memory stays bounded however many."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from jobd.ui.fields import pick, reach

#: What a row of CSV holds unless other fields are asked for; `progress.fraction` is below `progress`.
COLUMNS = (
    *("id", "name", "group", "state", "reason", "exit_code", "signal", "priority", "attempt"),
    *("created_at", "started_at", "ended_at", "elapsed", "progress.fraction"),
    *("usage.cpu_seconds", "usage.peak_rss_bytes", "usage.read_bytes", "usage.write_bytes"),
    *("cwd", "argv", "labels"),
)

Documents = Iterable[Mapping[str, object]]


def lines(documents: Documents, names: Sequence[str]) -> str:
    """Give a line of JSON for each document, with all fields or those named (JSON Lines)."""
    picked = (pick(document, names) if names else document for document in documents)
    return "".join(msgspec.json.encode(document).decode() + "\n" for document in picked)


def rows(documents: Documents, names: Sequence[str]) -> str:
    """Give a row for each document (RFC 4180, ended by a newline): null is empty, what is no text is as in JSON."""
    return _table([_cell(reach(document, name)) for name in names or COLUMNS] for document in documents)


def header(names: Sequence[str]) -> str:
    """Give the row of names."""
    return _table([list(names or COLUMNS)])


#: By name: what stands before all documents, and what is made of some of them.
FORMATS: dict[str, tuple[Callable[[Sequence[str]], str], Callable[[Documents, Sequence[str]], str]]] = {
    "csv": (header, rows),
    "jsonl": (lambda _: "", lines),
}


def _table(cells: Iterable[list[str]]) -> str:
    import csv

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(cells)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
