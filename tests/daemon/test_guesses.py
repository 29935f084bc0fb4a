"""Output that tells how far a job is moves its progress, if that was asked for, and costs little however much it is."""

import os
import shutil
import sys
import tempfile
import threading
import zipfile
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.work.progress import Report
from jobd.daemon.guesses import WINDOW, OutputFile
from tests.living import Living
from tests.waiting import until

#: As tqdm draws: a carriage return first, and a newline at the very end.
BAR = """
import sys
import tempfile
def draw(n, total=10):
    bar = "#" * n + " " * (total - n)
    sys.stderr.write(f"\\r{100 * n // total:3d}%|{bar}| {n}/{total} [00:0{n}<00:01,  9.98it/s, loss=1/2, acc=93%]")
    sys.stderr.flush()
"""


@pytest.fixture(scope="module")
def living(living: Living) -> Living:
    """Give the daemon of this file, with a gate at which its jobs wait."""
    os.mkfifo(living.state / "gate")
    return living


def auto(living: Living, *argv: str, **params: Any) -> dict[str, Any]:
    """Run a command to its good end, its output read."""
    ended = living.ended(living.submit(*argv, progress="auto", **params)["id"])
    assert ended["state"] == "completed", living.output(ended["id"])
    progress: dict[str, Any] = ended["progress"]
    return progress


def guessed(living: Living, job: int) -> list[dict[str, Any]]:
    """List the reports that were guessed."""
    events = [entry["event"] for entry in living.entries() if entry["job"] == job]
    return [event["report"] for event in events if event.get("guessed")]


def through(gate: Path, word: str = "go") -> None:
    """Let a job go on that reads the gate."""
    gate.write_text(f"{word}\n")


def test_a_bar_as_it_is_drawn(living: Living) -> None:
    """What is drawn shows while the job runs, also after a pause; the last word without an end in the end."""
    script = BAR + "draw(3); draw(4); open('gate').read(); draw(6); draw(7); open('gate').read(); draw(10)"
    job = living.submit(sys.executable, "-c", script, progress="auto", cwd=str(living.state))["id"]
    until(lambda: living.job(job)["progress"]["done"] == 3)
    until(lambda: b"inotify wd" in watched(living), what="a notice that is waited for")
    through(living.state / "gate")
    until(lambda: living.job(job)["progress"]["fraction"] == 0.6)
    through(living.state / "gate")
    ended = living.ended(job)
    assert (ended["progress"]["done"], ended["progress"]["total"], ended["progress"]["reports"]) == (10, 10, 0)
    told = [report["done"] for report in guessed(living, job)]
    assert (told[0], told[-1], told) == (3, 10, sorted(told))


def watched(living: Living) -> bytes:
    """Read what the daemon waits for notices of."""
    found = b""
    for path in Path(f"/proc/{living.pid}/fdinfo").iterdir():
        with suppress(OSError):
            found += path.read_bytes()
    return found


def test_only_if_asked(living: Living) -> None:
    """Else what is printed is nobody's progress."""
    ended = living.ended(living.submit("echo", "4/10")["id"])
    assert (ended["progress"]["fraction"], guessed(living, ended["id"])) == (None, [])


LOOPS = {
    "plain": ("for _ in tqdm(range(40_000)): pass", 40_000),
    "with words": (
        "for n in (bar := tqdm(range(2000), desc='3/4 files')): bar.set_postfix(loss=f'{n}/9', acc='93%')",
        2000,
    ),
    "within another": ("for _ in tqdm(range(30)):\n for _ in tqdm(range(200), leave=False): pass", 30),
    "of bytes": (
        "bar = tqdm(total=10**8, unit='B', unit_scale=True)\nfor _ in range(100): bar.update(10**6)\nbar.close()",
        None,
    ),
    "in ASCII": ("for _ in tqdm(range(1000), ascii=True, ncols=60): pass", 1000),
    "left early": ("for n in tqdm(range(1000), mininterval=0):\n if n == 250: break", 250),
}


@pytest.mark.parametrize("case", LOOPS)
def test_tqdm(living: Living, case: str) -> None:
    """Its own loop, as it draws it, is exact in the end."""
    loop, total = LOOPS[case]
    progress = auto(living, sys.executable, "-c", f"from tqdm import tqdm\n{loop}")
    if total is None:
        assert progress["fraction"] == 1.0
    else:
        assert (progress["done"], progress["total"]) == (total, 1000 if case == "left early" else total)


def test_pip(living: Living, tmp_path: Path) -> None:
    """A download of a wheel, from a server of its own."""
    about = tmp_path / "big-1.dist-info"
    wheel = tmp_path / "big-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("big.bin", bytes(2_000_000))
        file.writestr(f"{about.name}/METADATA", "Metadata-Version: 2.1\nName: big\nVersion: 1\n")
        file.writestr(f"{about.name}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about.name}/RECORD", "")
    serve = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{wheel.name}"
        pip = (sys.executable, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "-d", f"{tmp_path}/to", address)
        progress = auto(living, *pip)
        server.shutdown()
    assert (progress["done"], progress["total"], progress["fraction"]) == (2, 2, 1)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("form", [(), ("-#",)])
