"""Growth is noticed at once and for free; what is read on is every byte, once and in order."""

import asyncio
import ctypes
import errno
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.growth import Follower, Growth, Watch
from jobd.growth.follower import CHUNK, GROWING, MOVED
from jobd.growth.notices import IN_Q_OVERFLOW
from tests.source import ROOT

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify, splice and holes are Linux's")
MIB = 1 << 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give an empty file."""
    path = tmp_path / "output"
    path.touch()
    return path


def append(path: Path, data: bytes) -> None:
    """Write at the end of a file, as a job does."""
    with path.open("ab") as file:
        file.write(data)


def is_ready(growth: Growth, seconds: float = 0) -> bool:
    """Tell whether a notice has come, or comes within that time."""
    return bool(select.select([growth], [], [], seconds)[0])


def punch(path: Path, offset: int, length: int) -> bool:
    """Take bytes out of a file; False where its file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("r+b") as file:
        done = libc.fallocate(file.fileno(), 3, ctypes.c_int64(offset), ctypes.c_int64(length))
    return bool(done == 0)


class Pipe:
    """A pipe whose reader is a thread that keeps everything."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self._chunks: list[bytes] = []
        self._thread = threading.Thread(target=self._drain, args=(reading,))
        self._thread.start()

    def _drain(self, reading: int) -> None:
        with os.fdopen(reading, "rb", buffering=0) as stream:
            while data := stream.read(1 << 16):
                self._chunks.append(data)

    def close(self) -> bytes:
        """End it and give what arrived."""
        os.close(self.writing)
        self._thread.join()
        return b"".join(self._chunks)


@needs_linux
class TestGrowth:
    """One-shot notices."""

    def test_a_write_fires_once(self, log: Path) -> None:
        """The first write fires; the next ones are free and say nothing until the file is armed again."""
        with Growth() as growth:
            token = growth.arm(log)
            assert not is_ready(growth)
            append(log, b"one")
            append(log, b"two")
            assert is_ready(growth)
            assert growth.read() == {token}
            append(log, b"three")
            assert not is_ready(growth)
            assert growth.read() == set()
            again = growth.arm(log)
            append(log, b"four")
            assert growth.read() == {again}

    def test_several_at_once(self, tmp_path: Path) -> None:
        """Each file has its token, and only those written to are told."""
        paths = [tmp_path / str(number) for number in range(50)]
        with Growth() as growth:
            for path in paths:
                path.touch()
            tokens = [growth.arm(path) for path in paths]
            for path in paths[10:20]:
                append(path, b"x")
            assert growth.read() == set(tokens[10:20])

    def test_an_open_file_is_watched_whatever_its_name(self, log: Path) -> None:
        """A descriptor can be armed, also after the file was renamed or removed."""
        with Growth() as growth, log.open("ab", buffering=0) as file:
            log.unlink()
            token = growth.arm(file.fileno())
            file.write(b"x")
            assert growth.read() == {token}

    def test_a_directory_tells_of_its_entries(self, tmp_path: Path) -> None:
        """Coming, going and renaming fires; writing into a file there does not."""
        with Growth() as growth:
            inside = tmp_path / "job"
            for change in (
                inside.touch,
                lambda: inside.rename(tmp_path / "other"),
                (tmp_path / "other").unlink,
                (tmp_path / "sub").mkdir,
            ):
                token = growth.arm(str(tmp_path))
                change()
                assert growth.read() == {token}
            inside.touch()
            growth.arm(tmp_path)
            append(inside, b"x")
            assert not is_ready(growth)

    def test_a_removed_directory_fires(self, tmp_path: Path) -> None:
        """Whoever waits for a directory that goes away is woken."""
        gone = tmp_path / "gone"
        gone.mkdir()
        with Growth() as growth:
            token = growth.arm(os.fsencode(gone))
            gone.rmdir()
            assert growth.read() == {token}

    def test_a_notice_can_be_taken_back(self, log: Path) -> None:
        """After disarming nothing is told, also if it had fired already; twice is allowed."""
        with Growth() as growth:
            for write_first in (False, True):
                token = growth.arm(log)
                if write_first:
                    append(log, b"x")
                growth.disarm(token)
                growth.disarm(token)
                append(log, b"x")
                assert growth.read() == set()

    def test_what_cannot_be_watched_raises(self, tmp_path: Path) -> None:
        """A missing file is an error with its number, not a silence."""
        with Growth() as growth, pytest.raises(FileNotFoundError):
            growth.arm(tmp_path / "missing")

    def test_after_an_overflow_everything_is_looked_at(
        self, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If the kernel dropped notices, all that are armed still count as fired, and no other."""
        with Growth() as growth:
            growth.arm(tmp_path)
            (tmp_path / "entry").touch()
            growth.read()
            token = growth.arm(log)
            overflow = [
                b"",
                (-1).to_bytes(4, sys.byteorder, signed=True) + IN_Q_OVERFLOW.to_bytes(4, sys.byteorder) + bytes(8),
            ]
            monkeypatch.setattr("jobd.growth.notices.os.read", lambda *_: overflow.pop())
            assert growth.read() == {token}

    def test_without_descriptors_it_is_unavailable(self, log: Path) -> None:
        """Where no descriptor can be had, arming raises what happened, and the caller can look by itself."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            growth = Growth()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert not growth.available
        for attempt in (growth.fileno, lambda: growth.arm(log)):
            with pytest.raises(OSError, match="Too many open files"):
                attempt()
        growth.close()

    def test_it_is_not_inherited_and_never_blocks(self) -> None:
        """The descriptor stays in this process, and reading without a notice gives nothing."""
        with Growth() as growth:
            assert not os.get_inheritable(growth.fileno())
            assert not os.get_blocking(growth.fileno())
            assert growth.read() == set()
        growth.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            growth.fileno()

    def test_in_an_event_loop(self, log: Path) -> None:
        """The descriptor wakes asyncio."""

        async def wait_for_growth() -> set[int]:
            with Growth() as growth:
                growth.arm(log)
                fired = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().add_reader(growth.fileno(), lambda: fired.set_result(growth.read()))
                append(log, b"x")
                return await asyncio.wait_for(fired, 20)

        assert len(asyncio.run(wait_for_growth())) == 1


def test_other_systems_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without inotify nothing is available, and arming says why."""
    monkeypatch.setattr("jobd.growth.notices.sys.platform", "darwin")
    from jobd.growth import notices

    notices._libc.cache_clear()  # noqa: SLF001
    with Growth() as growth:
        assert not growth.available
        with pytest.raises(OSError, match=os.strerror(errno.ENOSYS)):
            growth.arm("/")


