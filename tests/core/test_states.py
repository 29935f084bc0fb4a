"""The state machine: every cell of the table, no dead ends, and no rule of the lifecycle that steps outside of it."""

from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from jobd.core import lifecycle, schedule, states, telling
from jobd.core.errors import IllegalChange, Refused
from jobd.core.events import catalogue as happened
from jobd.core.events.catalogue import Entry, Event
from jobd.core.model import FINAL, Ending, Job, State
from jobd.core.retries import Retries
from jobd.core.work.progress import Report
from tests.core.samples import EVENTS, MAIN, ORIGIN, SHIM, SPEC, entry, job_in, moment

CELLS = [(kind, before) for kind in happened.leaves() for before in (None, *State)]
TERMINAL = (happened.Completed, happened.Failed, happened.Canceled)
HELD = (State.RUNNING, State.PAUSING, State.PAUSED)


def test_the_table_knows_every_event() -> None:
    """Each kind of event has its row, and each row its kind."""
    assert set(states.TABLE) == set(happened.leaves()) == set(EVENTS)


@pytest.mark.parametrize(("kind", "before"), CELLS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_each_cell(kind: type[Event], before: State | None) -> None:
    """An event leads where the table says; where the table says nothing it is refused, naming event, state and job."""
    job = job_in(before) if before else None
    row = states.TABLE[kind]
    if before in row:
        after = lifecycle.fold(job, entry(EVENTS[kind]))
        assert (after.state if after else None) == row[before]
        return
    with pytest.raises(IllegalChange) as refusal:
        lifecycle.fold(job, entry(EVENTS[kind]))
    details = {"event": kind.title(), "state": before.value if before else "unknown", "job": 7}
    assert details.items() <= refusal.value.details.items()
    assert all(str(value) in refusal.value.message for value in details.values())


@pytest.mark.parametrize("state", State)
def test_refused_is_the_rest_of_the_table(state: State) -> None:
    """What cannot happen in a state is exactly what has no cell there."""
    assert set(states.refused(state)) == {kind for kind in happened.leaves() if state not in states.TABLE[kind]}


def reachable(start: State | None) -> set[State | None]:
    """Walk the table from a state."""
    seen: set[State | None] = set()
    ahead: list[State | None] = [start]
    while ahead:
        state = ahead.pop()
        if state not in seen:
            seen.add(state)
            ahead += [row[state] for row in states.TABLE.values() if state in row]
    return seen


def test_every_state_can_come_about() -> None:
    """From nothing each state can be reached, and nothing again."""
    assert reachable(None) == {None, *State}


@pytest.mark.parametrize("state", State)
def test_every_job_can_end(state: State) -> None:
    """No state is a trap: a final one can be reached from all others, each kind of end from every state that lives."""
    assert reachable(state) >= FINAL


def test_only_the_end_of_a_job_is_final() -> None:
    """A final state is left by a retry or removal alone."""
    leaving = {kind for kind, row in states.TABLE.items() for state in FINAL if state in row and row[state] != state}
    assert leaving == {happened.Retried, happened.Removed}


class Lives(RuleBasedStateMachine):
    """Jobs lead all lives that the lifecycle allows, beside a model of a few variables.

    The model knows the state, whether an attempt is open, whether it has started, how often it was withdrawn, how often
    it may be run again by itself, and whether it waits for that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[bytes] = []
        self.job: Job | None = None
        self.state = State.PENDING
        self.open = self.begun = self.resting = self.again = False
        self.withdrawals = self.numbers = self.ends = self.seconds = self.left = 0

    @initialize(retries=st.sampled_from([0, 1, 3]))
    def submit(self, retries: int = 0) -> None:
        """A job comes into being."""
        self.left = retries
        wanted = Retries(most=retries) if retries else None
        self.record([happened.Submitted(name="x", origin=ORIGIN, spec=SPEC, retries=wanted)])

    def record(self, events: list[Event]) -> None:
        """Fold events as the gate does; a refusal here is a rule that promised too much."""
        for event in events:
            self.seconds += 1
            line = entry(event, seq=len(self.log) + 1)
            self.job = lifecycle.fold(self.job, line)
            self.log.append(msgspec.json.encode(line))
            self.ends += isinstance(event, TERMINAL)

    def ask(self, allowed: bool, decide: object, *arguments: object) -> None:  # noqa: FBT001 -- reads as a sentence
        """Let a function of the lifecycle decide; it refuses if, and only if, the model says so."""
        assert self.job is not None
        assert callable(decide)
        if allowed:
            self.record(decide(self.job, *arguments))
        else:
            with pytest.raises(Refused):
                decide(self.job, *arguments)

    def end(self, state: State) -> None:
        """Remember that the job has ended."""
        self.state, self.open, self.resting = state, False, False

    def fail(self, *, for_good: bool = False) -> None:
        """Remember that an attempt has failed: the job is canceled, has failed, or waits to be run again."""
        if self.state is State.CANCELING and not self.again:
            self.end(State.CANCELED)
        elif self.left and (not for_good or self.state is State.CANCELING):
            self.end(State.PENDING)
            self.left -= 1
            self.resting = True
        else:
            self.end(State.FAILED)

    @rule()
    def open_attempt(self) -> None:
        """The scheduler starts it."""
        allowed = self.state is State.PENDING and not self.open
        self.ask(allowed, lifecycle.open_attempt, moment(self.seconds), "cookie", None)
        if allowed:
            self.open, self.begun, self.resting, self.again = True, False, False, False
            self.numbers += 1

    @rule()
    def started(self) -> None:
        """Its shim has answered."""
        at = moment(self.seconds)
        self.ask(True, lifecycle.started, MAIN, SHIM, at.wall, at.boottime)
        if self.open and not self.begun:
            self.begun, self.withdrawals = True, 0
            self.state = State.RUNNING if self.state is State.PENDING else self.state

    @rule()
    def withdrawn(self) -> None:
        """It turns out never to have run."""
        self.ask(True, lifecycle.withdrawn, "fenced")
        if self.open:
            self.open = False
            self.withdrawals += 1
            worn = self.withdrawals == lifecycle.MOST_WITHDRAWALS
            self.state = State.CANCELED if self.state is State.CANCELING else State.FAILED if worn else State.PENDING

    @rule(done=st.integers(0, 10))
    def report(self, done: int) -> None:
        """It says how far it is."""
        self.ask(self.state not in FINAL, telling.report, Report(done=done, total=10), moment(self.seconds))

    @rule()
    def pause(self) -> None:
        """Somebody wants it to stand still."""
        self.ask(self.state in HELD, lifecycle.pause)
        self.state = State.PAUSING if self.state is State.RUNNING else self.state

    @rule()
    def paused(self) -> None:
        """Its processes are stopped."""
        self.ask(True, lifecycle.paused, moment(self.seconds))
        self.state = State.PAUSED if self.state is State.PAUSING else self.state

    @rule()
    def resume(self) -> None:
        """Somebody lets it go on."""
        self.ask(self.state in HELD, lifecycle.resume, moment(self.seconds))
        self.state = State.RUNNING if self.state in HELD else self.state

    @rule()
    def draining(self) -> None:
        """Only leftovers of it live."""
        self.ask(True, lifecycle.draining, 0)
        self.state = State.COMPLETING if self.state in HELD else self.state

    @rule(grace=st.sampled_from([0.0, 10.0]), again=st.booleans())
    def cancel(self, grace: float, again: bool = False) -> None:  # noqa: FBT001, FBT002 -- made by hypothesis
        """Somebody wants it to end, perhaps to be run again."""
        decide = partial(lifecycle.cancel, again=again)
        self.ask(self.state not in FINAL, decide, moment(self.seconds), grace, 15, "enough", 1000)
        if self.state not in FINAL:
            self.again = again and (self.state is not State.CANCELING or self.again)
            self.state = State.CANCELING if self.open else State.CANCELED
            self.resting = False

    @rule()
    def abandon(self) -> None:
        """Somebody gives up on it."""
        allowed = self.state is State.CANCELING
        self.ask(allowed, lifecycle.abandon)
        if allowed:
            self.end(State.CANCELED)

    @rule(status=st.sampled_from([None, 0, 256, 9, 127]), errno=st.sampled_from([None, None, 2]))
    def exited(self, status: int | None, errno: int | None) -> None:
        """Nothing of it is left."""
        ending = Ending(status=status, start_errno=errno, elapsed=1.0)
        self.ask(True, lifecycle.exited, ending, None)
        if self.open and status == 0 and errno is None:
            self.end(State.COMPLETED)
        elif self.open:
            self.fail(for_good=errno is not None)

    @rule(detail=st.sampled_from(["reboot", "shim"]))
    def lost(self, detail: str) -> None:
        """Nobody knows what became of it."""
        self.ask(True, lifecycle.lost, detail, moment(self.seconds))
        if self.open:
            self.fail()

    @rule()
    def end_from_outside(self) -> None:
        """Somebody says it has ended, which is not for them to say."""
        self.ask(False, lifecycle.end, 0, moment(self.seconds))

    @precondition(lambda self: self.state in FINAL or self.resting)
    @rule()
    def retry(self) -> None:
        """Somebody wants another attempt."""
        assert self.job is not None
        if self.state in FINAL:
            self.left = self.job.retries.most if self.job.retries else 0
        self.ask(True, lifecycle.retry)
        self.state, self.ends, self.withdrawals, self.resting = State.PENDING, 0, 0, False

    @rule()
    def due(self) -> None:
        """It is time for another attempt, if it waits for that."""
        self.ask(True, lifecycle.due)
        self.resting = False

    @precondition(lambda self: self.state not in FINAL)
    @rule()
    def remove_or_retry_too_early(self) -> None:
        """Somebody wants it forgotten or run again before its end."""
        self.ask(False, lifecycle.remove)
        if not self.resting:
            self.ask(False, lifecycle.retry)

    @invariant()
    def agrees_with_the_model(self) -> None:
        """State, open attempt and number are what the model says; one terminal event for each life, at its end."""
        if self.job is not None:
            assert (self.job.state, self.job.open, self.job.numbered) == (self.state, self.open, self.numbers)
            assert self.ends == (self.state in FINAL)
            assert self.job.done == (self.state in FINAL)
            assert (self.job.backs_off, schedule.waits(self.job)) == (
                self.resting, self.state is State.PENDING and not self.open and not self.resting,
            )  # fmt: skip

    def teardown(self) -> None:
        """Replaying the log as it was written gives the same record, and the record survives its own JSON."""
        job = None
        for line in self.log:
            job = lifecycle.fold(job, msgspec.json.decode(line, type=Entry))
        assert job == self.job
        assert msgspec.json.decode(msgspec.json.encode(self.job), type=Job) == self.job


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=100, stateful_step_count=15, deadline=None)

#: The rules of Lives with what they are told, each as often as it should come up.
STEPS: tuple[tuple[Callable[..., None], tuple[object, ...]], ...] = (
    *((step, ()) for step in (Lives.open_attempt, Lives.started, Lives.pause, Lives.paused, Lives.resume)),
    *((step, ()) for step in (Lives.open_attempt, Lives.started, Lives.withdrawn, Lives.withdrawn, Lives.draining)),
    *((step, ()) for step in (Lives.abandon, Lives.end_from_outside, Lives.due)),
    *((Lives.cancel, told) for told in ((0.0, False), (10.0, False), (10.0, True))),
    *((Lives.exited, ending) for ending in ((0, None), (256, None), (9, None), (None, None), (32512, 2))),
    *((Lives.lost, (detail,)) for detail in ("reboot", "shim")),
    *((Lives.report, (done,)) for done in (3, 0)),
)


@settings(max_examples=400)
@given(st.binary(min_size=10, max_size=40))
def test_many_lives(steps: bytes) -> None:
    """The same lives, many more of them and longer ones."""
    life = Lives()
    life.submit(steps[0] % 3)
    for number in steps:
        step, told = STEPS[number % len(STEPS)]
        step(life, *told)
        life.agrees_with_the_model()
        if life.state in FINAL and number >= 128:
            life.retry()
        elif life.state not in FINAL and number >= 240:
            life.remove_or_retry_too_early()
    life.teardown()


def test_a_job_is_removed_after_its_end() -> None:
    """Removal leaves nothing, and nothing can happen to what was removed."""
    job = job_in(State.FAILED)
    [removed] = lifecycle.remove(job)
    assert lifecycle.fold(job, entry(removed)) is None
    with pytest.raises(IllegalChange):
        lifecycle.fold(None, entry(removed))


def test_a_state_that_stays_is_not_copied_twice() -> None:
    """An event that leaves the state alone changes only what it says."""
    job = job_in(State.RUNNING)
    folded = lifecycle.fold(job, entry(EVENTS[happened.Adopted]))
    assert folded == replace(job, attempts=(replace(job.attempts[0], shim_lost=True),))
