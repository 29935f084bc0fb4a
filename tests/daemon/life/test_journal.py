"""The daemon's log: readable by eyes, by the journal and by programs, private, and limited in size."""

import io
import json
import logging
import os
import pty
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.config import Paths
from jobd.daemon.life import journal

LINE = re.compile(r"at=(\S+) level=(\w+) part=(\w+) message=(\"(?:[^\"\\]|\\.)*\")(?: traceback=(\".*\"))?")


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Give the tests' own log back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = True


def say(state: Path, *, background: bool = True, level: str = "info", **environ: str) -> None:
    """Set the log up and say something of everything."""
    journal.set_up(Paths(state), level, background=background, environ=environ)
    logger = logging.getLogger("jobd.daemon.some_part")
    logger.debug("for developers")
    logger.info('a "quoted" word and\na second line: %s', "é")
    logger.error("it failed", exc_info=ZeroDivisionError("oh"))


def test_in_the_background_it_is_a_file_of_pairs(state_dir: Path) -> None:
    """One line for each thing said, whatever was said; only the owner reads it."""
    say(state_dir)
    path = state_dir / "log" / "daemon.log"
    first, second = (LINE.fullmatch(line) for line in path.read_text().splitlines())
    assert first
    assert second
    assert first[1].endswith("Z")
    assert (first[2], first[3], json.loads(first[4])) == ("info", "some_part", 'a "quoted" word and\na second line: é')
    assert (second[2], json.loads(second[4])) == ("error", "it failed")
    assert json.loads(second[5]).endswith("ZeroDivisionError: oh")
    assert path.stat().st_mode & 0o777 == 0o600


def test_levels(state_dir: Path) -> None:
    """What is less important than asked for is left out."""
    say(state_dir, level="debug")
    assert "for developers" in (state_dir / "log" / "daemon.log").read_text()
    say(state_dir, level="error")
    assert (state_dir / "log" / "daemon.log").read_text().count("quoted") == 1


def test_a_link_is_not_followed(state_dir: Path) -> None:
    """Nobody can have the log written over another file."""
    (state_dir / "log").mkdir(mode=0o700)
    (state_dir / "log" / "daemon.log").symlink_to(state_dir / "other")
    with pytest.raises(OSError, match="symbolic links"):
        say(state_dir)


def test_the_size_is_limited(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full file is put aside, the oldest are deleted, all are private."""
    monkeypatch.setattr(journal, "LARGEST", 1000)
    journal.set_up(Paths(state_dir), "info", background=True, environ={})
    for number in range(200):
        logging.getLogger("jobd.x").info("line %d", number)
    files = sorted((state_dir / "log").iterdir())
    assert [file.name for file in files] == ["daemon.log", "daemon.log.1", "daemon.log.2", "daemon.log.3"]
    assert all(file.stat().st_size <= 1000 and file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert "line 199" in files[0].read_text()


def test_the_journal_gets_priorities(state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line has one, as the journal reads line by line; another stream than the journal's gets pairs."""
    path = tmp_path / "journal"
    with path.open("w+") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        found = os.fstat(stream.fileno())
        say(state_dir, background=False, JOURNAL_STREAM=f"{found.st_dev}:{found.st_ino}")
        lines = path.read_text().splitlines()
        assert lines[:2] == ['<6>a "quoted" word and', "<6>a second line: é"]
        assert all(line.startswith("<3>") for line in lines[2:])
        say(state_dir, background=False, JOURNAL_STREAM="1:2")
        assert LINE.fullmatch(path.read_text().splitlines()[-1])


def test_a_terminal_gets_a_time_and_a_sentence(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else, for somebody who looks on."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        say(state_dir, background=False)
        assert re.match(r'\d\d:\d\d:\d\d a "quoted" word', os.read(ours, 1000).decode())
    os.close(ours)


def test_a_stream_without_descriptor(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets pairs."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    say(state_dir, background=False, JOURNAL_STREAM="1:2")
    assert all(map(LINE.fullmatch, stream.getvalue().splitlines()))