def test_curl(living: Living, tmp_path: Path, form: tuple[str, ...]) -> None:
    """Both its meter and its bar."""
    (tmp_path / "from").write_bytes(b"x" * 1_000_000)
    assert auto(living, "curl", *form, "-o", f"{tmp_path}/to", f"file://{tmp_path}/from")["fraction"] == 1.0


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_rsync(living: Living, tmp_path: Path) -> None:
    """With the progress of all files."""
    for name in "abc":
        (tmp_path / name).write_bytes(b"x" * 100_000)
    assert auto(living, "rsync", "-a", "--info=progress2", f"{tmp_path}/", f"{tmp_path}-to/")["fraction"] == 1.0


def test_what_a_job_says_goes_before(living: Living) -> None:
    """From the first number that it reports; words alone leave the guess alone."""
    steps = [living.state / f"step-{number}" for number in range(3)]
    waits = [f"until [ -e {step} ]; do sleep 0.02; done" for step in steps]
    script = (
        f"echo message hello >&8; echo 3/10; {waits[0]}; echo 1/4 >&8; {waits[1]}; echo 9/10; {waits[2]}; echo 10/10"
    )
    job = living.submit("sh", "-c", script, progress="auto")["id"]
    until(lambda: (living.job(job)["progress"]["done"], living.job(job)["progress"]["message"]) == (3, "hello"))
    steps[0].touch()
    until(lambda: living.job(job)["progress"]["done"] == 1)
    steps[1].touch()
    until(lambda: living.output(job).endswith(b"9/10\n"))
    steps[2].touch()
    progress = living.ended(job)["progress"]
    assert (progress["fraction"], progress["done"], progress["message"]) == (0.25, 1, "hello")
    assert len(guessed(living, job)) == 1


def test_what_a_job_says_at_once_goes_before(living: Living) -> None:
    """Also if both come before anybody has looked, and its own is less."""
    assert auto(living, "sh", "-c", "echo 3/4; echo 1/4 >&8; echo 4/4")["fraction"] == 0.25


def test_both_outputs(living: Living) -> None:
    """Where they are apart, both are read."""
    assert auto(living, "sh", "-c", "echo 1/10; echo 40% >&2", split=True)["fraction"] == 0.4


def test_a_flood(living: Living) -> None:
    """Of very much output only the end is read, now and then."""
    script = "print(*(f'{n}/200000' for n in range(200_001)), sep='\\n')"
    job = living.submit(sys.executable, "-c", script, progress="auto")["id"]
    assert living.ended(job)["progress"]["fraction"] == 1.0
    assert len(guessed(living, job)) < 50


def test_across_a_kill(living: Living) -> None:
    """The next daemon reads on, without the beginning; what begins anew counts as new."""
    fill = "head -c 50000 /dev/zero | tr '\\0' '\\n'; "
    wait = "cat gate > /dev/null; "  # to its end: a shell that reads one line may meet the same writer again
    script = f"echo 8/10; {wait}{fill} echo 2/10; {wait}echo 3/10; echo"
    job = living.submit("sh", "-c", script, progress="auto", cwd=str(living.state))["id"]
    until(lambda: living.job(job)["progress"]["done"] == 8)
    through(living.state / "gate")
    until(lambda: living.job(job)["progress"]["done"] == 2)
    living.kill()
    living.start()
    through(living.state / "gate")
    assert living.ended(job)["progress"]["done"] == 3
    assert [report.get("restart", False) for report in guessed(living, job)][:2] == [False, True]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 3 * WINDOW), max_size=4), st.booleans())
def test_of_much_the_end(lengths: list[int], one_by_one: bool) -> None:  # noqa: FBT001 -- made by hypothesis
    """However much is between two numbers and however often it is looked at, the last whole one counts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "output")
        file = OutputFile(path)
        for number, length in enumerate(lengths):
            with path.open("a") as output:
                output.write("12/13 " * (length // 6) + f"\n{number}/9\r")
            if one_by_one:
                assert file.read()
                assert file.guess.report == Report(done=number, total=9)
        file.read(last=True)
        os.close(file.descriptor)
    assert file.guess.report == (Report(done=len(lengths) - 1, total=9) if lengths else None)


def test_a_half_number(tmp_path: Path) -> None:
    """A line without its end waits for it, one that begins before the window is no line, and ffmpeg's head counts."""
    path = tmp_path / "output"
    path.write_bytes(b"Duration: 00:01:40.00, start: 0\n" + b"x" * WINDOW + b"1/2" + b" " * (WINDOW - 4) + b"\n1/1")
    file = OutputFile(path)
    assert (file.read(), file.guess.report, file.guess.length) == (True, None, 100)
    with path.open("ab") as output:
        output.write(b"00\rframe=1 time=00:00:10.00 speed=1x")
    assert (file.read(), file.news()) == (True, Report(done=1, total=100))
    assert not file.read()
    path.write_bytes(b"2/100\n")
    assert (file.read(), file.news()) == (True, Report(done=2, total=100))
    os.close(file.descriptor)
