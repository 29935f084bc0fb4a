"""All generated files: the manual pages in man/ and the completion scripts in completions/, as one table."""

import click

from jobd.manual.completions import SHELLS
from jobd.manual.pages import config_page, man_page
from jobd.manual.tree import read

#: Pages that are not about a command: {(section, name): who writes it}.
OTHERS = {(5, "jobd.toml"): config_page}


def files(program: click.Group) -> dict[str, str]:
    """Write all files, by their path below the root of the project."""
    root = read(program, ("jobd",))
    found = {f"man/{verb.page}.1": man_page(verb, OTHERS) for verb in (root, *root.verbs)}
    found |= {f"man/{name}.{section}": write() for (section, name), write in OTHERS.items()}
    return found | {f"completions/{name}": write(root) for name, write in SHELLS.values()}
