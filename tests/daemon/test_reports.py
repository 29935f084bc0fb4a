"""Report files are read on from where they were read to: each line once, whatever dies, whatever the job does."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.core.errors import StorageFull
from jobd.core.work.progress import NOTHING, Report, advance, parse
from jobd.core.work.progress_record import Progress
from jobd.daemon import reports
from jobd.daemon.report_file import Reading, ReportFile
from jobd.daemon.reports import Reports, gather
from jobd.growth import Growth
from tests.commands.running import Gate
from tests.daemon.hearing import eventually
from tests.living import Living
from tests.making import START
from tests.waiting import until

KEY = (1, 1)


class Reader:
    """Reports of one file, and what they told: lines and offsets."""

    def __init__(self, path: Path) -> None:
        self.path = path / "report"
        self.lines: list[bytes] = []
        self.offset = 0
        self.fault: StorageFull | None = None
        self.reports = Reports(self.told)

    def told(self, key: tuple[int, int], reading: Reading) -> None:
        """Take a reading, or refuse it."""
        assert key == KEY
        if self.fault is not None:
            raise self.fault
        self.lines += [line for line in reading.lines if line]
        self.offset = reading.offset

    def write(self, text: str) -> None:
        """Append to the file."""
        with self.path.open("a") as file:
            file.write(text)

    async def read(self, *lines: str) -> None:
        """Wait until just these lines have been read."""
        wanted = [line.encode() for line in lines]
        await eventually(lambda: self.lines == wanted, f"{lines} in place of {self.lines}")

    def finish(self) -> list[bytes]:
        """Read to the end."""
        return [line for reading in self.reports.finish(KEY) for line in reading.lines if line]


def said(file: TextIO, line: str) -> None:
    """Write a line at once."""
    file.write(f"{line}\n")
    file.flush()


def play(path: Path, scene: Callable[[Reader], Awaitable[None]], offset: int = 0) -> Reader:
    """Run a scene with a file that is followed from an offset."""
    reader = Reader(path)

    async def run() -> None:
        reader.reports.follow(KEY, reader.path, offset)
        await scene(reader)
        reader.reports.close()

    asyncio.run(run())
    return reader


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Line by line, quick or slow, also after the file has been quiet; a half line waits for its end."""

    async def scene(reader: Reader) -> None:
        reader.write("1/4\n")
        await reader.read("1/4")
        await asyncio.sleep(2 * reports.QUIET)
        reader.write("2/4\n3/")
        await reader.read("1/4", "2/4")
        await asyncio.sleep(2 * reports.QUIET)
        reader.write("4\n")
        await reader.read("1/4", "2/4", "3/4")
        reader.write("4/")
        assert reader.finish() == [b"4/"]

    assert play(tmp_path, scene).offset == len("1/4\n2/4\n3/4\n")


def test_it_goes_on_at_the_offset(tmp_path: Path) -> None:
    """What was read before is not read again."""
    (tmp_path / "report").write_text("1/4\n2/4\n")

    async def scene(reader: Reader) -> None:
        await reader.read("2/4")

    play(tmp_path, scene, offset=4)


def test_without_notices_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be watched a quiet file is still read on."""
    monkeypatch.setattr(Growth, "available", property(lambda _: False))

    async def scene(reader: Reader) -> None:
        reader.write("1/4\n")
        await reader.read("1/4")
        await asyncio.sleep(2 * reports.QUIET)
        reader.write("2/4\n")
        await reader.read("1/4", "2/4")

    play(tmp_path, scene)


def test_what_cannot_be_recorded_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that was refused comes again after a while; after a failed commit it goes back to what is durable."""
    monkeypatch.setattr(reports, "AGAIN", 0.05)

    async def scene(reader: Reader) -> None:
        reader.fault = StorageFull(path="/")
        reader.write("1/4\n2/4\n")
        await asyncio.sleep(0.2)
        reader.fault = None
        await reader.read("1/4", "2/4")
        reader.lines.clear()
        reader.reports.rewind(KEY, 4)
        await reader.read("2/4")

    play(tmp_path, scene)


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    """Cut or written anew, the same length or another: what is in it then is read, as far as it is new."""

    async def scene(reader: Reader) -> None:
        reader.write("1/4\n")
        await reader.read("1/4")
        for text in ("2/4\n", "3/4 a message\n", "%\n"):
            reader.lines.clear()
            reader.path.write_text(text)
            await reader.read(text.strip())
        reader.lines.clear()
        reader.write("4/4\n")
        await reader.read("4/4")

    play(tmp_path, scene)


