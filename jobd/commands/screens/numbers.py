"""How statistics look: a line for each key with a sparkline of its latest runs, and a line that sums up."""

from typing import TYPE_CHECKING, NamedTuple

from jobd.commands.screens import looks
from jobd.core.history.stats import LATEST, By, Statistics, StatisticsReport
from jobd.core.model import State
from jobd.ui import amounts, bars
from jobd.ui.table import Column, table

if TYPE_CHECKING:
    from jobd.ui.screen import Screen

HOUR = 3600
#: A trend below this share is none.
LEAST_TREND = 0.01
#: Runs whose time says nothing, in a sparkline.
LETTERS = {State.FAILED: "x", State.CANCELED: "c"}
#: From how many cells on a screen shows the columns that can be missed.
WIDE, WIDEST = 100, 120


class Room(NamedTuple):
    """A column, and from how many cells on a screen shows it."""

    columns: int
    column: Column


def show(report: StatisticsReport, by: By, limit: int, screen: "Screen") -> None:
    """Show a report of statistics."""
    columns = [room.column for room in _columns(by, screen) if screen.plain or screen.columns >= room.columns]
    if not screen.plain:
        columns = [column for column in columns if _is_filled(column, report)]
    screen.data(table(columns, report.statistics, screen))
    if report.total.runs and not screen.plain:
        screen.data(_total(report, screen))
    if len(report.statistics) == limit:
        screen.notice(f"no more than {limit} are shown; more: --limit")


def _columns(by: By, screen: "Screen") -> list[Room]:
    hours = "CPU·h" if screen.unicode else "CPU-h"
    return [
        Room(0, Column(by.upper(), lambda one: '""' if one.key == "" else one.key, shrink=1, least=10)),
        Room(0, Column("RUNS", "runs", right=True)),
        Room(0, Column("OK", lambda one: amounts.percent(one.success), right=True, raw="success")),
        Room(0, _quantile("p50")),
        Room(0, _quantile("p90")),
        Room(WIDEST, _quantile("p95")),
        Room(0, _quantile("p99")),
        Room(WIDE, Column("WAIT", lambda one: amounts.duration(one.wait), right=True, raw="wait")),
        Room(0, Column(hours, lambda one: f"{one.cpu_seconds / HOUR:.1f}", right=True, raw="cpu_seconds")),
        Room(WIDE, Column("PEAK", lambda one: amounts.size(one.peak_rss_bytes), right=True, raw="peak_rss_bytes")),
        Room(0, Column("TREND", _trend, right=True, raw="trend")),
        Room(0, Column(f"LAST {LATEST}", lambda one: _latest(one, screen), terminal_only=True)),
    ]


def _quantile(name: str) -> Column:
    return Column(name, lambda one: amounts.duration(getattr(one, name)), right=True, raw=name)


def _is_filled(column: Column, report: StatisticsReport) -> bool:
    """Say whether anything stands in a column that only some statistics have."""
    get = column.get
    return not callable(get) or any(get(one) != "" for one in report.statistics)


def _trend(one: Statistics) -> str:
    return f"{one.trend:+.0%}/week" if one.trend is not None and abs(one.trend) >= LEAST_TREND else ""


def _latest(one: Statistics, screen: "Screen") -> str:
    """Draw the latest runs: those that completed as high as they took long."""
    times = [seconds if state is State.COMPLETED else None for seconds, state in one.latest]
    cells = bars.spark(times, unicode=screen.unicode)
    return "".join(LETTERS.get(state, cell) for (_, state), cell in zip(one.latest, cells, strict=True))


def _total(report: StatisticsReport, screen: "Screen") -> str:
    total, most = report.total, max(report.hours)
    busiest = report.hours.index(most)
    said = looks.rows(
        screen,
        f"{total.runs} run{'s' if total.runs > 1 else ''}",
        "" if total.success is None else f"{amounts.percent(total.success)} ok",
        f"{total.cpu_seconds / HOUR:.1f} CPU hours",
        f"busiest hour {busiest:02}-{(busiest + 1) % 24:02}" if most else "",
    )
    return "\n".join(said)
