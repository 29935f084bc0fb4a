"""jobd completion: scripts for the shells, static but for the names of jobs, and the manual pages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import click
from msgspec import Meta

from jobd.commands._shell import Shell
from jobd.commands.screens.help import library
from jobd.core.model import FINAL, State
from jobd.wire import Read

if TYPE_CHECKING:
    from jobd.core.events.catalogue import Actor
    from jobd.core.model import Job
    from jobd.daemon.remembered.archive import Archive

#: Jobs that a TAB offers: those that live first, then those that ended last.
MOST_LIVING, MOST_ENDED = 200, 50

EXAMPLES = """\
jobd completion install        # for your shell, and the manual pages
jobd completion bash > jobd.bash  # the script alone
"""


class Words(Read[tuple[str, ...]], frozen=True):
    """List what a word that stands for a job may become: an id or a name, a tab, and what to tell it by."""

    method: ClassVar = "completion.words"

    kind: Literal["ids", "names"] = "ids"
    prefix: Annotated[str, Meta(max_length=4096)] = ""

    def answer(self, archive: Archive, caller: Actor) -> tuple[str, ...]:  # all who may ask see the same
        """Ask the archive."""
        living = tuple(state for state in State if state not in FINAL)
        jobs = [*archive.newest(MOST_LIVING, *living), *archive.newest(MOST_ENDED)]
        found: dict[str, str] = {}
        for job in jobs:
            word, told = self._word(job)
            if word.startswith(self.prefix):
                found.setdefault(word, told)
        return tuple(f"{word}\t{told}" for word, told in found.items())

    def _word(self, job: Job) -> tuple[str, str]:
        if self.kind == "ids":
            return str(job.id), f"{job.name} {job.state}"
        return job.name, f"{job.id} {job.state}"


@click.group("completion", epilog=EXAMPLES)
def command() -> None:
    """Complete commands, options and jobs with the TAB key."""


def _script(shell_name: str) -> click.Command:
    @click.pass_context
    def show(ctx: click.Context) -> None:
        path = next(path for path, name in SCRIPTS.items() if name == shell_name)
        ctx.ensure_object(Shell).screen.write(library(ctx)[path])

    example = f"jobd completion {shell_name}  # print it"
    return click.Command(
        shell_name, callback=show, help=f"Print the completion script for {shell_name}.", epilog=example
    )


for _name in ("bash", "zsh", "fish"):
    command.add_command(_script(_name))


@command.command("install", epilog="jobd completion install --shell zsh  # for zsh, whatever $SHELL says")
@click.option(
    "--shell",
    "shells",
    type=click.Choice(["bash", "zsh", "fish"]),
    multiple=True,
    help="For this shell; without it for the one in $SHELL.",
)
@click.pass_context
def install(ctx: click.Context, shells: tuple[str, ...]) -> None:
    """Install the completion for your shell, and the manual pages, in your home directory.

    What is up to date is left alone, so it may be repeated at will, and should be after an update.

    Exit status: 1 if a file cannot be written.
    """
    shell = ctx.ensure_object(Shell)
    mine = os.path.basename(shell.environ.get("SHELL", ""))
    wanted = shells or ((mine,) if mine in PLACES else tuple(PLACES))
    files = library(ctx)
    wished = {place: files[path] for path in files if (place := _place(shell, path, wanted))}
    for line in _written(wished):
        shell.screen.data(line)
    if "zsh" in wanted:
        folder = os.path.dirname(_below(shell, *PLACES["zsh"]))
        shell.screen.notice(f"zsh looks there if ~/.zshrc says, before compinit: fpath=({folder} $fpath)")


#: Where each shell looks for the completions of a user: a variable, the folder it stands for, and the file.
PLACES = {
    "bash": ("XDG_DATA_HOME", ".local/share", "bash-completion/completions/jobd"),
    "zsh": ("XDG_DATA_HOME", ".local/share", "zsh/site-functions/_jobd"),
    "fish": ("XDG_CONFIG_HOME", ".config", "fish/completions/jobd.fish"),
}
SCRIPTS = {"completions/jobd.bash": "bash", "completions/_jobd": "zsh", "completions/jobd.fish": "fish"}


def _place(shell: Shell, path: str, wanted: tuple[str, ...]) -> str | None:
    """Say where a generated file goes; None if it is not wanted."""
    if path.startswith("man/"):
        return man_page(shell, path.removeprefix("man/"))
    return _below(shell, *PLACES[SCRIPTS[path]]) if SCRIPTS[path] in wanted else None


def man_page(shell: Shell, name: str) -> str:
    """Say where a manual page goes in the home of the user."""
    return _below(shell, "XDG_DATA_HOME", ".local/share", f"man/man{name[-1]}/{name}")


def script(shell: Shell, name: str) -> str:
    """Say where the script for a shell goes in the home of the user."""
    return _below(shell, *PLACES[name])


def _below(shell: Shell, variable: str, folder: str, path: str) -> str:
    chosen = shell.environ.get(variable, "")
    home = shell.environ.get("HOME") or os.path.expanduser("~")
    return os.path.join(chosen if os.path.isabs(chosen) else os.path.join(home, folder), path)


def _written(files: dict[str, str]) -> list[str]:
    """Write the files that are not there or not as they should be; say what was done, folder by folder."""
    done: dict[str, dict[str, int]] = {}
    for path, text in files.items():
        counts = done.setdefault(os.path.dirname(path), {"written": 0, "up to date": 0})
        counts["written" if _write(path, text) else "up to date"] += 1
    return [
        f"{folder}: " + ", ".join(f"{count} {how}" for how, count in counts.items() if count)
        for folder, counts in done.items()
    ]


def _write(path: str, text: str) -> bool:
    """Write a file unless it holds just that. Raises CommandFailed."""
    from jobd.core.errors import CommandFailed

    try:
        try:
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    return False
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.new"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        raise CommandFailed(command="jobd completion install", problem=f"{path}: {error.strerror}") from error
    return True
