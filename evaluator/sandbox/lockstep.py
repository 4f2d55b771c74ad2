"""The trusted end of a worker's pipes."""

from __future__ import annotations

import math
import os
import select
import signal
import struct
from pathlib import Path
from time import clock_gettime, monotonic
from types import TracebackType
from typing import Final, Self

from evaluator.errors import SandboxError
from evaluator.sandbox.failures import (
    WorkerDied,
    WorkerError,
    WorkerFailed,
    WorkerProtocol,
    WorkerTimeout,
)
from evaluator.sandbox.launch import Ended, Fork, Zygote
from evaluator.sandbox.pinning import Pin

ANSWER_BYTES: Final = 1 << 20
"""Longest frame a worker may send: some 87,000 decisions at one epoch."""

PATIENCE: Final = 5.0
"""How many times a limit may pass by the clock while the worker waits for a core."""

_LENGTH: Final = struct.Struct("<I")
_HARDENED, _READY, _DECISIONS, _ERROR = b"HRDE"
_HARDENING_MS: Final = 10_000
_SLICE_MS: Final = 20
_CPU_TIME: Final = 2
"""CPUCLOCK_SCHED, the kind of clock whose number holds a process id."""
_ERROR_BYTES: Final = 4096
_TRIPLE: Final = 12
_CHUNK: Final = 65536


