"""Whatever a job says, through whichever way: it harms nobody else, and the daemon's memory stays bounded."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from jobd.core.model import WARNINGS_KEPT
from jobd.core.work.items import MOST_ITEMS
from tests.commands.running import Gate
from tests.living import Living, Refusal
from tests.waiting import until

MIB = 1 << 20
LINES = 300_000
#: What no report is, for one reason each.
NONSENSE = {
    "more done than the total": "11/10",
    "the total falls below what is done": '{"done": 11, "total": 10}',
    "negative": '{"done": -1, "total": 10}',
    "a negative total": '{"total": -10}',
    "more than all": '{"fraction": 1.01}',
    "NaN": '{"fraction": NaN}',
    "NaN in words": "nan%",
    "infinity": '{"done": Infinity}',
    "a huge count": f"{'9' * 400}/{'9' * 400}",
    "a huge count of JSON": f'{{"done": 1{"0" * 400}}}',
    "a number beyond all": '{"done": 1e999}',
    "a number that is a text": '{"done": "3"}',
    "no such field": '{"finished": 3}',
    "no such state": "item a sleeping",
    "an item without a state": "item a",
    "an item without a name": '{"item": "", "state": "failed"}',
    "a heavy item": '{"item": "a", "weight": 1e300}',
    "a long name": f"item {'k' * 201} done",
    "a limit without an end": "rate_limited 99999999999",
    "a negative limit": '{"rate_limited": -5}',
    "too many stages": "stages " + " ".join(f"s{number}" for number in range(101)),
    "no weight": "stages a:0",
    "nested deeply": "{" + '"done":[' * 1000,
    "binary": "\x01\x02\x7f",
    "not JSON": '{"done": 3',
    "a long line": "x" * 5000,
}


@pytest.fixture(scope="module")
def neighbour(living: Living) -> int:
    """Give a job that minds its own business."""
    job_id: int = living.call("begin", name="neighbour")["id"]
    living.call("progress", job="neighbour", line="3/10 all is well")
    return job_id


def at_peace(living: Living, neighbour: int) -> bool:
    """Whether the neighbour is as it was."""
    job = living.job(neighbour)
    said = job["progress"]["done"], job["progress"]["message"], job["progress"]["reports"]
    return (job["state"], job["warned"], *said) == ("running", 0, 3.0, "all is well", 1)


def ran(living: Living, script: str, *words: str) -> dict[str, Any]:
    """Run a Python script to its good end."""
    ended = living.ended(living.submit(sys.executable, "-c", script, *words)["id"], 110)
    assert ended["state"] == "completed", living.output(ended["id"])
    return ended


def memory(living: Living, act: Callable[[], object]) -> tuple[float, float]:
    """Do something, and say how much memory the daemon had before and at its peak, in MiB."""

    def peak() -> float:
        status = Path(f"/proc/{living.pid}/status").read_text()
        return (int(status.partition("VmHWM:")[2].split()[0]) << 10) / MIB

    Path(f"/proc/{living.pid}/clear_refs").write_text("5")
    before = peak()
    act()
    return before, peak()


def test_each_is_refused_by_itself(living: Living, neighbour: int) -> None:
    """From outside each is an error; nothing of the job changes."""
    job = living.call("begin", name="victim")["id"]
    living.call("progress", job="victim", line="1/4 before")
    before = {**living.job(job)["progress"], "eta": None}
    for why, line in NONSENSE.items():
        with pytest.raises(Refusal) as refused:
            living.call("progress", job="victim", line=line)
        assert refused.value.reason in ("BAD_PROGRESS", "BAD_PARAMETERS"), why
    assert {**living.job(job)["progress"], "eta": None} == before
    assert at_peace(living, neighbour)
    living.call("end", jobs=["victim"])


#: Write all lines, through the file or through the socket, and something good before and after.
THROUGH = {
    "file": "with open(os.environ['JOBD_REPORT'], 'a') as to: [to.write(line + chr(10)) for line in lines]",
    "socket": "to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); to.connect(os.environ['NOTIFY_SOCKET'])\n"
    "for line in lines: to.send(('X_JOBD_PROGRESS=' + line).encode()[:4000])",
}


@pytest.mark.parametrize("way", THROUGH)
def test_each_is_a_warning(living: Living, neighbour: int, way: str) -> None:
    """From inside each is counted, the latest are kept, and what is good between them is taken in."""
    script = "import json, os, socket, sys\nlines = ['1/4', *json.loads(sys.argv[1]), '2/4 after']\n" + THROUGH[way]
    job = ran(living, script, json.dumps(list(NONSENSE.values())))
    assert (job["warned"], len(job["warnings"]) <= WARNINGS_KEPT) == (len(NONSENSE), True)
    progress = job["progress"]
    assert (progress["done"], progress["total"], progress["message"], progress["reports"]) == (2, 4, "after", 2)
    assert progress["items"] is None
    assert at_peace(living, neighbour)


def test_after_the_end(living: Living, neighbour: int, tmp_path: Path) -> None:
    """Nothing can be said of a job that has ended, nor of its items; what outlives it writes to nobody."""
    gate = Gate(tmp_path)
    late = f"({gate.wait(1)}; printf 'item late failed\\n9/9\\n' >&8; touch {gate.path(2)}) &"
    job = living.ended(living.submit("sh", "-c", late, leftover="leave")["id"])
    gate.open(1)
    until(gate.path(2).exists, what="a word from what outlives the job")
    for method, said in (("progress", {"line": "3/4"}), ("item", {"lines": ["a completed"]})):
        with pytest.raises(Refusal, match="has already ended"):
            living.call(method, job=str(job["id"]), **said)
    unknown = living.call("begin", name="unknown")["id"]
    counted = living.call("item", job="unknown", lines=["never-heard-of failed so"])
    assert (counted["job"], counted["items"]["failed"]) == (unknown, 1)
    living.call("end", jobs=["unknown"])
    assert living.job(job["id"])["progress"] == job["progress"]
    assert at_peace(living, neighbour)


@pytest.mark.parametrize("deed", [": > $JOBD_REPORT", "rm $JOBD_REPORT; echo 3/4 >> $JOBD_REPORT"])
def test_the_file_is_cut_or_deleted(living: Living, neighbour: int, deed: str) -> None:
    """In the middle of it: what was read counts, what is written afterwards counts, and a half line at the end too."""
    script = f"echo 1/4 >&8; echo half a >&8; {deed}; printf 'item x completed\\n4/4 end' >> $JOBD_REPORT"
    job = living.ended(living.submit("sh", "-c", script)["id"])
    progress = job["progress"]
    assert (job["state"], progress["done"], progress["message"]) == ("completed", 4, "end")
    assert progress["items"]["completed"] == 1
    assert at_peace(living, neighbour)


def test_a_hundred_thousand_items_at_once(living: Living, neighbour: int) -> None:
    """All of them count, one more is refused; what the daemon keeps of them it lets go with the job."""
    script = "import os; data = b''.join(b'item %d failed\\n' % n for n in range(int(os.sys.argv[1])))\n"
    script += "while data: data = data[os.write(8, data):]"
    jobs: list[dict[str, Any]] = []
    (before, first), (_, second) = [
        memory(living, lambda: jobs.append(ran(living, script, str(MOST_ITEMS + 1)))) for _ in range(2)
    ]
    for job in jobs:
        assert (job["progress"]["items"]["failed"], job["warned"]) == (MOST_ITEMS, MOST_ITEMS + 1)
        assert len(job["warnings"]) <= WARNINGS_KEPT
    assert first - before < 256
    assert second - first < 16
    assert at_peace(living, neighbour)


def test_a_flood(living: Living, neighbour: int) -> None:
    """So many lines, most of them good: each counts, others are served meanwhile, and memory hardly grows."""
    script = f"""
import os
lines = [b'%d/{LINES}\\n' % n if n % 10 else b'nonsense %d\\n' % n for n in range(1, {LINES})]
data = b"".join(lines) + b"{LINES}/{LINES}\\n"
while data: data = data[os.write(8, data[:1 << 20]):]
"""
    found: dict[str, Any] = {}

    def flood() -> None:
        job_id = living.submit(sys.executable, "-c", script)["id"]
        until(lambda: at_peace(living, neighbour) and living.job(job_id)["done"], 110, what="the end of the flood")
        found.update(living.job(job_id))

    before, most = memory(living, flood)
    bad = LINES // 10 - 1
    assert (found["progress"]["reports"], found["warned"], found["progress"]["fraction"]) == (LINES - bad, bad, 1.0)
    assert most - before < 16
    with closing(connect(living.state / "jobd.db")) as database:
        [[written]] = database.execute("SELECT count(*) FROM events WHERE job = ?", (found["id"],))
    assert written < 6_000


def test_nothing_is_left_open(living: Living) -> None:
    """After all that the daemon has no more files open than it needs."""
    until(lambda: not list((living.state / "run").iterdir()), what="an empty run directory")
    assert len(os.listdir(f"/proc/{living.pid}/fd")) < 40
