"""The program as the shell sees it: it finds a command by its file, loads only that, and ends with the right status.

No traceback reaches a user: what jobd refuses is one line with its exit status, what it did not foresee is one line too
and the traceback goes to a log file.
"""

import _signal  # type: ignore[import-not-found]
import gc
import os
import sys
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import click

from jobd import __version__, commands
from jobd.commands._shell import Shell
from jobd.commands.options.kept import everywhere
from jobd.commands.options.values import flag, meant
from jobd.commands.screens.help import show_help
from jobd.core.errors import BadInput, BadParameters, BadValue, InternalError, JobdError, OutputFailed
from jobd.core.text import place, single_line
from jobd.ui import sink

if TYPE_CHECKING:
    from jobd.wire import Read

#: Other words for commands, for fingers that learned them elsewhere.
ALIASES = {
    "add": "submit",
    "ls": "list",
    "ps": "list",
    "show": "status",
    "info": "status",
    "follow": "tail",
    "logs": "log",
    "cat": "log",
    "kill": "cancel",
    "suspend": "pause",
    "restart": "retry",
    "beat": "progress",
    "stage": "progress",
    "stages": "progress",
    "message": "progress",
    "note": "progress",
}
#: What an alias says beyond the command it stands for.
SAYS_MORE = {
    "follow": ["-f"],
    "beat": ["beat"],
    "stage": ["stage"],
    "stages": ["stages"],
    "message": ["message"],
    "note": ["message"],
}
#: What jobd does if it is told nothing.
DEFAULT = "status"
#: Commands that help to mend settings that cannot be read, and so go on without.
NEEDS_NO_SETTINGS = frozenset({"completion", "config", "doctor", "help", "shell-init"})
ASKS_FOR_HELP = frozenset({"-h", "--help"})

INTERRUPTED, NOBODY_READS = 130, 141


