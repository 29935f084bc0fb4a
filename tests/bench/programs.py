"""Run a program and say how far it is: by what it prints, by what it has read, by what it has fetched."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.bench.traces import READY

CHUNK = 64 * 1024
MEGABYTE = 1_000_000


def counted(
    argv: list[str], pattern: bytes, total: float = 0, environ: dict[str, str] | None = None
) -> Iterator[tuple[float, float]]:
    """Run a program that says `n/m`, or if the total is known says `n`, or just a line for each thing done."""
    done = 0.0
    environment = {**os.environ, **(environ or {})}
    yield READY
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        for line in process.stdout or ():
            found = re.search(pattern, line)
            if found is None:
                continue
            said = [float(number) for number in found.groups()] or [done + 1]
            done, total = said[0], (said[1] if len(said) > 1 else total)
            yield done, total


def fed(argv: list[str], text: bytes) -> Iterator[tuple[float, float]]:
    """Run a program that reads its work from a pipe: what it has taken is done."""
    done = 0
    yield READY
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        for place in range(0, len(text), CHUNK):
            done += write_all(taken(process.stdin), text[place : place + CHUNK])
            yield done, len(text)


def taken(pipe: "object") -> int:
    """Give the descriptor of a pipe of a process."""
    return int(pipe.fileno())  # type: ignore[attr-defined]


def write_all(descriptor: int, text: bytes) -> int:
    """Write all of a text."""
    place = 0
    while place < len(text):
        place += os.write(descriptor, text[place:])
    return place


def real_files(*folders: str) -> list[str]:
    """List the plain files below folders, of at most 2 MB each."""
    found = [os.path.join(at, name) for folder in folders for at, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if os.path.isfile(path) and 0 < os.path.getsize(path) < 2 * MEGABYTE)


def mixed_files(size: int, chance: Random) -> bytes:
    """Put real files one after the other: libraries, headers, documents."""
    files = real_files("/usr/lib/x86_64-linux-gnu", "/usr/include", "/usr/share/doc")
    mixed = bytearray()
    while len(mixed) < size:
        mixed += Path(chance.choice(files)).read_bytes()
    return bytes(mixed[:size])


def sorted_never(size: int, chance: Random) -> bytes:
    """Make lines in no order."""
    return b"".join(b"%x\n" % chance.getrandbits(200) for _ in range(size // 50))
