"""Waiting for files to grow and for descriptors to speak, without slowing down who writes.

A file that grows is looked at every 10 ms, so the bytes come in large pieces; a quiet one is watched, which costs
nothing until it is written to.
"""

import math
import select
import time
from collections.abc import Iterable
from typing import Self

from jobd.growth.follower import Follower
from jobd.growth.notices import Growth

#: Seconds between two looks at a file that cannot be watched.
UNWATCHED = 0.05


class Watch:
    """Wait until one of several followers has something to read, or a descriptor has."""

    def __init__(self) -> None:
        self._growth: Growth | None = None
        self._tokens: dict[Follower, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(
        self, followers: Iterable[Follower], descriptors: Iterable[int] = (), timeout: float | None = None
    ) -> tuple[list[Follower], list[int]]:
        """Return the followers that are behind and the descriptors that are readable or broken; none after `timeout` s.

        The writing end of a pipe may be among the descriptors: it is returned once nobody reads any more.
        """
        followers, descriptors = list(followers), list(descriptors)
        self._tokens = {follower: self._tokens[follower] for follower in followers if follower in self._tokens}
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            grown, pause = self._look(followers)
            if end is not None:
                pause = min(pause, end - time.monotonic())
            ready = self._poll(descriptors, 0 if grown else pause)
            if grown or ready or pause <= 0:
                return grown, ready

    def close(self) -> None:
        """Stop watching; may be called twice."""
        if self._growth:
            self._growth.close()
        self._growth = None
        self._tokens.clear()

    def _look(self, followers: list[Follower]) -> tuple[list[Follower], float]:
        """Find the followers that are behind, and the seconds until the others are worth another look."""
        now, pause, grown = time.monotonic(), math.inf, []
        for follower in followers:
            if follower.rest_until > now:
                pause = min(pause, follower.rest_until - now)
            elif follower.is_behind() or (
                follower not in self._tokens and self._arm(follower) and follower.is_behind()
            ):
                grown.append(follower)
            elif follower not in self._tokens:
                pause = min(pause, UNWATCHED)
        return grown, pause

    def _arm(self, follower: Follower) -> bool:
        self._growth = self._growth or Growth()
        try:
            self._tokens[follower] = self._growth.arm(follower.fileno())
        except OSError:
            return False
        return True

    def _poll(self, descriptors: list[int], seconds: float) -> list[int]:
        """Wait for the descriptors and for notices, whose followers are looked at from then on."""
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        notices = self._growth.fileno() if self._growth and self._growth.available else -1
        if notices >= 0:
            poll.register(notices, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(None if seconds == math.inf else max(seconds, 0) * 1000)]
        if self._growth and notices in ready:
            fired = self._growth.read()
            self._tokens = {follower: token for follower, token in self._tokens.items() if token not in fired}
        return [descriptor for descriptor in ready if descriptor != notices]
