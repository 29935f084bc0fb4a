"""Families of runs that only judge estimates: what nobody looked at while they were tuned."""

# ruff: noqa: ARG001 -- steps of all families take the same

import http.server
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.bench.programs import MEGABYTE, counted, real_files
from tests.bench.traces import family

TESTS = Path(__file__).parents[1]

INDEXING = """
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], isolation_level=None)
base.executescript('PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF')
base.executescript('CREATE VIRTUAL TABLE t USING fts5 (a, b); BEGIN')
for path in open(sys.argv[2]).read().splitlines():
    base.execute('INSERT INTO t VALUES (?, ?)', (path, open(path, encoding='latin-1').read()))
    print('indexed', flush=True)
base.execute("INSERT INTO t (t) VALUES ('optimize')")
base.execute('COMMIT')
"""

#: Frames of a way into the Mandelbrot set: the deeper, the more work.
RENDERING = """
const frames = +process.argv[1], x = +process.argv[2], y = +process.argv[3], side = 280
for (let frame = 0; frame < frames; frame++) {
    const scale = 3 * Math.pow(0.93, frame), most = 100 + 14 * frame
    let sum = 0
    for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) {
        const a = x + scale * (column / side - 0.5), b = y + scale * (row / side - 0.5)
        let u = 0, v = 0, n = 0
        while (n < most && u * u + v * v < 4) { const w = u * u - v * v + a; v = 2 * u * v + b; u = w; n++ }
        sum += n
    }
    console.log(`frame ${frame + 1}/${frames} ${sum}`)
}
"""
PLACES = ((-0.7436, 0.1318), (-0.1607, 1.0376), (0.2821, 0.0101), (-1.2566, 0.3803), (-0.7453, 0.1127))

#: Epochs of a small regression: batches in bursts, then what was learned is tested, which nothing counts.
TRAINING = """
import random, sys
epochs, batches, width = int(sys.argv[1]), 25, 60
random.seed(sys.argv[2])
rows = [[random.gauss(0, 1) for _ in range(width)] for _ in range(500)]
weights = [0.0] * width
def error(row):
    return sum(w * x for w, x in zip(weights, row)) - sum(row[:9])
for epoch in range(epochs):
    for batch in range(batches):
        for row in random.sample(rows, 40):
            off = error(row)
            weights = [w - 0.002 * off * x for w, x in zip(weights, row)]
        print(f'batch {epoch * batches + batch + 1}/{epochs * batches}', flush=True)
    sum(error(row) ** 2 for _ in range(8) for row in rows)
"""