def test_a_file_that_is_deleted(tmp_path: Path) -> None:
    """What is written to the old file is read, and beside it the new one of the name; the offset is that of the new."""

    async def scene(reader: Reader) -> None:
        with reader.path.open("a") as old:
            reader.path.unlink()
            said(old, "1/6")
            await reader.read("1/6")
            said(old, "2/6")
            await reader.read("1/6", "2/6")
            reader.write("3/6 new\n")
            await reader.read("1/6", "2/6", "3/6 new")
            assert reader.offset == len("3/6 new\n")
            said(old, "4/6")
            await reader.read("1/6", "2/6", "3/6 new", "4/6")
            assert reader.offset == len("3/6 new\n")
            old.write("5/6")
        reader.write("6/6")
        assert reader.finish() == [b"5/6", b"6/6"]

    play(tmp_path, scene)


@pytest.mark.parametrize("times", [1, 3])
def test_a_file_that_is_replaced(tmp_path: Path, times: int) -> None:
    """What takes its name is read from its beginning, while the job runs."""

    async def scene(reader: Reader) -> None:
        reader.write("0/9\n")
        await reader.read("0/9")
        for number in range(1, times + 1):
            reader.lines.clear()
            (tmp_path / "new").write_text(f"{number}/9\n")
            (tmp_path / "new").rename(reader.path)
            await reader.read(f"{number}/9")
        reader.path.rename(tmp_path / "elsewhere")
        reader.write("9/9")
        assert reader.finish() == [b"9/9"]

    play(tmp_path, scene)


