"""Settings are read again while the daemon runs, without losing a job; what cannot be read changes nothing."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.config import Config
from jobd.daemon.life.settings import Settings
from tests.daemon.hearing import eventually
from tests.living import Living
from tests.waiting import until


class Watched:
    """Settings of a directory of their own, and what they have told."""

    def __init__(self, path: Path) -> None:
        self.file = path / "config" / "jobd" / "config.toml"
        self.told: list[Config] = []
        self.settings = Settings({"XDG_CONFIG_HOME": str(path / "config"), "HOME": str(path)}, self.told.append)

    def write(self, text: str) -> None:
        """Write the file as an editor does: anew, then in place of the old one."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.file)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Give settings without a file."""
    return Watched(tmp_path)


def test_a_change_is_read_once(watched: Watched) -> None:
    """A file that comes, changes or goes is read, one that stays as it is is not."""
    watched.settings.refresh()
    assert watched.told == []
    watched.write("[jobs]\nslots = 7\n")
    watched.settings.refresh()
    watched.settings.refresh()
    assert [config.jobs.slots for config in watched.told] == [7]
    watched.file.unlink()
    watched.settings.refresh()
    assert len(watched.told) == 2
    assert watched.told[1] == Config()


def test_what_cannot_be_read_changes_nothing(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """The log says where and what is wrong; the next change is read again."""
    watched.write("[jobs]\nslotts = 7\n")
    watched.settings.refresh()
    assert watched.told == []
    assert f"the settings stay as they were: configuration: {watched.file}:2: no setting slotts" in caplog.text
    watched.write("[jobs]\nslots = 7\n")
    watched.settings.refresh()
    assert [config.jobs.slots for config in watched.told] == [7]


def test_files_are_watched_while_there_is_something_to_do(watched: Watched) -> None:
    """Busy, a change is noticed by itself; idle, at the next look."""

    async def run() -> None:
        watched.write("[jobs]\nslots = 1\n")
        watched.settings.watch(busy=True)
        watched.settings.watch(busy=True)
        assert [config.jobs.slots for config in watched.told] == [1]
        await _written_until(watched, "[jobs]\nslots = 2\n", 2)
        watched.settings.watch(busy=False)
        watched.write("[jobs]\nslots = 3\n")
        await asyncio.sleep(0.7)
        assert watched.told[-1].jobs.slots == 2
        watched.settings.watch(busy=True)
        assert watched.told[-1].jobs.slots == 3
        watched.settings.close()

    asyncio.run(run())


async def _written_until(watched: Watched, text: str, slots: int) -> None:
    """Write until it is noticed: a watcher needs a moment until it watches."""
    for _ in range(40):
        watched.write(text)
        try:
            async with asyncio.timeout(1):
                await eventually(lambda: watched.told[-1].jobs.slots == slots)
        except TimeoutError:
            continue
        return
    raise AssertionError("it was not noticed")


@pytest.fixture
def living(state_dir: Path) -> Iterator[Living]:
    """Give a daemon that was not started, with a configuration of its own."""
    (state_dir / "config" / "jobd").mkdir(parents=True)
    living = Living(state_dir)
    yield living
    living.kill()


def test_slots_change_without_losing_a_job(living: Living, state_dir: Path) -> None:
    """More slots start what waits, fewer end nothing; a broken file is reported and changes nothing."""
    file = state_dir / "config" / "jobd" / "config.toml"
    gate = state_dir / "gate"
    os.mkfifo(gate)
    file.write_text("[jobs]\nslots = 1\n")
    living.start({"XDG_CONFIG_HOME": str(state_dir / "config")})
    jobs = [living.submit("sh", "-c", f"read word < {gate}; exit {code}")["id"] for code in range(4)]
    until(lambda: living.call("status")["counts"] == {"running": 1, "pending": 3})

    def written(text: str, running: int) -> None:
        def look() -> bool:
            file.write_text(text)
            return bool(living.call("status")["counts"].get("running") == running)

        until(look, what=f"{running} running")

    written("[jobs]\nslots = 3\n", 3)
    file.write_text("[jobs]\nslots = many\n")
    until(lambda: "the settings stay as they were" in (state_dir / "daemon.out").read_text())
    assert living.call("daemon.status")["slots"] == 3
    written("[jobs]\nslots = 2\n", 3)
    until(lambda: living.call("daemon.status")["slots"] == 2)
    assert living.call("status")["counts"] == {"running": 3, "pending": 1}
    gate.open("w").close()
    until(lambda: living.call("status")["counts"].get("pending") is None)
    until(lambda: all(not living.job(job)["pid"] or living.job(job)["done"] for job in jobs[:3]))
    gate.open("w").close()
    assert [living.ended(job)["exit_code"] for job in jobs] == [0, 1, 2, 3]
