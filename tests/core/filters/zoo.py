"""Jobs of all kinds, made by dice that fall the same for the same number: what is odd is as likely as what is usual."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from jobd.core.estimates.usual import Usual
from jobd.core.model import (
    FINAL,
    Attempt,
    Ending,
    Job,
    Origin,
    Process,
    Spec,
    State,
    Usage,
    Warned,
)
from jobd.core.text import Base64
from jobd.core.work.items import Tally
from jobd.core.work.progress_record import Progress
from tests.core.samples import AT, BOOT, BOOTTIME, moment

T = TypeVar("T")

#: When filters are asked: a while after the last job began.
NOW = moment(90_000.0)

NAMES = (
    "encode",
    "Encode",
    "backup-db",
    "back[up",
    "a*b",
    "\u017ftraße",
    "K9",
    "50%_off",
    "x",
    'quo"te',
    "back\\slash",
    "a?b",
)
GROUPS = ("default", "night", "Night", "video")
TEXTS = (
    "codec not found",
    "KELVIN \u212a",
    "100% done",
    "",
    "timeout after 5 s\nagain",
    "🎬 ende",
    'it\'s "so"',
    "[x]*?\\",
)
LABELS = (
    "env",
    "owner",
    "cost centre",
    'we"ird',
    "back\\slash",
    "a.b",
    "ключ",
    "tab\tkey",
    "",
    "x[0]",
    "\x7f",
    "é\u2028",
)
VALUES = ("prod", "test", "", "Prod*", "ß", "17")
WORDS = ("ffmpeg", "-i", "in put.mov", "--level=3", Base64("/w=="), Base64("YWLDKA=="), "\u017f", "*")
REASONS = (None, "exit:1", "exit:23", "oom", "lost", "signal:9", "too slow")
STATUSES = (None, 0, 256, 9, 139, 23 * 256, 127, 15, 4991)
NUMBERS = (0.0, 1.0, 3.0, 10.0, 0.57, 1 / 3, 12.5, 1e15)
FRACTIONS = (0.0, 0.25, 0.5, 0.57, 1 / 3, 1.0)
SIZES = (0, 1, 512, 1024, 2**20, 2**30, 4 * 2**30, 45_000_000)
SECONDS = (0.0, 0.25, 1.5, 5.0, 12.5, 60.0, 300.0, 7200.0, 86400.0)
#: Offsets of times, in seconds after AT, which is no whole second.
OFFSETS = (-86400.0, -0.123456, 0.0, 0.000001, 0.876544, 30.0, 59.876544, 3600.0, 7200.5, 80_000.0)


class Zoo:
    """Makes jobs."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)  # noqa: S311 -- dice

    def jobs(self, count: int) -> list[Job]:
        """Make so many jobs, with ids from 1 on."""
        return [self._job(number) for number in range(1, count + 1)]

    def _some(self, choices: Sequence[T]) -> T:
        return self._dice.choice(choices)

    def _maybe(self, choices: Sequence[T]) -> T | None:
        return self._some(choices) if self._dice.random() < 0.7 else None

    def _time(self) -> datetime:
        return AT + timedelta(seconds=self._some(OFFSETS))

    def _maybe_time(self) -> datetime | None:
        return self._time() if self._dice.random() < 0.7 else None

    def _job(self, number: int) -> Job:
        state = self._some([*State, *FINAL])
        attempts = self._attempts(state)
        command = tuple(self._dice.sample(WORDS, 2))
        folder = self._some(("/srv/video", "/", "/srv/Ünder", Base64("L3Nydi//")))
        spec = Spec(argv=command, cwd=folder) if self._dice.random() < 0.7 else None
        return Job(
            id=number, name=self._some(NAMES), state=state, created_at=self._time(),
            origin=Origin(
                uid=self._some((0, 1000, 1001)), pid=7, tty=self._maybe(("pts/3", "tty1")),
                cwd=self._maybe(("/home", Base64("L/8="))),
            ),
            spec=spec, command=None if spec else self._some((None, (), command)), group=self._some(GROUPS),
            priority=self._some((-5, 0, 0, 7, 100)), parent=self._maybe((1, 2, 17)),
            labels={name: self._some(VALUES) for name in self._dice.sample(LABELS, self._some((0, 0, 1, 3)))},
            reason=self._some(REASONS), detail=self._maybe(TEXTS), attempts=attempts,
            numbered=len(attempts) + self._some((0, 0, 2)),
            started_at=attempts[-1].started_at if attempts and self._dice.random() < 0.8 else None,
            ended_at=self._time() if state in FINAL else None,
            progress=self._progress(), usage=self._usage(), usual=self._usual(),
            warnings=tuple(Warned(AT, self._some(TEXTS)) for _ in range(self._some((0, 0, 1, 3)))),
            warned=self._some((0, 0, 1, 15)), renewed_at=self._maybe_time(),
        )  # fmt: skip

    def _attempts(self, state: State) -> tuple[Attempt, ...]:
        """Make attempts that have ended, but for the last one of a job that has not."""
        count = self._some((0, 1, 1, 2, 3))
        return tuple(self._attempt(at + 1, ended=at + 1 < count or state in FINAL) for at in range(count))

    def _attempt(self, number: int, *, ended: bool) -> Attempt:
        pause = None if ended else self._maybe((BOOTTIME + 70 * 10**9,))
        return Attempt(
            number=number, boot=self._some((BOOT, "another")), opened_at=AT,
            main=self._maybe((Process(4242, 1), Process(17, 2))), started_at=self._maybe_time(),
            started_boottime=self._maybe((BOOTTIME, BOOTTIME + 5 * 10**9)), paused_boottime=pause,
            paused_seconds=self._some((0.0, 0.0, 1.5)), ending=self._ending() if ended else None,
            stale_since=self._maybe_time() if self._dice.random() < 0.3 else None,
        )  # fmt: skip

    def _ending(self) -> Ending:
        errno, step = self._some(((None, None), (None, None), (2, "exec"), (2, "cwd"), (13, "exec")))
        return Ending(
            status=self._some(STATUSES), start_errno=errno, start_step=step, ended_at=self._maybe_time(),
            elapsed=self._maybe(SECONDS),
        )  # fmt: skip

    def _progress(self) -> Progress:
        if self._dice.random() < 0.3:
            return Progress()
        counts: dict[str, Any] = {state: self._some((0, 0, 1, 5)) for state in ("pending", "failed", "completed")}
        return Progress(
            fraction=self._maybe(FRACTIONS), done=self._maybe(NUMBERS), total=self._maybe(NUMBERS),
            unit=self._maybe(("frames", "Files")), message=self._maybe(TEXTS), stage=self._maybe(("probe", "encode")),
            rate=self._maybe(NUMBERS), reports=self._some((0, 1, 7)), updated_at=self._maybe_time(),
            items=self._maybe((Tally(**counts), Tally())),
        )  # fmt: skip

    def _usage(self) -> Usage | None:
        usage = Usage(
            cpu_percent=self._maybe(NUMBERS), cpu_seconds=self._maybe(SECONDS), rss_bytes=self._maybe(SIZES),
            peak_rss_bytes=self._maybe(SIZES), read_bytes=self._maybe(SIZES), write_bytes=self._maybe(SIZES),
            processes=self._maybe((0, 1, 3)),
        )  # fmt: skip
        return self._maybe((usage, Usage()))

    def _usual(self) -> Usual | None:
        return self._maybe(
            (Usual(12, 10.0, 12.5, 15.0, 16.0), Usual(1, 0.0, 0.0, 0.0, 0.0), Usual(3, 1.0, 1 / 3, 2.0, 2.0))
        )