class TestFollower:
    """Reading on in a file."""

    def test_reads_on_from_its_offset(self, log: Path) -> None:
        """Each read goes on where the last one ended; at the end there is nothing, and later more."""
        append(log, b"0123456789")
        with Follower(log, 3) as follower:
            assert [follower.read(4), follower.read(4), follower.read(4)] == [b"3456", b"789", b""]
            assert not follower.is_behind()
            append(log, b"ab")
            assert follower.is_behind()
            assert (follower.read(), follower.offset) == (b"ab", 12)

    def test_keeps_the_file_when_its_name_goes(self, log: Path) -> None:
        """Renaming, replacing and removing do not disturb a reader."""
        append(log, b"first ")
        with Follower(log) as follower:
            moved = log.rename(log.with_name("kept"))
            log.write_bytes(b"another file")
            append(moved, b"second ")
            assert follower.read() == b"first second "
            with moved.open("ab", buffering=0) as file:
                moved.unlink()
                file.write(b"third")
                assert follower.read() == b"third"

    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 200), st.booleans()), max_size=12))
    def test_no_byte_is_lost_or_repeated(self, tmp_path: Path, steps: list[tuple[bytes, int, bool]]) -> None:
        """However writes, reads and sends follow one another, what comes out is what went in."""
        path, target = tmp_path / "in", tmp_path / "out"
        path.write_bytes(b"")
        with Follower(path) as follower, target.open("wb", buffering=0) as out:
            for data, limit, sends in steps:
                append(path, data)
                if sends:
                    assert follower.send(out.fileno(), limit) <= limit
                else:
                    out.write(follower.read(limit))
            while follower.send(out.fileno()):
                continue
        assert target.read_bytes() == path.read_bytes()

    def test_a_file_cut_short_is_read_from_its_start(self, log: Path) -> None:
        """A truncated file is noticed, counted, and read anew."""
        append(log, b"long text")
        with Follower(log) as follower:
            follower.read()
            log.write_bytes(b"new")
            assert follower.is_behind()
            assert (follower.read(), follower.restarts, follower.offset) == (b"new", 1, 3)

    def test_a_missing_file_raises(self, tmp_path: Path) -> None:
        """Opening says what is wrong; a FIFO does not hang the reader; closing twice is allowed."""
        with pytest.raises(FileNotFoundError):
            Follower(tmp_path / "missing")
        os.mkfifo(tmp_path / "fifo")
        fifo = Follower(tmp_path / "fifo")
        with pytest.raises(OSError, match="Illegal seek"):
            fifo.read()
        fifo.close()
        fifo.close()

    def test_a_full_target_keeps_the_offset_exact(self, log: Path) -> None:
        """After an error the offset is behind the last byte that was taken."""
        append(log, bytes(range(1, 256)) * 40)
        with Follower(log) as follower, open("/dev/full", "wb", buffering=0) as full:
            with pytest.raises(OSError, match="No space left"):
                follower.send(full.fileno())
            assert follower.offset == 0
        reading, writing = os.pipe()
        os.close(reading)
        with Follower(log) as follower:
            with pytest.raises(BrokenPipeError):
                follower.send(writing)
            assert follower.offset == 0
        os.close(writing)


