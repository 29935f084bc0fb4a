"""All generated files: the manual pages in man/ and the completion scripts in completions/, as one table."""

from collections.abc import Callable

import click

from jobd.manual.completions import SHELLS
from jobd.manual.database import database_page
from jobd.manual.filters import filter_page
from jobd.manual.pages import config_page, man_page
from jobd.manual.protocol import Kinds, protocol_page
from jobd.manual.reference import events_page, states_page
from jobd.manual.tree import read
from jobd.manual.tutorial import tutorial_page

#: Pages that are not about a command: {(section, name): who writes it}.
OTHERS: dict[tuple[int, str], Callable[[Kinds], str]] = {
    (5, "jobd.toml"): lambda _: config_page(),
    (7, "jobd-database"): lambda _: database_page(),
    (7, "jobd-events"): lambda _: events_page(),
    (7, "jobd-filter"): lambda _: filter_page(),
    (7, "jobd-protocol"): protocol_page,
    (7, "jobd-states"): lambda _: states_page(),
    (7, "jobd-tutorial"): lambda _: tutorial_page(),
}


def files(program: click.Group, kinds: Kinds) -> dict[str, str]:
    """Write all files, by their path below the root of the project; `kinds` are the types of all requests."""
    root = read(program, ("jobd",))
    found = {f"man/{verb.page}.1": man_page(verb, OTHERS) for verb in (root, *root.verbs)}
    found |= {f"man/{name}.{section}": write(kinds) for (section, name), write in OTHERS.items()}
    return found | {f"completions/{name}": write(root) for name, write in SHELLS.values()}
