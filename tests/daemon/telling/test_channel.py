"""Who hears the same is told together; who does not read falls behind, and misses nothing."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobd.core.errors import NoLongerKept
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Actor, Event
from jobd.core.model import State
from jobd.core.subscriptions.interest import ALL
from jobd.core.work.progress import Report
from jobd.daemon.telling import channel, hub
from jobd.daemon.telling.channel import Manner
from jobd.daemon.telling.hub import MOST_AT_ONCE, RING, Line
from tests.core.samples import AT, EVENTS, job_in
from tests.daemon.telling.hearing import Ear, Stage, line, room, some, until

RESUMED, PROGRESSED = EVENTS[happened.Resumed], EVENTS[happened.Progressed]


def run(play: Coroutine[Any, Any, None]) -> None:
    """Run a test."""
    asyncio.run(play)


def said(done: float) -> Event:
    """Report something."""
    return happened.Progressed(report=Report(done=done, total=99.0), elapsed=done)


@settings(max_examples=40)
@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 20), st.lists(st.booleans(), min_size=3, max_size=3)), max_size=15),
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)),
    st.integers(2, 20),
)
def test_no_gap_and_no_repeat(
    old: int, bursts: list[tuple[int, list[bool]]], afters: tuple[int, ...], ring: int
) -> None:
    """Whoever reads or does not, and whenever: everybody gets all after his number, in order, once."""

    async def play() -> None:
        stage = Stage(ring=ring, old=old)
        starts = [min(after, old) for after in afters]
        ears = [Ear(call_id) for call_id in (b"1", b"1", b'"x"')]
        for ear, after in zip(ears, starts, strict=True):
            stage.listen(ear, after=after)
        for burst, deaf in bursts:
            stage.happen(*[RESUMED] * burst)
            for ear, is_deaf in zip(ears, deaf, strict=True):
                ear.be_deaf(deaf=is_deaf)
            await asyncio.sleep(0)
        for ear in ears:
            ear.be_deaf(deaf=False)
        last = stage.hub.seq
        await until(
            lambda: (
                stage.channels.keeping_up == 3
                and all(len(ear.seqs) == last - start for ear, start in zip(ears, starts, strict=True))
            )
        )
        assert [ear.seqs for ear in ears] == [list(range(start + 1, last + 1)) for start in starts]
        await stage.close()

    run(play())


def test_an_entry_is_put_into_json_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many hear it; those who call the stream the same are written the very same bytes."""
    encoded: list[object] = []
    encode = hub._encode  # noqa: SLF001 -- what is counted
    monkeypatch.setattr(hub, "_encode", lambda entry: encoded.append(entry) or encode(entry))

    async def play() -> None:
        stage = Stage(old=300)
        ears = [Ear() for _ in range(50)]
        late = [Ear(b"2") for _ in range(50)]
        for ear in ears:
            stage.listen(ear)
        for ear in late:
            stage.listen(ear, after=0)
        await until(lambda: stage.channels.keeping_up == 100)
        assert len(encoded) == 300
        stage.happen(RESUMED, PROGRESSED)
        await until(lambda: all(ear.seqs == [301, 302] for ear in ears))
        assert len(encoded) == 302
        assert {id(ear.told[-1]) for ear in ears} == {id(ears[0].told[-1])}
        assert late[0].seqs == list(range(1, 303))
        await stage.close()

    run(play())


def test_one_who_does_not_read_hurts_nobody() -> None:
    """Others hear everything at once, nothing is kept for it, and it goes on where it was."""

    async def play() -> None:
        stage = Stage(ring=300)
        good, bad = Ear(), Ear()
        stage.listen(good)
        stage.listen(bad)
        await until(lambda: stage.channels.keeping_up == 2)
        stage.happen(RESUMED)
        bad.be_deaf(deaf=True)
        for number in range(500):
            stage.happen(RESUMED)
            await until(lambda number=number: len(good.told) > number)  # type: ignore[misc]
        assert stage.channels.keeping_up == 1
        assert len(bad.seqs) <= 1
        bad.be_deaf(deaf=False)
        await until(lambda: stage.channels.keeping_up == 2)
        assert good.seqs == bad.seqs == list(range(1, 502))
        await stage.close()

    run(play())


