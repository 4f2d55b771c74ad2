"""What is left of one resource over time, as steps; the list schedule books on it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

_DAWN = -(10**15)


class Profile:
    """Free amounts as a step function; step ``i`` lasts from ``times[i]`` to ``times[i + 1]``."""

    __slots__ = ("free", "times")

    def __init__(self, capacity: int) -> None:
        self.times: list[int] = [_DAWN]
        self.free: list[int] = [capacity]

    def earliest(self, start: int, duration: int, amount: int) -> int:
        """Return the first time from ``start`` on at which so much is free for so long.

        The last step is the full capacity, so there always is one if ``amount`` is within it.
        """
        times, free, count = self.times, self.free, len(self.times)
        i = bisect_right(times, start) - 1
        while i < count and times[i] < start + duration:
            if free[i] < amount:
                if i + 1 == count:
                    return 10**15  # more than there is at all
                start = times[i + 1]
            i += 1
        return start

    def least(self, start: int, end: int) -> int:
        """Return the least free amount in ``[start, end)``."""
        i = bisect_right(self.times, start) - 1
        j = bisect_left(self.times, end)
        return min(self.free[i : max(j, i + 1)])

    def take(self, start: int, end: int, amount: int) -> None:
        """Book ``amount`` in ``[start, end)``; negative gives it back."""
        i, j = self._split(start), self._split(end)
        for step in range(i, j):
            self.free[step] -= amount

    def next_change(self, after: int) -> int | None:
        """Return the next time after ``after`` at which the free amount may differ."""
        i = bisect_right(self.times, after)
        return self.times[i] if i < len(self.times) else None

    def _split(self, at: int) -> int:
        """Return the step that begins at ``at``, made if need be."""
        i = bisect_left(self.times, at)
        if i == len(self.times) or self.times[i] != at:
            self.times.insert(i, at)
            self.free.insert(i, self.free[i - 1])
        return i
