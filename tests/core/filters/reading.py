"""Read filters at one moment, in Berlin, as user 1000; and ask an empty database."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from jobd.core.errors import FilterInvalid
from jobd.core.filters import FUNCTIONS, Asker, Filter, parse
from jobd.daemon.storage import migration

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=BERLIN)


def read(text: str, *, uid: int | None = 1000, presets: Mapping[str, str] | None = None) -> Filter:
    """Read a filter."""
    return parse(text, Asker(NOW, lambda naive: naive.replace(tzinfo=BERLIN), uid), presets)


def refused(text: str, *, uid: int | None = 1000, presets: Mapping[str, str] | None = None) -> FilterInvalid:
    """Give the error for a text that is no filter."""
    with pytest.raises(FilterInvalid) as found:
        read(text, uid=uid, presets=presets)
    return found.value


def database() -> sqlite3.Connection:
    """Make a database in memory as the product has it, that can be asked with filters."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(migration.schema())
    for function in FUNCTIONS:
        connection.create_function(function.name, function.arguments, function.call, deterministic=True)
    return connection
