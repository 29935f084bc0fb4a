"""The manual page of the database, jobd-database(7), made from the comments in its schema."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jobd.config import Config
from jobd.manual.mdoc import Page, call

SCHEMA = Path(__file__).parents[1] / "daemon" / "storage" / "schema.sql"

_VIEW = re.compile(r"^CREATE VIEW (\w+) AS -- (.*)$", re.MULTILINE)
#: A column: its name is the last word before the comma and the comment.
_COLUMN = re.compile(r"(\w+),? -- (.*)$", re.MULTILINE)

EXAMPLES = (
    'sqlite3 -readonly "$(jobd db path)" "SELECT id, name, seconds FROM v_jobs WHERE state = \'failed\'"',
    'datasette "$(jobd db path)"',
    "python3 -c 'import pandas, sqlite3, sys",
    'print(pandas.read_sql("SELECT * FROM v_daily", sqlite3.connect(sys.argv[1])))\' "$(jobd db path)"',
)


class View(NamedTuple):
    """A view: its name, what it has, and what each of its columns is."""

    name: str
    help: str
    columns: dict[str, str]


def views() -> Iterator[View]:
    """Read the views from the schema."""
    text = SCHEMA.read_text(encoding="utf-8")
    for match in _VIEW.finditer(text):
        body, _, _ = text[match.end() :].partition("\n\n")
        yield View(match[1], match[2], dict(_COLUMN.findall(body)))


def database_page() -> str:
    """Write jobd-database(7)."""
    kept = Config().storage.backup_keep
    page = Page("jobd-database", 7, "the database of jobd, for other programs")
    page.heading("DESCRIPTION")
    page.paragraph(
        "All that jobd remembers is in one SQLite file, which `jobd db path` names. Any program that reads SQLite may "
        "read it while the daemon runs; none should write it. The views below are made for that and only get more "
        "columns; the tables behind them may change with any version. Times are ISO 8601 in UTC, durations seconds, "
        "sizes bytes."
    )
    page.paragraph(
        "A program that reads for a long time keeps the write-ahead log from being emptied: it should end its "
        "transactions. The file must not be copied while it is in use; `jobd db backup` makes a copy, and the daemon "
        f"keeps {kept}."
    )
    for view in views():
        page.heading(f"THE VIEW {view.name.upper()}")
        page.paragraph(f"{view.help} It is called `{view.name}`.")
        page.items((call("Va", name)[1:], [help_text]) for name, help_text in view.columns.items())
    page.heading("EXAMPLES")
    page.literal(list(EXAMPLES))
    page.see_also([(1, "jobd-db"), (1, "jobd-history"), (7, "jobd-events"), (7, "jobd-states")])
    return page.text()