def test_a_file_that_is_replaced_again_and_again(tmp_path: Path) -> None:
    """No more than the first and the last are held open."""

    def held() -> int:
        places = Path("/proc/self/fd").iterdir()
        return sum(str(tmp_path) in str(place.readlink()) for place in places if place.is_symlink())

    async def scene(reader: Reader) -> None:
        for number in range(1, 6):
            reader.lines.clear()
            (tmp_path / "new").write_text(f"{number}/9\n")
            (tmp_path / "new").rename(reader.path)
            await reader.read(f"{number}/9")
        await eventually(lambda: held() == 2, "two are open")
        assert reader.finish() == []

    play(tmp_path, scene)


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/null"), os.mkfifo])
def test_what_is_no_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Of what takes the name and is no file nothing is read; the old file is, and no other descriptor is closed."""

    async def scene(reader: Reader) -> None:
        with reader.path.open("a") as old:
            reader.path.unlink()
            make(reader.path)
            said(old, "1/4")
            await reader.read("1/4")
            await asyncio.sleep(2 * reports.QUIET)
            said(old, "2/4")
            await reader.read("1/4", "2/4")
            said(old, "3/4")
        before = set(os.listdir("/proc/self/fd"))
        read = reader.reports.finish(KEY)
        assert next(read).lines == [b"3/4", b""]
        with pytest.raises(OSError, match="no file"):
            next(read)
        assert before - set(os.listdir("/proc/self/fd")) != set()

    play(tmp_path, scene)


def test_a_job_that_makes_its_report_file_a_link_ends(living: Living) -> None:
    """It is told what is wrong, and its slot is free."""
    gate = Gate(living.state)
    replace = "rm $JOBD_REPORT; ln -s /dev/null $JOBD_REPORT; exit 3"
    job = living.submit("sh", "-c", f"echo 1/2 >&$JOBD_FD; {gate.wait()}; {replace}")
    until(lambda: living.job(job["id"])["progress"]["done"] == 1)
    gate.open()
    ended = living.ended(job["id"])
    assert (ended["reason"], ended["progress"]["done"]) == ("exit:3", 1)
    assert [warned["text"] for warned in ended["warnings"]] == [
        "the report file cannot be read to its end: what has its name is no file"
    ]


@pytest.mark.parametrize("length", [5000, reports.CHUNK - 1, reports.CHUNK, 3 * reports.CHUNK + 7])
def test_a_line_without_an_end(tmp_path: Path, length: int) -> None:
    """However long it is, it counts as one bad line, and what follows it is read."""

    async def scene(reader: Reader) -> None:
        reader.write("x" * length)
        await asyncio.sleep(2 * reports.QUIET)
        reader.write("\n2/4\n")
        await eventually(lambda: reader.lines[-1:] == [b"2/4"])
        assert len(reader.lines) == 2
        assert gather(reader.lines, None).rejected == 1

    play(tmp_path, scene)


def test_the_end_of_a_line_without_an_end(tmp_path: Path) -> None:
    """At the very end it is taken as it is."""

    async def scene(reader: Reader) -> None:
        reader.write("y" * (2 * reports.CHUNK))
        assert [len(line) for line in reader.finish()] == [reports.CHUNK]

    play(tmp_path, scene)


@settings(max_examples=50)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_in_any_pieces(choice: Random, count: int) -> None:
    """However the bytes arrive and wherever a daemon begins again, each line is read once and in order."""
    lines = [choice.choice(["", f"{number}/{count}", "x" * choice.randrange(200)]) for number in range(count)]
    data = "".join(f"{line}\n" for line in lines).encode()
    with tempfile.TemporaryDirectory() as folder:
        path, offset, read = Path(folder, "report"), 0, list[bytes]()
        while offset < len(data):
            size = path.stat().st_size if path.exists() else 0
            with path.open("ab") as file:
                file.write(data[size : size + choice.randrange(1, 300)])
            one = ReportFile(KEY, path, offset)
            reading = one.read()
            os.close(one.descriptor)
            if reading is not None:
                offset = reading.offset
                read += [line for line in reading.lines if line]
        assert read == [line.encode() for line in lines if line]


REPORTS = st.sampled_from(
    [b"3/10", b"40%", b"9/10 almost", b"stage one", b"stage two", b"message hello", b"beat", b"nonsense", b"5/20"]
)


@given(st.lists(REPORTS, max_size=12), st.sampled_from([None, "one", "two"]))
def test_gathered_or_one_by_one(lines: list[bytes], stage: str | None) -> None:
    """Many lines taken together lead where they lead one after the other, but for the rate between them."""
    before = advance(NOTHING, Report(stage=stage), 1, 1.0, START) if stage else NOTHING
    one_by_one = before
    for line in lines:
        if line != b"nonsense":
            one_by_one = advance(one_by_one, parse(line), 1, 2.0, START)
    gathered = gather(lines, stage)
    together = advance(before, gathered.report, gathered.taken, 2.0, START) if gathered.taken else before
    assert summary(together) == summary(one_by_one)
    assert gathered.rejected == lines.count(b"nonsense")
    assert (gathered.example is None) == (gathered.rejected == 0)


def summary(progress: Progress) -> tuple[object, ...]:
    """Say what a person sees of a progress."""
    return progress.fraction, progress.done, progress.total, progress.message, progress.stage, progress.reports


@pytest.mark.timeout(120)
def test_a_flood(living: Living) -> None:
    """A hundred thousand lines are taken in, each once, while others are served; the job is not slowed down."""
    script = "import os; [os.write(8, b'%d/100000\\n' % n) for n in range(1, 100001)]"
    job = living.submit("python3", "-c", script)
    answers = 0
    while not living.job(job["id"])["done"]:
        answers += 1
    ended = living.job(job["id"])
    assert (ended["state"], ended["progress"]["reports"], ended["warned"]) == ("completed", 100_000, 0)
    assert ended["progress"]["fraction"] == 1.0
    assert answers > 10
    entries = [entry for entry in living.entries() if entry["job"] == job["id"]]
    written = [entry["event"] for entry in entries if entry["event"]["type"] == "progressed"]
    assert sum(event.get("count", 1) for event in written) == 100_000
    assert len(written) < 10_000


def test_bad_lines_are_warnings(living: Living) -> None:
    """They do no harm, the first of each reading is shown, and a line over 4 KiB is one of them."""
    script = "echo 1/4; echo 'half way there'; echo 5/4; head -c 5000 /dev/zero | tr '\\0' x; echo; printf '2/4'"
    job = living.submit("sh", "-c", f"{{ {script}; }} >&$JOBD_FD")
    ended = living.ended(job["id"])
    assert (ended["state"], ended["progress"]["done"], ended["progress"]["reports"]) == ("completed", 2.0, 2)
    assert ended["warned"] == 3
    assert any("half way there" in warning["text"] for warning in ended["warnings"])


def test_a_name_or_a_descriptor(living: Living) -> None:
    """A job may write to either, and its children, too."""
    job = living.submit("sh", "-c", "echo 1/3 >&$JOBD_FD; echo 2/3 >> $JOBD_REPORT; (echo 3/3 >> $JOBD_REPORT) & wait")
    ended = living.ended(job["id"])
    assert (ended["progress"]["reports"], ended["progress"]["fraction"]) == (3, 1.0)


@pytest.mark.timeout(120)
def test_once_across_kills(state_dir: Path) -> None:
    """A daemon that is killed again and again takes in every line once: those written while none ran, too."""
    script = "for n in $(seq 2000); do echo $n/2000 >&$JOBD_FD; sleep 0.001; done"
    with Living(state_dir) as living:
        job = living.submit("sh", "-c", script)
        for share in (0.1, 0.2, 0.4, 0.6):
            until(lambda share=share: (living.job(job["id"])["progress"]["fraction"] or 0) > share)  # type: ignore[misc]
            living.kill()
            living.start()
        ended = living.ended(job["id"], 60)
        assert (ended["state"], ended["progress"]["reports"], ended["warned"]) == ("completed", 2000, 0)
        events = [entry["event"] for entry in living.entries() if entry["event"]["type"] == "progressed"]
        assert sum(event.get("count", 1) for event in events) == 2000
        assert sorted(event["offset"] for event in events) == [event["offset"] for event in events]