def test_what_is_too_much_at_once_is_taken_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many entries, or long ones, are not written in one piece: each reader takes them as it reads."""
    monkeypatch.setattr(channel, "PORTION", 5000)
    monkeypatch.setattr(channel, "PORTION_OF_ALL", 10_000)

    async def play() -> None:
        stage = Stage()
        ear = Ear()
        stage.listen(ear)
        await until(lambda: stage.channels.keeping_up == 1)
        stage.happen(*[RESUMED] * (3 * MOST_AT_ONCE))
        await until(lambda: len(ear.seqs) == 3 * MOST_AT_ONCE and stage.channels.keeping_up)
        stage.happen(*[happened.ReportRejected(text="x" * 4000, problem="")] * 5)
        await until(lambda: len(ear.seqs) == 3 * MOST_AT_ONCE + 5)
        assert ear.seqs == list(range(1, 3 * MOST_AT_ONCE + 6))
        assert max(map(len, ear.told)) < 10_000
        await stage.close()

    run(play())


def test_only_what_is_wanted() -> None:
    """Of the jobs of the room, and of these the types; a number says how far the log is all the same."""

    async def play() -> None:
        stage = Stage()
        ears = {"job:2": Ear(), "name:a": Ear(), "types": Ear()}
        stage.jobs.update({1: replace(job_in(State.RUNNING, job_id=1), name="a")})
        stage.listen(ears["job:2"], room("job:2"))
        stage.listen(ears["name:a"], room("name:a"))
        stage.listen(ears["types"], some("resumed"), Manner(heartbeat=0.1))
        await until(lambda: stage.channels.keeping_up == 3)
        assert len(stage.hub.channels) == 3
        for job, event in ((1, RESUMED), (2, RESUMED), (2, PROGRESSED), (3, PROGRESSED)):
            stage.happen(event, job=job)
        await until(lambda: [sign for sign in ears["types"].of("heartbeat") if sign["seq"] == 4])
        assert ears["job:2"].seqs == [2, 3]
        assert ears["name:a"].seqs == [1]
        assert ears["types"].seqs == [1, 2]
        await stage.close()

    run(play())


def test_one_ahead_of_the_news_waits_for_it() -> None:
    """Whoever read the last entry from the file before it was told is not told it again."""

    async def play() -> None:
        stage = Stage(old=3)
        stage.log.lines.append(line(4))
        ear = Ear()
        stage.listen(ear, after=4)
        await asyncio.sleep(0)
        stage.hub.publish([line(4)])
        stage.log.lines.append(line(5))
        stage.hub.publish([line(5)])
        await until(lambda: ear.seqs)
        assert ear.seqs == [5]
        await stage.close()

    run(play())


def test_a_log_that_forgot_too_much() -> None:
    """Whoever stood still for longer than entries are kept is told so: there is no gap that nobody knows of."""

    async def play() -> None:
        stage = Stage(old=1000)
        lost, whole = Ear(), Ear()
        del stage.log.lines[:500]
        with pytest.raises(NoLongerKept) as refused:
            await stage.listen(lost, after=100)
        assert refused.value.details == {"seq": 100, "oldest": 501}
        stage.listen(whole, after=0)
        await until(lambda: len(whole.seqs) == 500)
        assert whole.seqs[0] == 501
        await stage.close()

    run(play())


def test_a_log_that_kept_nothing_on_disk() -> None:
    """What is still in memory is told."""

    async def play() -> None:
        stage = Stage(ring=10)
        stage.happen(*[RESUMED] * 20)
        stage.log.lines.clear()
        ear = Ear()
        stage.listen(ear, after=0)
        await until(lambda: len(ear.seqs) == 10)
        with pytest.raises(NoLongerKept):
            await stage.listen(Ear(), after=5)
        await stage.close()

    run(play())


def test_progress_made_short_on_request() -> None:
    """The last of each job after a while; what is important at once, with all that was before it, in order."""

    async def play() -> None:
        stage = Stage()
        short, whole, slow = Ear(), Ear(), Ear()
        stage.listen(short, manner=Manner(coalesce=0.05))
        stage.listen(whole)
        stage.listen(slow, manner=Manner(coalesce=60))
        await until(lambda: stage.channels.keeping_up == 3)
        for done in range(50):
            stage.happen(said(done), job=1)
            stage.happen(said(done), job=2)
            await asyncio.sleep(0)
        await until(lambda: short.seqs[-2:] == [99, 100])
        assert len(short.seqs) < 50
        assert [item["event"]["report"]["done"] for item in short.items[-2:]] == [49, 49]
        assert sum(item["event"].get("count", 1) for item in short.items) == 100
        assert slow.seqs == []
        stage.happen(RESUMED, job=1)
        await until(lambda: slow.seqs)
        stage.happen(said(50), job=1)
        assert slow.seqs == [99, 100, 101]
        assert slow.items[0]["event"] | {"count": 50} == slow.items[0]["event"]
        await until(lambda: short.seqs[-1] == 102)
        assert whole.seqs == list(range(1, 103))
        await stage.close()

    run(play())


def test_who_comes_later_to_those_who_wait_hears_nothing_twice() -> None:
    """A channel that holds progress back tells it before another one joins it."""

    async def play() -> None:
        stage = Stage()
        first, second = Ear(), Ear()
        stage.listen(first, manner=Manner(coalesce=60))
        await until(lambda: stage.channels.keeping_up == 1)
        stage.happen(said(1), said(2))
        stage.listen(second, manner=Manner(coalesce=60))
        await until(lambda: stage.channels.keeping_up == 2)
        assert (first.seqs, second.seqs) == ([2], [])
        stage.happen(said(3), RESUMED)
        await until(lambda: second.seqs)
        assert (first.seqs, second.seqs) == ([2, 3, 4], [3, 4])
        await stage.close()

    run(play())


def test_signs_of_life() -> None:
    """Nobody is left in silence; who never answers is hung up on, who does may stay."""

    async def play() -> None:
        stage = Stage(old=7)
        there, gone = Ear(), Ear(shy=True)
        stage.listen(there, manner=Manner(heartbeat=0.05))
        stage.listen(gone, manner=Manner(heartbeat=0.05))
        await until(lambda: gone.hung_up)
        assert len(gone.of("heartbeat")) >= 1
        assert there.of("heartbeat")[0] == {"type": "heartbeat", "seq": 7}
        assert not there.hung_up
        await stage.close()

    run(play())


def test_who_was_given_no_sign_has_none_to_answer() -> None:
    """One that catches up while others are given signs may stay, though it has said nothing all the while."""

    async def play() -> None:
        stage = Stage()
        there, late = Ear(b"1"), Ear(b"2", shy=True)
        stage.listen(there, manner=Manner(heartbeat=0.1))
        await until(lambda: stage.channels.keeping_up == 1)
        late.be_deaf(deaf=True)
        stage.happen(RESUMED)
        stage.listen(late, manner=Manner(heartbeat=0.1), after=0)
        await until(lambda: len(there.of("heartbeat")) == 2)
        late.be_deaf(deaf=False)
        await until(lambda: late.of("heartbeat"))
        assert not late.hung_up
        await until(lambda: late.hung_up)
        assert len(late.of("heartbeat")) >= 1
        await stage.close()

    run(play())


def test_what_others_do_throws_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much happens of which a channel that holds progress back wants nothing."""
    monkeypatch.setattr(hub, "QUICK", 60.0)  # so that it never rests, however slow the machine is

    async def play() -> None:
        stage = Stage()
        stage.listen(Ear(), room("job:2"), Manner(coalesce=60))
        await until(lambda: stage.channels.keeping_up == 1)
        for _ in range(2 * RING // 50):
            stage.happen(*[said(1)] * 50, job=1)
            assert stage.channels.keeping_up == 1
            await asyncio.sleep(0)
        await stage.close()

    run(play())


def test_no_sign_of_life_is_given_where_there_is_news() -> None:
    """It comes only when nothing else did."""

    async def play() -> None:
        stage = Stage()
        ear = Ear()
        stage.listen(ear, manner=Manner(heartbeat=0.2))
        await until(lambda: stage.channels.keeping_up == 1)
        loop = asyncio.get_running_loop()
        begun, longest, before = loop.time(), 0.0, loop.time()
        while loop.time() < begun + 0.5:
            stage.happen(RESUMED)
            await asyncio.sleep(0.005)
            longest, before = max(longest, loop.time() - before), loop.time()
        assert longest > 0.1 or not ear.of("heartbeat")
        await until(lambda: ear.of("heartbeat"))
        await stage.close()

    run(play())


def test_who_else_is_there() -> None:
    """First all who are, then who comes and who goes; and again all after changes that one was too slow for."""

    async def play() -> None:
        stage = Stage()
        ear, other = Ear(), Ear()
        caller = Actor(1000, 4242, "jobd")

        def names(items: list[dict[str, Any]]) -> list[str]:
            return [watcher["method"] for watcher in items]

        with stage.presence.watching(caller, "first", ALL, AT):
            stage.listen(ear, room("job:1"), Manner(presence=True))
            stage.listen(other)
            await until(lambda: stage.channels.keeping_up == 2)
            assert names(ear.of("watchers")[0]["watchers"]) == ["first"]
            with stage.presence.watching(caller, "here", room("job:1"), AT):
                pass
            with stage.presence.watching(caller, "elsewhere", room("job:2"), AT):
                pass
        assert [(item["type"], item["method"]) for item in ear.items[1:]] == [
            ("joined", "here"),
            ("left", "here"),
            ("left", "first"),
        ]
        assert ear.items[1]["rooms"] == ["job:1"]
        assert other.items == []
        ear.be_deaf(deaf=True)
        with stage.presence.watching(caller, "late", ALL, AT):
            stage.happen(RESUMED)
            with stage.presence.watching(caller, "unseen", ALL, AT):
                await until(lambda: stage.channels.keeping_up == 1)
            ear.be_deaf(deaf=False)
            await until(lambda: stage.channels.keeping_up == 2)
        assert names(ear.of("watchers")[1]["watchers"]) == ["late"]
        assert "unseen" not in names(ear.of("joined"))
        assert ear.items[-1]["type"] == "left"
        assert ear.seqs == [1]
        await stage.close()

    run(play())


def test_telling_many_leaves_time_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """After it took long to tell something, what comes next is gathered for a while."""
    monkeypatch.setattr(hub, "QUICK", -1.0)
    monkeypatch.setattr(hub, "SHARE", 1e-9)

    async def play() -> None:
        stage = Stage()
        ear = Ear()
        stage.listen(ear)
        await until(lambda: stage.channels.keeping_up == 1)
        stage.happen(RESUMED)
        await until(lambda: ear.seqs == [1])
        stage.happen(RESUMED)
        stage.happen(RESUMED)
        for _ in range(10):
            await asyncio.sleep(0)
        assert ear.seqs == [1]
        stage.hub.tell()
        assert ear.seqs == [1, 2, 3]
        await stage.close()

    run(play())


def test_a_bug_in_one_channel_is_not_felt_in_another(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""

    async def play() -> None:
        stage = Stage()
        ear = Ear()
        stage.listen(Ear(), some("resumed"))
        stage.listen(ear)
        await until(lambda: stage.channels.keeping_up == 2)
        broken = next(one for one in stage.hub.channels if one.interest != ALL)  # type: ignore[attr-defined]
        broken.news = lambda: 1 / 0  # type: ignore[method-assign]
        stage.happen(RESUMED)
        await until(lambda: ear.seqs == [1])
        del broken.news
        await stage.close()

    run(play())
    assert "could not be told" in caplog.text


def test_lines_are_as_in_the_log() -> None:
    """Put into JSON as everywhere else."""
    entry = line(5, PROGRESSED)
    assert Line(entry).json.startswith(b'{"type":"event","seq":5,')
