"""The families of runs that estimates were tuned with; fresh runs of the same are held out."""

# ruff: noqa: ARG001 -- steps of all families take the same; nothing here is secret or comes from outside

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.bench.programs import CHUNK, MEGABYTE, counted, fed, mixed_files, real_files, sorted_never, taken, write_all
from tests.bench.traces import READY, family


@family(28, 36, 20, 30, 40, 24, 32, 26, 22, 34)
def compile_(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Build a program of many files with ninja and g++, each file with a few of the heavy headers."""
    headers = "map string vector iostream algorithm random cmath unordered_map set thread".split()
    names = [f"part{number}" for number in range(int(size))]
    rules = ["rule cc\n command = g++ -O1 -c $in -o $out", "rule ld\n command = g++ $in -o $out"]
    for name in names:
        lines = [f"#include <{header}>" for header in chance.sample(headers, chance.randint(1, 4))]
        (folder / f"{name}.cc").write_text("\n".join(lines) + "\n")
        rules.append(f"build {name}.o: cc {name}.cc")
    (folder / "main.cc").write_text("int main() { return 0; }\n")
    rules += ["build main.o: cc main.cc", f"build program: ld main.o {' '.join(f'{name}.o' for name in names)}"]
    (folder / "build.ninja").write_text("\n".join(rules) + "\n")
    yield from counted(["ninja", "-j2", "-C", str(folder)], rb"\[(\d+)/(\d+)\]")


@family(14, 20, 16, 12, 25, 18, 15, 22, 17, 19)
def compress(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Feed a mix of real files to xz."""
    yield from fed(["xz", "-2", "-T1", "-c"], mixed_files(int(size * MEGABYTE), chance))


@family(1500, 2500, 1200, 2000, 1800, 3000, 2200, 1600, 1400, 2600)
def archive(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Let zip pack real files, which it names one by one."""
    files = chance.sample(real_files("/usr/share/doc", "/usr/include", "/usr/lib/node_modules"), int(size))
    files += chance.sample(real_files("/usr/lib/x86_64-linux-gnu"), int(size / 40))
    chance.shuffle(files)
    listing = b"".join(os.fsencode(path) + b"\n" for path in files)
    (folder / "listing").write_bytes(listing)
    argv = ["sh", "-c", 'stdbuf -oL zip -r "$0/it.zip" -@ <"$0/listing"', str(folder)]
    yield from counted(argv, rb"adding: ", total=len(files))


@family(24, 24, 24, 24, 24, 24, 24, 24, 24, 24)
def tests(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Run a part of Python's own test suite, the same modules each time, in the same order."""
    chosen = (
        "json bisect heapq textwrap shlex fractions re string struct base64 binascii csv difflib enum fnmatch glob "
        "html operator pprint random statistics uuid zlib copy"
    ).split()
    argv = [sys.executable, "-u", "-m", "test", *(f"test_{name}" for name in chosen[: int(size)])]
    for begun, total in counted(argv, rb"\[ *(\d+)/(\d+)\]"):
        yield max(begun - 1, 0), total


@family(30, 45, 25, 37, 50, 35, 40, 28, 33, 42)
def download(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Fetch a file with curl from a local server whose line starts slowly, wavers and stalls."""
    total = int(size * MEGABYTE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), wavering_line(total, chance))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield READY
    with subprocess.Popen(["curl", "-sN", url], stdout=subprocess.PIPE) as process:
        done = 0
        while chunk := os.read(taken(process.stdout), CHUNK):
            done += len(chunk)
            yield done, total
    server.shutdown()


@family(60, 90, 75, 52, 105, 82, 67, 97, 78, 72)
def sort(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Sort lines in little memory: what was read counts half, what was written the other half."""
    lines = sorted_never(int(size * MEGABYTE), chance)
    argv = ["sort", "-S", "4M", "-T", str(folder)]
    yield READY
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        done, source = 0, taken(process.stdin)
        for place in range(0, len(lines), CHUNK):
            done += write_all(source, lines[place : place + CHUNK])
            yield done, 2 * len(lines)
        if process.stdin:
            process.stdin.close()
        while chunk := os.read(taken(process.stdout), CHUNK):
            done += len(chunk)
            yield done, 2 * len(lines)


@family(75, 110, 90, 65, 130, 100, 80, 120, 95, 85)
def database(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Insert rows with random keys into SQLite, in little memory: the larger the table, the slower."""
    rows = (
        f"INSERT INTO t VALUES ({chance.getrandbits(60)}, 'text {chance.getrandbits(60)}');\n"
        for _ in range(int(size * 1000))
    )
    begin = (
        "PRAGMA cache_size = -400; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;\n"
        "CREATE TABLE t (a PRIMARY KEY, b); CREATE INDEX i ON t (b); BEGIN;\n"
    )
    script = (begin + "".join(rows) + "COMMIT;\n").encode()
    yield from fed(["sqlite3", str(folder / "it.db")], script)


@family(150, 150, 150, 150, 150, 150, 150, 150, 150, 150)
def bytecode(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Compile a part of Python's standard library to bytecode, the same files each time."""
    library = Path(os.__file__).parent
    files = sorted(library.glob("*.py")) + sorted(library.glob("[a-k]*/*.py"))
    (folder / "listing").write_text("".join(f"{path}\n" for path in files[: int(size)]))
    argv = [sys.executable, "-u", "-m", "compileall", "-f", "-i", str(folder / "listing")]
    yield from counted(argv, rb"^Compiling", total=int(size), environ={"PYTHONPYCACHEPREFIX": str(folder)})


def wavering_line(total: int, chance: Random) -> type[http.server.BaseHTTPRequestHandler]:
    """Make a server of one file: some 3 MB/s, slower at first, changing every fifth of a second, at times nothing."""

    class Line(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(total))
            self.end_headers()
            sent, speed, pace = 0, 0.15, 3 * MEGABYTE * chance.lognormvariate(0, 0.25)
            while sent < total:
                speed = min(2.0, max(0.1, (0.8 * speed + 0.2) * chance.lognormvariate(0, 0.2)))
                time.sleep(0.2 if chance.random() > 0.02 else 1.2)
                part = min(int(pace * speed * 0.2), total - sent)
                self.wfile.write(bytes(part))
                sent += part

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- so it is named above
            pass

    return Line
