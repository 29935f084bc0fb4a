"""All generated files, each written when asked for: the manual pages in man/ and the completions in completions/."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import click

from jobd.manual.completions import SHELLS
from jobd.manual.database import database_page
from jobd.manual.filters import filter_page
from jobd.manual.pages import config_page, man_page
from jobd.manual.protocol import Kinds, protocol_page
from jobd.manual.reference import events_page, states_page
from jobd.manual.tree import read
from jobd.manual.tutorial import tutorial_page

#: The types of all requests, loaded when they are asked for.
Loader = Callable[[], Kinds]

#: Pages that are not about a command: {(section, name): who writes it}.
OTHERS: dict[tuple[int, str], Callable[[Loader], str]] = {
    (5, "jobd.toml"): lambda _: config_page(),
    (7, "jobd-database"): lambda _: database_page(),
    (7, "jobd-events"): lambda _: events_page(),
    (7, "jobd-filter"): lambda _: filter_page(),
    (7, "jobd-protocol"): lambda kinds: protocol_page(kinds()),
    (7, "jobd-states"): lambda _: states_page(),
    (7, "jobd-tutorial"): lambda _: tutorial_page(),
}


class Library(Mapping[str, str]):
    """The files of a program, by their path below the root of the project."""

    def __init__(self, program: click.Group, kinds: Loader) -> None:
        root = read(program, ("jobd",))
        self._writers: dict[str, Callable[[], str]] = {
            **{f"man/{verb.page}.1": partial(man_page, verb, OTHERS) for verb in (root, *root.verbs)},
            **{f"man/{name}.{section}": partial(write, kinds) for (section, name), write in OTHERS.items()},
            **{f"completions/{name}": partial(write, root) for name, write in SHELLS.values()},
        }

    def __getitem__(self, path: str) -> str:
        return self._writers[path]()

    def __contains__(self, path: object) -> bool:
        return path in self._writers

    def __iter__(self) -> Iterator[str]:
        return iter(self._writers)

    def __len__(self) -> int:
        return len(self._writers)
