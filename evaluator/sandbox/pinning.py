"""Keeps the two ends of a lockstep on one core, where a round trip costs a quarter."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

ANYWHERE: Final = -1
"""No core in particular."""

_cores: dict[int, int] = {}
"""Core of each thread that is pinned by us, by native thread id."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A thread held on a core until released."""

    core: int
    thread: int
    before: Set[int]
    """Cores to give back; empty when another pin holds the thread."""

    def release(self) -> None:
        """Let the thread go where it could before."""
        if self.before and _cores.pop(self.thread, None) is not None:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self.thread, self.before)


def pin(core: int | None = None) -> Pin:
    """Hold the calling thread on ``core``, or on the one it runs on; never fails."""
    thread = threading.get_native_id()
    if thread in _cores:
        return Pin(_cores[thread], thread, frozenset())
    try:
        before = os.sched_getaffinity(thread)
        chosen = core if core in before else _current_core()
        os.sched_setaffinity(thread, {chosen})
    except (OSError, AttributeError):
        return Pin(ANYWHERE, thread, frozenset())
    _cores[thread] = chosen
    return Pin(chosen, thread, before)


def _current_core() -> int:
    core = int(ctypes.CDLL(None).sched_getcpu())
    if core < 0:
        raise OSError("sched_getcpu")
    return core
