"""Completion scripts: static text made from the command line; a word that never changes costs no process at a TAB."""

import click

from jobd.manual import bash, fish, zsh
from jobd.manual.tree import read

#: {shell: (name of the file, who writes it)}
SHELLS = {"bash": ("jobd.bash", bash.script), "zsh": ("_jobd", zsh.script), "fish": ("jobd.fish", fish.script)}


def completions(group: click.Group, shell: str) -> str:
    """Write the script for `bash`, `zsh` or `fish`."""
    return SHELLS[shell][1](read(group, ("jobd",)))
