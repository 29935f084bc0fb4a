"""How a long log is looked through by `events`: a part at a time, each a question that is answered soon.

What is `asked` is the request of that command, Events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from jobd.commands._log import MOST_LOOKED_AT, MOST_SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobd.client import Client
    from jobd.core.events.catalogue import Entry


def sought(client: Client, asked: Any, limit: int | None) -> Iterator[Entry]:
    """Look through as much of the log as it takes, a part at a time; None = however many are found."""
    if asked.narrow:
        yield from (_sought_onward if asked.onward else _sought_backward)(client, asked, limit)
        return
    while True:
        part = client.call(replace(asked, limit=min(limit or MOST_SHOWN, MOST_SHOWN)))
        yield from part
        limit = None if limit is None else limit - len(part)
        if not asked.onward or not part or limit == 0:
            return
        asked = replace(asked, since_seq=part[-1].seq, since=None)


def _ends(client: Client, asked: Any) -> tuple[int, int]:
    """Give the numbers of the entry before the part of the log that is asked for, and of its last one."""
    kind = type(asked)
    oldest = client.call(kind(since_seq=asked.since_seq or 0, since=asked.since, limit=1))
    newest = client.call(kind(until=asked.until, limit=1))
    return (oldest[0].seq - 1, newest[0].seq) if oldest and newest else (0, 0)


def _sought_onward(client: Client, asked: Any, limit: int | None) -> Iterator[Entry]:
    first, last = _ends(client, asked)
    for place in range(first, last, MOST_LOOKED_AT):
        part = client.call(replace(asked, since_seq=place, since=None, limit=limit or MOST_SHOWN))
        yield from part
        limit = None if limit is None else limit - len(part)
        if limit == 0:
            return


def _sought_backward(client: Client, asked: Any, limit: int | None) -> Iterator[Entry]:
    first, last = _ends(client, asked)
    found: list[Entry] = []
    for place in range(last, first, -MOST_LOOKED_AT):
        left = (limit or MOST_SHOWN) - len(found)
        if left <= 0:
            break
        found = [*client.call(replace(asked, until_seq=place, until=None, limit=left)), *found]
    yield from found
