"""What the manual shows of the protocol is true: its examples are run in a shell against a real daemon."""

import inspect
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from jobd import commands, wire
from jobd.core.model import State
from jobd.core.subscriptions.news import News
from jobd.manual import reference
from jobd.manual.conversation import EXAMPLES, EXCHANGES, Example, exchange
from jobd.manual.protocol import INSERTED, ITEMS, TASKS, protocol_page
from tests.calling import JOBD

#: What a page of 80 columns holds between its margins.
COLUMNS = 72


def tools_are_there() -> bool:
    """Look for bash, jq and the nc of OpenBSD."""
    if not all(map(shutil.which, ("bash", "jq", "nc"))):
        return False
    return "OpenBSD" in subprocess.run(["nc", "-h"], capture_output=True, text=True, check=False).stderr


@pytest.mark.skipif(not tools_are_there(), reason="bash, jq or the nc of OpenBSD is not installed")
@pytest.mark.parametrize("examples", [EXAMPLES, reference.EXAMPLES], ids=["protocol", "events"])
def test_the_examples_print_what_the_manual_says(state_dir: Path, examples: tuple[Example, ...]) -> None:
    """All examples of a page, one after the other in one shell, from a fresh directory."""
    lines = ["set -euo pipefail", f'jobd() {{ {shlex.join(JOBD)} "$@"; }}']
    for example in examples:
        lines += [inspect.cleandoc(example.commands), "echo", "echo =="]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        env={**os.environ, "PWD": "/tmp"},
        cwd="/tmp",
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    printed = [part.strip() for part in done.stdout.split("==\n")]
    assert printed == [*(example.prints for example in examples), ""]
    assert (state_dir / "jobd.sock").exists()


def test_every_example_fits_the_page_and_is_on_it() -> None:
    """No line is cut off."""
    page = protocol_page(commands.every())
    for lines in (*(example.lines for example in (*EXAMPLES, *reference.EXAMPLES)), *map(exchange, EXCHANGES)):
        assert max(map(len, lines)) <= COLUMNS
    assert page.count(".Bd -literal") == len(EXAMPLES) + len(INSERTED)
    assert not any(word in page for word in INSERTED)
    assert reference.events_page().count(".Bd -literal") == len(reference.EXAMPLES)


@pytest.mark.parametrize("heading", EXCHANGES)
def test_what_is_said_in_the_manual_can_be_said(heading: str) -> None:
    """Requests are understood by the types they name, and answers read by the client."""
    for arrow, line in EXCHANGES[heading]:
        if arrow == "<":
            assert wire.decode_message(line) == wire.decode_message(line.strip())
        elif not line.startswith(b"["):
            call = wire.decode_call(line)
            control = {kind.method: kind for kind in (wire.Cancel, wire.Ping)}
            kind = control.get(call.method) or commands.find(call.method)
            assert kind is not None
            assert wire.decode_parameters(kind, call)
    unbroken = "".join(text[2:].strip() for text in exchange(heading)).replace(" ", "")
    assert unbroken == "".join(line.decode().strip() for _, line in EXCHANGES[heading]).replace(" ", "")


def test_every_item_of_a_subscription_is_told() -> None:
    """By the word that it begins with."""
    assert ITEMS.keys() == {kind.__struct_config__.tag for kind in get_args(News)}


def test_every_state_has_its_task() -> None:
    """A client of an agent protocol is told something for each state."""
    assert TASKS.keys() == set(State)
    assert json.dumps(sorted(set(TASKS.values()))) == '["cancelled", "completed", "failed", "working"]'
