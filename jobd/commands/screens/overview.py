"""How everything stands: what `jobd` draws when it is told nothing."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobd import __version__
from jobd.commands.following.output import last_lines
from jobd.commands.screens import looks, tables
from jobd.core.model import ALIVE, State
from jobd.ui import amounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobd.commands._shell import Shell
    from jobd.core.views import JobView

WELCOME = """\
jobd runs, follows and remembers jobs. There are none yet.

  jobd run -- make              run a command here, with a record
  jobd submit -- make           run it in the background
  jobd list                     what runs and what has just ended
  jobd history                  what was

More: jobd help · man jobd
"""

#: How the first line calls the states, in its order: those of now, and those that jobs of today have ended in.
NOW = {**{state: state.value for state in State if state in ALIVE}, State.PENDING: "waiting"}
TODAY = {State.COMPLETED: "ok", State.FAILED: "failed", State.CANCELED: "canceled"}


def show(
    shell: "Shell",
    active: "Sequence[JobView]",
    failures: "Sequence[JobView]",
    counts: "Mapping[State, int]",
    today: "Mapping[State, int]",
    since: datetime | None,
) -> None:
    """Draw the first line, the active jobs, and the latest failures; `since` is when the daemon was started."""
    screen = shell.screen
    if screen.plain:
        screen.data(tables.plain(active, screen))
        return
    if not counts:
        screen.data(WELCOME if screen.unicode else WELCOME.replace("·", "|"))
        return
    now = datetime.now(UTC)
    up = f"up {amounts.duration((now - since).total_seconds() // 1)}" if since else "no daemon"
    ended = _counted(today, TODAY)
    head = looks.rows(screen, f"jobd {__version__}", up, _counted(counts, NOW), f"today {ended}" if ended else "")
    blocks = [
        "".join(screen.paint(row, "bold") + "\n" for row in head),
        tables.active(active, screen),
        tables.ended(failures, screen, now, lambda job: "".join(last_lines(shell.paths, job, 1))),
    ]
    screen.data("\n".join(filter(None, blocks)))
    looks.hint(screen, *_next(tables.in_turn(active), failures))


def _counted(counts: "Mapping[State, int]", words: "Mapping[State, str]") -> str:
    return ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts.get(state))


def _next(active: "Sequence[JobView]", failures: "Sequence[JobView]") -> list[str]:
    following = [f"Follow: jobd tail -f {active[0].id}"] if active else []
    why = [f"Why it failed: jobd status {failures[0].id}", f"Again: jobd retry {failures[0].id}"] if failures else []
    return [*following, *why] or ["What was: jobd history"]
