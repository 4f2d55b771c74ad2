"""Clocks as arguments: the system's, a virtual one, and time that a jumping clock cannot bend."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from typing import Protocol

_SETTLE = 25
"""Turns of the event loop after which everybody who can go on without time passing has done so."""


class Clock(Protocol):
    """Tells the time and waits; ``now`` is aware and may jump, ``sleep`` lasts as it says."""

    def now(self) -> datetime:
        """Return the time, with a zone."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds; at once for none."""
        ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait by the event loop's clock, which does not jump."""
        await asyncio.sleep(max(0.0, seconds))


class VirtualClock:
    """Time that passes only when everybody sleeps; for rehearsals and tests.

    Who sleeps is woken in the order of waking times, so any number of tasks may share it. What
    waits for the real world (a process, a socket) is not seen: time runs on meanwhile.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0
        self._driver: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        """Return the virtual time."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Set the clock forwards or (negative) backwards, as a person or NTP may do.

        Who sleeps is not disturbed.
        """
        by = timedelta(seconds=seconds)
        self._now += by
        self._sleepers = [(wake + by, n, future) for wake, n, future in self._sleepers]

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._count += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wake = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (wake, self._count, future))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.ensure_future(self._drive())
        await future

    async def _drive(self) -> None:
        while self._sleepers:
            for _ in range(_SETTLE):
                await asyncio.sleep(0)
            wake, _, future = heapq.heappop(self._sleepers)
            if not future.done():  # a sleeper that was cancelled does not move time
                self._now = max(self._now, wake)
                future.set_result(None)


class SteadyTime:
    """Seconds that never run backwards, made of a clock that may.

    A clock set back counts as if no time had passed. One set forwards counts as time passed: it
    cannot be told from a machine that slept. So waits may end early, but always end.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.now()
        self._passed = 0.0
        self._limits: dict[str, float] = {}

    def passed(self) -> float:
        """Return seconds since this was made."""
        now = self._clock.now()
        self._passed += max(0.0, (now - self._last).total_seconds())
        self._last = now
        return self._passed

    def left(self, name: str, since: datetime, seconds: float) -> float:
        """Return what is left of a wait of ``seconds`` that began at ``since``, at least 0.

        The first call under a name fixes the wait, so that later jumps do not stretch it.
        """
        passed = self.passed()
        if name not in self._limits:
            gone = (self._last - since).total_seconds()
            self._limits[name] = passed + seconds - min(max(0.0, gone), seconds)
        return max(0.0, self._limits[name] - passed)