class TestSending:
    """Moving bytes to where somebody reads them."""

    DATA = os.urandom(MIB).replace(b"\0", b"0") * 5 + b"the end"

    def test_to_a_pipe(self, log: Path) -> None:
        """A pipe that is often full gets every byte."""
        log.write_bytes(self.DATA)
        pipe = Pipe()
        with Follower(log) as follower:
            moved = [follower.send(pipe.writing) for _ in range(3)]
            assert sum(moved) == follower.offset == len(self.DATA)
        assert pipe.close() == self.DATA

    @pytest.mark.parametrize("mode", ["wb", "ab"])
    def test_to_a_file(self, log: Path, tmp_path: Path, mode: str) -> None:
        """A file gets every byte, also one that is appended to."""
        log.write_bytes(self.DATA)
        target = tmp_path / "target"
        target.write_bytes(b"before" if mode == "ab" else b"")
        with Follower(log) as follower, target.open(mode) as out:
            while follower.send(out.fileno()):
                continue
        assert target.read_bytes() == (b"before" if mode == "ab" else b"") + self.DATA

    def test_to_a_socket(self, log: Path) -> None:
        """What takes no pages gets copies, also if it is non-blocking and slow."""
        log.write_bytes(self.DATA)
        here, there = socket.socketpair()
        here.setblocking(False)
        received = bytearray()

        def receive() -> None:
            with there:
                while data := there.recv(1 << 16):
                    received.extend(data)

        reader = threading.Thread(target=receive)
        reader.start()
        with Follower(log) as follower, here:
            while follower.send(here.fileno()):
                continue
        reader.join()
        assert received == self.DATA

    def test_to_nowhere(self, log: Path) -> None:
        """/dev/null takes everything."""
        log.write_bytes(self.DATA)
        with Follower(log) as follower, open("/dev/null", "wb") as null:
            assert follower.send(null.fileno(), 10 * MIB) == len(self.DATA)

    def test_a_file_system_that_cannot_move_pages(self, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where splice is refused, the bytes are copied."""

        def refuse(*_: object, **__: object) -> int:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        monkeypatch.setattr("jobd.growth.follower.os.splice", refuse)
        log.write_bytes(self.DATA)
        pipe = Pipe()
        with Follower(log) as follower:
            while follower.send(pipe.writing):
                continue
        assert pipe.close() == self.DATA


@needs_linux
class TestHoles:
    """Bytes that were taken out of the file while it grew."""

    SIZE = 8 * MIB

    @pytest.fixture
    def punched(self, log: Path) -> Path:
        """Give a file of which the first page and the last two MiB are left."""
        log.write_bytes(b"A" * 4096 + b"B" * (self.SIZE - 4096))
        if not punch(log, 4096, self.SIZE - 2 * MIB - 4096):
            pytest.skip("this file system has no holes")
        return log

    def test_reading_skips_a_hole_and_says_so(self, punched: Path) -> None:
        """What is left is given, and before the piece after the hole stands how much is missing."""
        with Follower(punched) as follower:
            assert (follower.read(), follower.gap) == (b"A" * 4096, 0)
            assert (follower.read(), follower.gap) == (b"B" * CHUNK, self.SIZE - 2 * MIB - 4096)
            assert (follower.read(10), follower.gap) == (b"B" * 10, 0)

    def test_sending_skips_a_hole_and_says_so(self, punched: Path) -> None:
        """The same through a pipe, without a zero in it."""
        pipe = Pipe()
        gaps = []
        with Follower(punched) as follower:
            while follower.send(pipe.writing):
                gaps.append(follower.gap)
        assert pipe.close() == b"A" * 4096 + b"B" * (2 * MIB)
        assert sum(gaps) == self.SIZE - 2 * MIB - 4096
        assert gaps[0] == 0

    def test_a_hole_at_the_end_is_skipped_and_followed(self, log: Path) -> None:
        """A file lengthened without data goes on behind it; the rest of the last block reads as zeros."""
        append(log, b"start")
        with Follower(log) as follower:
            follower.read()
            os.truncate(log, 3 * MIB)
            zeros = follower.read()
            assert zeros.strip(b"\0") == follower.read() == b""
            assert follower.gap == 3 * MIB - len(b"start" + zeros) > 2 * MIB
            append(log, b"end")
            assert (follower.read(), follower.gap) == (b"end", 0)

    def test_zeros_are_data(self, log: Path) -> None:
        """A job that prints NUL bytes is shown as it is."""
        data = b"a" + bytes(3 * MOVED) + b"b"
        log.write_bytes(data)
        pipe = Pipe()
        with Follower(log) as follower:
            read = b"".join(iter(follower.read, b""))
            follower.offset = 0
            while follower.send(pipe.writing):
                continue
        assert read == pipe.close() == data

    def test_a_hole_is_believed_only_if_it_reads_as_zeros(self, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file system that calls fresh data a hole costs no byte."""
        real = os.lseek
        log.write_bytes(b"\0fresh data" * 100)

        def lie(descriptor: int, place: int, whence: int) -> int:
            return place if whence == os.SEEK_HOLE else real(descriptor, 0, os.SEEK_END)

        monkeypatch.setattr("jobd.growth.follower.os.lseek", lie)
        pipe = Pipe()
        with Follower(log) as follower:
            read = follower.read()
            follower.offset = 0
            follower.send(pipe.writing)
        assert read == pipe.close() == b"\0fresh data" * 100


class TestWatch:
    """Waiting for growth."""

    @pytest.fixture
    def watch(self) -> Iterator[Watch]:
        """Give a watch that is closed at the end."""
        with Watch() as watch:
            yield watch

    def test_tells_who_is_behind(self, log: Path, tmp_path: Path, watch: Watch) -> None:
        """What is there already is told at once; only the file that grew."""
        (tmp_path / "other").touch()
        append(log, b"x")
        with Follower(log) as follower, Follower(tmp_path / "other") as other:
            assert watch.wait([follower, other]) == ([follower], [])
            follower.read()
            append(tmp_path / "other", b"y")
            assert watch.wait([follower, other]) == ([other], [])

    def test_a_quiet_file_wakes_the_reader(self, log: Path, watch: Watch) -> None:
        """Long after the last byte a write is noticed, through an event or by looking."""
        with Follower(log) as follower:
            for text in (b"one", b"two", b"three"):
                timer = threading.Timer(0.05, append, (log, text))
                timer.start()
                assert watch.wait([follower]) == ([follower], [])
                assert follower.read() == text
                timer.join()

    def test_times_out(self, log: Path, watch: Watch) -> None:
        """With nothing to tell it comes back, also without any file."""
        with Follower(log) as follower:
            start = time.monotonic()
            assert watch.wait([follower], timeout=0.03) == ([], [])
            assert watch.wait([], timeout=0.03) == ([], [])
            assert time.monotonic() - start >= 0.06
            assert watch.wait([follower], timeout=0) == ([], [])

    def test_a_descriptor_wakes_it_too(self, log: Path, watch: Watch) -> None:
        """A socket of the daemon, or a pipe nobody reads any more, ends the wait; growth is told with it."""
        reading, writing = os.pipe()
        with Follower(log) as follower:
            os.write(writing, b"x")
            append(log, b"y")
            assert watch.wait([follower], [reading]) == ([follower], [reading])
            follower.read()
            assert watch.wait([follower], [reading]) == ([], [reading])
            os.close(reading)
            assert watch.wait([follower], [writing]) == ([], [writing])
            os.close(writing)

    def test_looks_by_itself_where_nothing_can_be_watched(
        self, log: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a watch left the file is looked at again and again."""

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("jobd.growth.notices.Growth.arm", refuse)
        with Follower(log) as follower:
            timer = threading.Timer(0.05, append, (log, b"x"))
            timer.start()
            assert watch.wait([follower]) == ([follower], [])
            timer.join()

    def test_what_is_written_while_arming_is_seen(
        self, log: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A write between the last look and the arming raises no notice, and is found all the same."""
        real = Growth.arm

        def arm_late(growth: Growth, target: int) -> int:
            append(log, b"x")
            return real(growth, target)

        monkeypatch.setattr("jobd.growth.notices.Growth.arm", arm_late)
        with Follower(log) as follower:
            assert watch.wait([follower]) == ([follower], [])

    def test_a_file_that_grows_is_not_watched(self, log: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
        """While bytes keep coming no notice is armed, so the writer pays for none."""
        armed: list[int] = []

        def note(_: Growth, target: int) -> int:
            armed.append(target)
            return 1

        monkeypatch.setattr("jobd.growth.notices.Growth.arm", note)
        with Follower(log) as follower:
            for _ in range(5):
                append(log, b"x")
                assert watch.wait([follower]) == ([follower], [])
                assert follower.read() == b"x"
        assert armed == []

    def test_a_file_that_grows_is_looked_at_now_and_then(self, log: Path, watch: Watch) -> None:
        """Between two pieces some time goes by, so that each is worth its system calls."""
        with Follower(log) as follower:
            start = time.monotonic()
            for _ in range(20):
                append(log, b"x")
                assert watch.wait([follower]) == ([follower], [])
                assert follower.read() == b"x"
            assert time.monotonic() - start >= 19 * GROWING

    def test_a_forgotten_follower_does_no_harm(self, log: Path, tmp_path: Path, watch: Watch) -> None:
        """One that was closed while it was watched wakes nobody for long, and its file can be followed anew."""
        with Follower(log) as follower:
            watch.wait([follower], timeout=0)
        with Follower(log) as follower:
            append(log, b"x")
            assert watch.wait([follower], timeout=20) == ([follower], [])
            follower.read()
            assert watch.wait([follower], timeout=0.03) == ([], [])

    @needs_linux
    def test_a_quiet_wait_sleeps(self, log: Path) -> None:
        """Nothing happens, nothing is done: the process is not woken once."""
        program = (
            "import sys, resource\nfrom jobd.growth import Follower, Watch\n"
            "follower, watch = Follower(sys.argv[1]), Watch()\n"
            "watch.wait([follower], timeout=0.05)\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw\n"
            "watch.wait([follower], timeout=0.5)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, log], env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True
        )
        assert int(done.stdout) <= 3

    def test_a_fast_writer_is_followed_to_the_end(self, log: Path, watch: Watch) -> None:
        """A writer in full speed and a reader that waits, reads and waits again: every byte arrives."""
        program = (
            "import sys\n"
            "with open(sys.argv[1], 'ab', buffering=0) as file:\n"
            "    for number in range(60000):\n"
            "        file.write(b'%06d the quick brown fox\\n' % number)\n"
        )
        pipe = Pipe()
        writer = subprocess.Popen([sys.executable, "-c", program, log])
        ended = os.pidfd_open(writer.pid) if hasattr(os, "pidfd_open") else -1
        with Follower(log) as follower:
            while True:
                over = writer.poll() is not None
                while follower.send(pipe.writing):
                    continue
                if over:
                    break
                watch.wait([follower], [ended] if ended >= 0 else [], 1.0)
        if ended >= 0:
            os.close(ended)
        assert pipe.close() == b"".join(b"%06d the quick brown fox\n" % number for number in range(60000))


def test_loading_is_cheap() -> None:
    """Nothing of this loads the foreign function interface before a file is watched."""
    program = (
        "import sys, jobd.growth\nprint([name for name in ('ctypes', 'asyncio', 'selectors') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
