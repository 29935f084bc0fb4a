"""What a new job can be told, by `submit` and `run` alike: the options, and the parameters made of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from jobd.commands.options.heartbeat import heartbeat_options, on_stale_option, promised
from jobd.commands.options.parents import belonging, parent_options
from jobd.commands.options.retries import retries_options, wanted
from jobd.commands.options.values import SIGNAL, SIZE, Function, duration
from jobd.core.errors import BadValue
from jobd.core.model import Leftover, Surroundings
from jobd.core.text import Lossless, lossless, plain

if TYPE_CHECKING:
    from jobd.commands._shell import Shell

#: Parts of the environment that every job gets, whatever --export says.
ALWAYS = ("PATH=", "HOME=", "USER=", "LOGNAME=", "SHELL=", "LANG=")
#: Paths that mean something else in every process.
OF_THIS_PROCESS = ("/dev/stdin", "/dev/fd/", "/proc/self/", "/proc/thread-self/")


def _pairs(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        key, _equals, text = value.partition("=")
        if not key:
            raise click.BadParameter(f"{value!r} has no name before the =", param=param)
        found[key] = text
    return found


tag_option = click.option(*("--tag", "labels"), multiple=True, callback=_pairs, metavar="KEY[=VALUE]", help="Label it.")


def _variables(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} has no value; write {value}=VALUE, or --export {value}", param=param)
    return _pairs(ctx, param, values)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        *("-J", "--name", "--job-name", "name"), metavar="NAME", help="Call it so (default: the command's name)."
    ),
    click.option("--label", "label", metavar="NAME", hidden=True),
    click.option(
        *("-w", "--cwd", "--chdir", "--working-directory", "cwd"), metavar="DIR", help="Run it in this directory."
    ),
    click.option(
        *("-g", "--group", "--partition", "group"), default="default", metavar="GROUP", help="Put it into this group."
    ),
    click.option(
        *("-o", "--priority", "priority"),
        type=click.IntRange(-1_000_000, 1_000_000),
        default=0,
        metavar="N",
        help="A higher number starts first (default: 0).",
    ),
    tag_option,
    click.option("--env", multiple=True, callback=_variables, metavar="NAME=VALUE", help="Set a variable for it."),
    click.option(
        "--export",
        default="ALL",
        metavar="ALL|NONE|NAMES",
        help="Which variables it gets from here: all (the default), almost none, or those named.",
    ),
    click.option("--stdin", metavar="FILE", help="Let it read this file (default: nothing)."),
    click.option("--split", is_flag=True, help="Keep stdout and stderr apart, in two files."),
    click.option("--nice", type=click.IntRange(-20, 19), default=0, metavar="N", help="Run it with this niceness."),
    click.option(
        "--signal", type=SIGNAL, default=15, metavar="SIGNAL", help="How a cancel asks it to end (default: TERM)."
    ),
    click.option("--grace", type=duration(), metavar="TIME", help="How long it has for that, before KILL."),
    click.option(
        "--leftover",
        type=click.Choice([policy.value for policy in Leftover]),
        help="What happens to processes that outlive it: kill, wait for them, or leave them.",
    ),
    click.option("--output-limit", type=SIZE, metavar="SIZE", help="Keep at most so much output; 0 keeps all."),
    click.option(
        "--progress",
        type=click.Choice(["reports", "auto"]),
        default="reports",
        help="How it tells how far it is: by reports (the default), or auto: also by the last 40% or 3/10 it prints.",
    ),
    click.option("--request-id", metavar="ID", help="Repeating a submission with the same id makes one job."),
)


def job_options(function: Function) -> Function:
    """Take the options of a new job, and the command as `argv`."""
    function = parent_options(retries_options(heartbeat_options(on_stale_option(function))))
    for option in reversed(_OPTIONS):
        function = option(function)
    return click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")(function)


def parameters(shell: "Shell", *, argv: tuple[str, ...], label: str | None, **options: Any) -> dict[str, Any]:
    """Make the parameters of a submission from the options, and from where it is made.

    Raises click.UsageError without a command, BadValue for what cannot be passed on.
    """
    if not argv:
        raise click.UsageError("there is no command; write it last, as in: -- make -j2")
    here = shell.here
    environment = _environment(here.environ, options.pop("export"), options.pop("env"))
    folder, stdin = options.pop("cwd"), options.pop("stdin")
    leftover = options.pop("leftover")
    heartbeat = promised(*(options.pop(name) for name in ("beat_every", "stale_after", "on_stale")))
    return {
        "argv": tuple(lossless(_bytes(word)) for word in argv),
        "cwd": here.cwd if folder is None else lossless(shell.absolute(folder)),
        "name": label if (name := options.pop("name")) is None else name,
        "surroundings": Surroundings(environment=environment, umask=here.umask, limits=here.limits),
        "stdin": None if stdin is None else lossless(_input(shell, stdin)),
        "leftover": None if leftover is None else Leftover(leftover),
        "heartbeat": heartbeat,
        **belonging(shell, **{name: options.pop(name) for name in ("parent", "no_parent", "weight")}),
        "retries": wanted(options.pop("retries"), options.pop("retry_delay")),
        "pid": here.pid,
        "tty": here.tty,
        **options,
    }


def _input(shell: "Shell", file: str) -> str:
    """Give the path of the file that a job is to read. Raises BadValue for what only this process has open."""
    path = shell.absolute(file)
    if file == "-" or path.startswith(OF_THIS_PROCESS):
        raise BadValue(field="stdin", problem=f"{file} cannot be handed on to a job; write it to a file first")
    return path


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")


def _environment(environ: tuple[Lossless, ...], export: str, extra: dict[str, str]) -> tuple[Lossless, ...]:
    if export not in ("ALL", "NONE"):
        wanted = tuple(f"{name.strip()}=" for name in export.split(",") if name.strip())
        if not wanted:
            raise BadValue(field="export", problem="write ALL, NONE or names with commas between them")
        environ = tuple(variable for variable in environ if plain(variable).startswith((*ALWAYS, *wanted)))
    elif export == "NONE":
        environ = tuple(variable for variable in environ if plain(variable).startswith(ALWAYS))
    names = tuple(f"{name}=" for name in extra)
    kept = (variable for variable in environ if not plain(variable).startswith(names)) if names else environ
    return (*kept, *(lossless(_bytes(f"{name}={value}")) for name, value in extra.items()))