class Program(click.Group):
    """All commands, each loaded when it is asked for; some have other names, too."""

    aliases = ALIASES

    def list_commands(self, ctx: click.Context) -> list[str]:  # click's signature
        """List the commands by name."""
        return list(commands.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # as above
        """Load a command by its name, or by another word for it; None if there is none."""
        command = commands.find_command(ALIASES.get(cmd_name, cmd_name))
        if command is not None:
            _complete(command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options before the command; without a command all is meant for the overview."""
        words = [
            word for word, before in zip(args, ["", *args], strict=False) if before != "--color" and word[:1] != "-"
        ]
        told = words or ASKS_FOR_HELP & {*args} or "--version" in args
        return super().parse_args(ctx, args if told else [DEFAULT, *args])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and what is left for it; from then on garbage is collected.

        Raises click.UsageError, ConfigInvalid.
        """
        word, *rest = args
        command = self.get_command(ctx, word)
        if command is None:
            raise click.UsageError(f"no command {word!r}{meant(word, (*commands.names(), *ALIASES))}", ctx)
        name = ALIASES.get(word, word)
        own = takewhile(lambda word: word != "--", rest)
        if name not in NEEDS_NO_SETTINGS and not ASKS_FOR_HELP & {*own}:
            ctx.ensure_object(Shell).check_settings(needed=name != "run")
        gc.freeze()
        gc.enable()
        return name, command, spell_out(command, [*SAYS_MORE.get(word, []), *rest])


def _complete(command: click.Command) -> None:
    """Give a command, and those below it, the options that all commands have; their help is that of jobd itself."""
    if command.add_help_option:
        command.add_help_option = False
        options = [*everywhere(), flag("-h", "--help", act=show_help, text="Show this.")]
        for option in options:
            option.hidden = True
        command.params.extend(options)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _complete(below)


def spell_out(command: click.Command, args: list[str]) -> list[str]:
    """Write out the value of each option that may go without one and does (`--json`), lest it takes the next word."""
    options = [item for item in command.params if isinstance(item, click.Option) and not (item.is_flag or item.count)]
    default = {name: item.to_info_dict()["flag_value"] for item in options for name in item.opts}
    mixed = command.context_settings.get("allow_interspersed_args", command.allow_interspersed_args)
    done, left = [], list(args)
    while left and left[0] != "--":
        word = left.pop(0)
        done.append(word)
        if not word.startswith("-") or word == "-":
            if isinstance(command, click.Group):
                below = command.get_command(click.Context(command), word)
                return [*done, *(spell_out(below, left) if below else left)]
            if not mixed:
                break
            continue
        last, joint = (word, "=") if word.startswith("--") else (_last_letter(word, default), "")
        if default.get(last) is not None:
            done[-1] = f"{word}{joint}{default[last]}"
        elif last in default and left:
            done.append(left.pop(0))
    return [*done, *left]


def _last_letter(word: str, takes_value: dict[str, Any]) -> str:
    """Give the last option of several letters (`-qj`); nothing if the rest of the word is the value of one before."""
    letters = [f"-{letter}" for letter in word[1:]]
    return "" if any(letter in takes_value for letter in letters[:-1]) else letters[-1]


def program() -> Program:
    """Make the root of the command line."""
    version = flag(
        "--version", act=lambda ctx: _shell(ctx).screen.data(f"jobd {__version__}"), text="Show the version."
    )
    return Program(
        "jobd",
        add_help_option=False,
        params=[*everywhere(), version, flag("-h", "--help", act=show_help, text="Show this.")],
        help="Run, follow and remember the jobs of this machine.",
        epilog="""
        jobd run -- make -j4  # run in the foreground, with its progress and its exit status
        jobd submit --name encode -- ./encode.sh  # run in the background
        jobd tail -f encode  # follow what it says until it ends
        jobd  # what runs, what waits, what failed
        """,
    )


def _shell(ctx: click.Context) -> Shell:
    return ctx.ensure_object(Shell)


def main(arguments: list[str]) -> int:
    """Run a command line and give its exit status."""
    _plug_streams()
    argv = [sys.executable, *sys.orig_argv[1:]]
    try:
        shell = Shell(os.environ, argv, offline=_offline, make_server=_make_server)
        if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        try:
            return _run(shell, arguments)
        except Exception as error:  # noqa: BLE001  # the last one who can turn it into a line
            return _explain(shell, error, arguments)
    except FileNotFoundError:
        os.write(2, b"jobd: the current directory was deleted, and a path in the settings begins there\n")
        return InternalError.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0


def _run(shell: Shell, arguments: list[str]) -> int:
    root = program()
    try:
        with root.make_context("jobd", arguments, obj=shell) as ctx:
            status = root.invoke(ctx)
    except click.exceptions.Exit as end:
        status = end.exit_code
    except click.exceptions.NoArgsIsHelpError as asked:
        status = 0
        if asked.ctx:
            show_help(asked.ctx)
    if sys.stdout is not None:
        with sink.output_errors():
            sys.stdout.flush()
    return int(status or 0)


def _explain(shell: Shell, error: Exception, arguments: list[str]) -> int:
    """Say in one or two lines what went wrong, and give the exit status that stands for it."""
    if isinstance(error, BrokenPipeError):
        return NOBODY_READS
    if isinstance(error, click.Abort):
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "jobd"
        text = error.format_message().rstrip(".")
        return shell.screen.error(single_line(text[:1].lower() + text[1:]), _advice(error, path), error.exit_code)
    if isinstance(error, sink.OutputFailed):
        error = OutputFailed(problem=error.strerror)
    if not isinstance(error, JobdError):
        said = " ".join(str(error).split())
        problem = f"{type(error).__name__}: {said}" if said else type(error).__name__
        error = InternalError(problem=problem, log=_log(shell, error, arguments))
    called = next((ALIASES.get(word, word) for word in arguments if word in {*commands.names(), *ALIASES}), "")
    if isinstance(error, BadParameters) and called not in ("", "rpc"):
        error = BadValue(field=called, problem=error.details.get("problem"))
    help_of_command = f"jobd {called} --help" if isinstance(error, BadInput) and called else ""
    said = "; ".join([error.message, *getattr(error, "__notes__", ())])
    message = "\n".join([said, *_where(shell, error)])
    return shell.screen.error(message, error.hint or help_of_command, error.exit_status)


def _advice(error: click.ClickException, path: str) -> str:
    """Say what to do about a command line that is wrong: what begins with a minus may belong to something else."""
    if isinstance(error, click.NoSuchOption) and error.ctx:
        words = " ".join(item.metavar or "" for item in error.ctx.command.params if isinstance(item, click.Argument))
        for word in ("FILTER", "COMMAND"):
            if word in words:
                return f"{path} --help · behind -- a minus begins no option: {path} -- {word}"
    return f"{path} --help"


def _where(shell: Shell, error: JobdError) -> tuple[str, ...]:
    """Show the place in what was typed that the error is about, if it names one."""
    from jobd.ui.caret import INDENT, pointed

    found = place(error.details)
    if found is None or not found.text.strip():
        return ()
    return pointed(found, shell.screen.columns - INDENT, mark="…" if shell.screen.unicode else "~")


def _log(shell: Shell, error: Exception, arguments: list[str]) -> str:
    """Write the traceback to a log file and say where it is."""
    import traceback
    from datetime import UTC, datetime

    path = shell.paths.log / "client.log"
    text = "".join(traceback.format_exception(error))
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with open(log, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC).isoformat()} jobd {__version__} {arguments}\n{text}\n")
    except OSError as failed:
        return f"(not written to {path}: {failed.strerror})"
    return str(path)


def _offline(shell: Shell, request: "Read[Any]") -> Any:
    from jobd.commands.alone.saved import answer

    return answer(shell, request)


def _make_server(life: Any) -> Any:
    from jobd.server import Server

    return Server(life.engine, commands.find, log=str(life.paths.daemon_log))


def _plug_streams() -> None:
    """Open the standard descriptors that are closed, lest a database becomes standard output.

    Writing to it still fails, as it should: what was asked for does not arrive.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)