@family(2500, 7000, held_out=True)
def hashes(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Hash files of all sizes, which sha256sum names one by one."""
    files = chance.sample(real_files("/usr/lib/x86_64-linux-gnu", "/usr/lib/python3.11", "/usr/share/doc"), int(size))
    files += ["/usr/bin/node", "/usr/bin/git", "/usr/bin/docker", "/usr/bin/perl"] * 3
    chance.shuffle(files)
    (folder / "listing").write_text("".join(f"{path}\0" for path in files))
    argv = ["sh", "-c", 'xargs -0 stdbuf -oL sha256sum <"$0/listing"', str(folder)]
    yield from counted(argv, rb"^[0-9a-f\\]{64}", total=len(files))


@family(60, 160, held_out=True)
def backup(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Pack whole folders, of text and of libraries, with tar and gzip; tar says how much it has read."""
    places = [path for above in ("/usr/include", "/usr/share/doc", "/usr/lib") for path in Path(above).iterdir()]
    chance.shuffle(places)
    files, found = list[str](), 0
    for place in places:
        inside = real_files(str(place))[: chance.randint(10, 800)]
        files += inside
        found += sum(512 + os.path.getsize(path) for path in inside)
        if found > size * MEGABYTE:
            break
    (folder / "listing").write_text("".join(f"{path}\0" for path in files))
    shell = (
        'stdbuf -oL tar -C / --null -T "$0/listing" --checkpoint=50 --checkpoint-action=echo=%u -czf "$0/it.tgz" 2>&1'
    )
    for records, total in counted(["sh", "-c", shell, str(folder)], rb"(\d+)$", total=found // 10240):
        yield min(records, total), total


@family(900, 2600, held_out=True)
def index(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Index documents for search with SQLite, and put the index in order at the end."""
    files = [path for path in real_files("/usr/share/doc", "/usr/include") if path.isascii()]
    files = chance.sample(files, int(size))
    (folder / "listing").write_text("".join(f"{path}\n" for path in files))
    argv = [sys.executable, "-c", INDEXING, str(folder / "it.db"), str(folder / "listing")]
    yield from counted(argv, rb"^indexed", total=len(files))


@family(40, 110, held_out=True)
def make(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Build a program of many C files, a few of them large, with make and gcc; make names each when it begins."""
    names = [f"part{number}" for number in range(int(size))]
    for name in names:
        lines = ["#include <stdio.h>", "#include <math.h>"]
        for number in range(int(chance.lognormvariate(2.5, 1.0)) + 1):
            lines.append(f"double {name}_{number}(double x, int n) {{ double s = {number};")
            lines.append(f"for (int i = 0; i < n; i++) {{ s += sin(x * i) / (i + {number}); if (s > x) s -= n; }}")
            lines.append(f'switch (n % {number + 3}) {{ case 1: s *= 2; break; case 2: puts("{name}"); }} return s; }}')
        (folder / f"{name}.c").write_text("\n".join(lines) + "\n")
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    objects = " ".join(f"{name}.o" for name in [*names, "main"])
    rules = f"program: {objects}\n\tgcc -o $@ $^ -lm\n%.o: %.c\n\t@echo compiling $<; gcc -O2 -c $< -o $@\n"
    (folder / "Makefile").write_text(rules)
    for begun, total in counted(["make", "-j2", "-C", str(folder)], rb"^compiling", total=len(names) + 1):
        yield max(0, begun - 2), total


@family(10, 24, held_out=True)
def packages(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Let pip download packages from a local server whose line is fast for a moment and slow after that."""
    wheels = {}
    for number in range(int(size)):
        name = f"made{number}"
        wheel = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as packed:
            packed.writestr(f"{name}.py", chance.randbytes(int(MEGABYTE * min(3.0, chance.lognormvariate(-1, 1)))))
            packed.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            packed.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            packed.writestr(f"{name}-1.0.dist-info/RECORD", "")
        wheels[name] = wheel
        page = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
        wheels[f"simple/{name}/"] = folder / f"{name}.html"
        (folder / f"{name}.html").write_bytes(page)
    pages = {path if path.endswith("/") else wheel.name: wheel.read_bytes() for path, wheel in wheels.items()}
    with serving(pages, chance, rate=1.5 * MEGABYTE) as url:
        argv = [sys.executable, "-u", "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--isolated"]
        argv += ["-i", f"{url}/simple", "-d", str(folder / "got"), *(f"made{number}" for number in range(int(size)))]
        for begun, total in counted(argv, rb"^ *Downloading", total=int(size), environ={"PIP_NO_INDEX": "0"}):
            yield max(0, begun - 1), total


@family(40, 120, held_out=True)
def mirror(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Fetch many files of all sizes with curl; the server answers in bursts and at times not for a second or two."""
    names = [f"file{number}" for number in range(int(size))]
    pages = {name: bytes(int(min(3e6, chance.lognormvariate(11, 1.3)))) for name in names}
    with serving(pages, chance, rate=4 * MEGABYTE, stall=0.03) as url:
        listing = "".join(f'url = "{url}/{name}"\noutput = "/dev/null"\n' for name in names)
        (folder / "listing").write_text(listing)
        shell = 'stdbuf -oL curl -s -w "%{http_code} got\\n" -K "$0/listing"'
        yield from counted(["sh", "-c", shell, str(folder)], rb"^200 got", total=len(names))


@family(75, 125, held_out=True)
def render(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Draw frames with node: each needs more than the one before, how much depends on the place."""
    x, y = chance.choice(PLACES)
    yield from counted(["node", "-e", RENDERING, str(int(size)), str(x), str(y)], rb"^frame (\d+)/(\d+)")


@family(25, 100, held_out=True)
def training(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Train a small model for some epochs; after each of them nothing is said for a while."""
    yield from counted([sys.executable, "-c", TRAINING, str(int(size)), str(size)], rb"^batch (\d+)/(\d+)")


@family(5, 11, held_out=True)
def pytest(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Run some files of this project's tests, which say how many percent are through; collecting them comes first."""
    names = "accounting events items model past progress quantities report selection series states text".split()
    files = [str(TESTS / "core" / f"test_{name}.py") for name in sorted(chance.sample(names, int(size)))]
    argv = [
        sys.executable,
        "-u",
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(TESTS.parent),
        *files,
    ]
    yield from counted(argv, rb"\[ *(\d+)%\]", total=100)


@family(700, 2200, held_out=True)
def repack(size: float, folder: Path, chance: Random) -> Iterator[tuple[float, float]]:
    """Let git compress the objects of a repository anew; it says so at each percent, after it has counted them."""
    files = chance.sample(real_files("/usr/include", "/usr/share/doc"), int(size))
    for number, path in enumerate(files):
        (folder / str(number)).write_bytes(Path(path).read_bytes())
    git = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "gc.auto=0",
        "-c",
        "core.safecrlf=0",
    ]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, stdout=subprocess.DEVNULL)
    packing = '"$@" -c pack.threads=1 pack-objects --all --progress --window=50 --depth=20 "$0/it" 2>&1 </dev/null'
    argv = ["sh", "-c", f'{packing} | stdbuf -oL tr "\\r" "\\n"', str(folder), *git]
    yield from counted(argv, rb"Compressing objects: .*\((\d+)/(\d+)\)", environ={"GIT_PROGRESS_DELAY": "0"})


@contextmanager
def serving(pages: dict[str, bytes], chance: Random, *, rate: float, stall: float = 0.0) -> Iterator[str]:
    """Serve pages at some bytes a second, of which as many as two seconds' worth may come at once; give the URL.

    Before a page it stalls now and then, as often as is said.
    """
    pace = rate * chance.lognormvariate(0, 0.3)

    class Line(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        tokens, since = 2 * pace, time.monotonic()

        def do_GET(self) -> None:
            page = pages.get(self.path.strip("/")) or pages.get(self.path.lstrip("/"))
            if chance.random() < stall:
                time.sleep(chance.uniform(0.5, 2.0))
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            for place in range(0, len(page or b""), 16384):
                self.take(16384)
                self.wfile.write((page or b"")[place : place + 16384])

        def take(self, amount: int) -> None:
            now = time.monotonic()
            Line.tokens, Line.since = min(2 * pace, Line.tokens + (now - Line.since) * pace), now
            if Line.tokens < 0:
                time.sleep(-Line.tokens / pace)
            Line.tokens -= amount

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- so it is named above
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Line)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