class Worker:
    """One candidate at work. A context manager: leaving it kills the process.

    Limits count the worker's CPU time, so that a busy machine fails nobody. A worker that
    waits for nothing is late at once, and every worker after ``PATIENCE`` times the limit.
    """

    def __init__(
        self, zygote: Zygote, fork: Fork, pin: Pin, decision_seconds: float, total_seconds: float
    ) -> None:
        self._zygote = zygote
        self._fork = fork
        self._pin = pin
        self._ended: Ended | None = None
        self._decision_seconds = decision_seconds
        self._decision_ms = math.ceil(decision_seconds * 1000)
        self._total_seconds = total_seconds
        self._begun = self._asked = monotonic()
        self._clock = _cpu_clock(fork.handle)
        self._cpu_asked = 0.0
        self._answers = select.poll()
        self._answers.register(fork.read, select.POLLIN)

    def ask(self, frame: bytes) -> bytes:
        """Send one marshalled frame, return the decisions: int32 triples (kind, task, node).

        Raises:
            WorkerTimeout: no answer in time.
            WorkerDied: the process ended.
            WorkerProtocol: the answer is no frame of decisions.
            WorkerFailed: the candidate raised.
            SandboxError: the worker was closed before.
        """
        tag, payload = self._exchange(frame)
        if tag != _DECISIONS or len(payload) % _TRIPLE:
            raise self._unexpected(tag, payload)
        return payload

    def start(self, frame: bytes) -> None:
        """Wait for a hardened process, send the candidate, wait until its module has run.

        Raises:
            SandboxError: a layer could not be applied.
            WorkerError: as ``ask``.
        """
        # Asked before the candidate arrives: nothing that it writes can pass for this answer.
        try:
            tag, payload = self._receive(_HARDENING_MS)
        except WorkerError as error:
            raise SandboxError(f"the worker could not be hardened: {error}") from error
        if tag != _HARDENED:
            self.close()
            raise SandboxError(f"the worker could not be hardened: {_readable(payload)}")
        tag, payload = self._exchange(frame)
        if tag != _READY or payload:
            raise self._unexpected(tag, payload)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the worker so far, set-up included."""
        return self._ended.cpu_seconds if self._ended else self._cpu()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._ended is not None

    @property
    def lost(self) -> bool:
        """Whether it went with its zygote, through no fault of the candidate."""
        return self._ended is not None and self._ended.lost

    def close(self) -> None:
        """Kill the process and wait for it; again is harmless."""
        if self._ended is None:
            self._ended = self._zygote.reap(self._fork)
            self._pin.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _exchange(self, frame: bytes) -> tuple[int, bytes]:
        if self._ended is not None:
            raise SandboxError("the worker is closed; spawn a new one")
        self._asked = monotonic()
        self._cpu_asked = self._cpu()
        if self._cpu_asked > self._total_seconds:
            raise self._late(f"{self._total_seconds:g} s for the whole run")
        self._send(_LENGTH.pack(len(frame)) + frame)
        left = self._total_seconds - self._cpu_asked
        return self._receive(
            self._decision_ms if left > self._decision_seconds else math.ceil(left * 1000)
        )

    def _receive(self, wait_ms: int) -> tuple[int, bytes]:
        answer = self._read(wait_ms)
        while len(answer) < 4:
            answer += self._read(self._left_ms())
        length = _LENGTH.unpack_from(answer)[0]
        if not 0 < length <= ANSWER_BYTES:
            raise self._broke_protocol(
                f"a frame of {length} bytes; allowed are 1 to {ANSWER_BYTES}"
            )
        while len(answer) < 4 + length:
            answer += self._read(self._left_ms())
        if len(answer) > 4 + length:
            raise self._broke_protocol(
                f"{len(answer) - 4 - length} bytes after the end of its frame"
            )
        return answer[4], answer[5:]

    def _read(self, wait_ms: int) -> bytes:
        if not self._answers.poll(wait_ms):
            self._wait(self._answers)
        data = os.read(self._fork.read, _CHUNK)
        if not data:
            raise self._died()
        return data

    def _send(self, data: bytes) -> None:
        while True:
            try:
                sent = os.write(self._fork.write, data)
            except BlockingIOError:
                sent = 0
            except BrokenPipeError:
                raise self._died() from None
            if sent == len(data):
                return
            data = data[sent:]
            room = select.poll()
            room.register(self._fork.write, select.POLLOUT)
            if not room.poll(self._left_ms()):
                self._wait(room)

    def _left_ms(self) -> int:
        left = self._asked + self._decision_seconds - monotonic()
        return max(0, math.ceil(left * 1000))

    def _wait(self, pipe: select.poll) -> None:
        """The limit has passed by the clock: wait on while the worker only lacks CPU time.

        Raises:
            WorkerTimeout: it has no such excuse, or patience is at an end.
        """
        while True:
            used, passed = self._cpu() - self._cpu_asked, monotonic() - self._asked
            if used + self._cpu_asked > self._total_seconds:
                raise self._late(f"{self._total_seconds:g} s for the whole run")
            excused = used < 0.95 * self._decision_seconds and _runnable(self._clock)
            if not excused or passed > PATIENCE * self._decision_seconds:
                raise self._late(f"{self._decision_seconds:g} s for one decision")
            if pipe.poll(_SLICE_MS):
                return

    def _cpu(self) -> float:
        if self._clock is None:
            return monotonic() - self._begun
        try:
            return clock_gettime(self._clock)
        except OSError:  # it was reaped: its pipe will tell
            return self._cpu_asked

    def _unexpected(self, tag: int, payload: bytes) -> WorkerError:
        if tag == _ERROR:
            self.close()
            return WorkerFailed(_readable(payload))
        return self._broke_protocol(f"tag {tag} with {len(payload)} bytes")

    def _broke_protocol(self, what: str) -> WorkerProtocol:
        self.close()
        return WorkerProtocol(f"the worker sent {what}; decisions are frames of int32 triples")

    def _late(self, limit: str) -> WorkerTimeout:
        self.close()
        return WorkerTimeout(f"no answer within {limit}")

    def _died(self) -> SandboxError:
        self.close()
        if self._ended is None or self._ended.lost:
            return SandboxError("the sandbox's zygote died under the worker; try again")
        code = self._ended.code
        return WorkerDied(f"the worker ended without an answer: {_cause(code)}", code)


def _cpu_clock(handle: int) -> int | None:
    """Return the clock of a process's CPU time, None where the kernel has no handles."""
    if handle < 0:
        return None
    lines = Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines()
    pid = next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))
    return (~pid << 3) | _CPU_TIME


def _runnable(clock: int | None) -> bool:
    """Return whether the process behind a clock waits for a core, not for anything else."""
    if clock is None:
        return False
    try:
        state = Path(f"/proc/{~(clock >> 3)}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "R"


def _cause(code: int) -> str:
    if code >= 0:
        return f"it exited with code {code}"
    if code == -signal.SIGSYS:
        return "killed for a forbidden system call (SIGSYS)"
    if code == -signal.SIGSEGV:
        return "it crashed (SIGSEGV): too deep a recursion or wild memory"
    if code == -signal.SIGKILL:
        return "killed (SIGKILL): out of CPU time or memory, or it closed its pipe"
    return f"killed by signal {-code}"


def _readable(payload: bytes) -> str:
    """Return text that is safe to print: a candidate wrote it."""
    text = payload[:_ERROR_BYTES].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text) or "no message"
