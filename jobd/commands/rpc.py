"""jobd rpc: call a method of the protocol by hand, and have it described."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import click
import msgspec

from jobd import __version__, commands, openrpc, wire
from jobd.core.errors import UnknownMethod
from jobd.core.text import Lossless, lossless

if TYPE_CHECKING:
    from jobd.commands._shell import Shell
    from jobd.core.events.catalogue import Actor
    from jobd.daemon.engine import Engine
    from jobd.daemon.remembered.archive import Archive

EXAMPLES = """\
jobd rpc hello                             # who serves, and what it can be asked
jobd rpc list '{"limit": 3}' | jq .[].name
jobd rpc events.follow                     # a stream: a line for each item
jobd rpc --schema | jq .methods[].name     # all methods
"""


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """Who serves: version of jobd and of the protocol, the methods it answers, its pid, its state directory."""

    version: str
    protocol: int
    capabilities: tuple[str, ...]
    pid: int
    state: Lossless


class Hello(wire.Action[Welcome], frozen=True):
    """Say who serves: its version, what it can be asked, its pid and its state directory."""

    method: ClassVar = "hello"

    async def answer(self, engine: Engine, caller: Actor) -> Welcome:
        """Look at oneself."""
        methods = tuple(kind.method for kind in commands.every())
        state = lossless(os.fsencode(engine.paths.root))
        return Welcome(version=__version__, protocol=wire.PROTOCOL, capabilities=methods, pid=os.getpid(), state=state)


class Discover(wire.Read[dict[str, Any]], frozen=True):
    """Describe all methods, records and errors, as an OpenRPC 1.3 document."""

    method: ClassVar = "rpc.discover"

    def answer(self, archive: Archive, caller: Actor) -> dict[str, Any]:
        """Describe the types."""
        return openrpc.discover(commands.every())


@click.command("rpc", epilog=EXAMPLES)
@click.argument("method", required=False)
@click.argument("parameters", default="{}", metavar="[JSON]")
@click.option("--schema", is_flag=True, help="Describe all methods instead, as an OpenRPC document.")
@click.pass_obj
def command(shell: Shell, /, method: str | None, parameters: str, *, schema: bool) -> None:
    """Call a method of the daemon by hand.

    JSON is an object with the parameters; - reads it from standard input. The result is printed as a line of JSON, and
    so is each item of a stream. What the daemon refuses ends with the same message and exit status as the command of
    that name. The protocol is told in jobd-protocol(7).
    """
    if schema:
        shell.screen.json(openrpc.discover(commands.every()))
        return
    if method is None:
        raise click.UsageError("which METHOD? --schema names all")
    request = _read(shell, method, parameters)
    if isinstance(request, wire.Stream):
        for item in shell.client.stream(request):
            shell.screen.json_line(item)
    else:
        shell.screen.json(shell.client.call(request))


def _read(shell: Shell, method: str, parameters: str) -> wire.Request[Any]:
    kind = commands.find(method)
    if kind is None:
        raise UnknownMethod(method=method)
    data = shell.read_input().encode() if parameters == "-" else os.fsencode(parameters)
    return wire.decode_parameters(kind, wire.Call(method, params=msgspec.Raw(data)))
