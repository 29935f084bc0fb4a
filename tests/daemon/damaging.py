"""Ways to damage a database, as disks, people and other programs do."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

PAGE = 4096
#: Bytes at the beginning of the first page that do not belong to the tree in it.
FILE_HEADER = 100
#: The first byte of a page of a table's tree: inner, leaf (SQLite file format, 1.6).
INNER, LEAF = 0x05, 0x0D


def pages(path: Path, table: str | None) -> list[int]:
    """List where the pages of a table (None: the schema) begin in the file, the root first."""
    root = 1
    if table is not None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    content, found, ahead = path.read_bytes(), [], [root]
    while ahead:
        start = (ahead.pop(0) - 1) * PAGE
        found.append(start)
        head = start or FILE_HEADER
        if content[head] == INNER:
            count = int.from_bytes(content[head + 3 : head + 5], "big")
            cells = [int.from_bytes(content[at : at + 2], "big") for at in range(head + 12, head + 12 + 2 * count, 2)]
            children = [content[start + cell : start + cell + 4] for cell in cells]
            ahead += [int.from_bytes(child, "big") for child in [*children, content[head + 8 : head + 12]]]
    return found


def leaves(path: Path, table: str) -> list[int]:
    """List where the leaf pages of a table begin."""
    content = path.read_bytes()
    return [start for start in pages(path, table) if content[start] == LEAF]


def overwrite(path: Path, start: int, content: bytes) -> None:
    """Write over a part of the file, behind SQLite's back."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


def _zeroed_page(path: Path) -> None:
    overwrite(path, leaves(path, "records")[3], bytes(PAGE))


def _flipped_bits(path: Path) -> None:
    start = leaves(path, "events")[1]
    overwrite(path, start, bytes([path.read_bytes()[start] ^ 0x0F]))


def _replace(path: Path, content: bytes) -> None:
    path.write_bytes(content)


#: Kinds of damage: what is done to a database of some hundred jobs, closed.
KINDS: dict[str, Callable[[Path], None]] = {
    "garbage header": lambda path: overwrite(path, 0, b"\xa5" * 100),
    "another kind of file": lambda path: _replace(path, b"Dear diary, today I lost my database.\n" * 1000),
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE),
    "zeroed page": _zeroed_page,
    "flipped bits": _flipped_bits,
    "schema overwritten": lambda path: overwrite(path, 100, b"\x00" * (PAGE - 100)),
    "empty": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
}
#: Kinds after which nothing of the file can be read.
HOPELESS = {"garbage header", "another kind of file", "schema overwritten", "empty", "gone"}
