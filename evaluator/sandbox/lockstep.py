"""The trusted end of a worker's pipes."""

from __future__ import annotations

import math
import os
import select
import signal
import struct
from time import monotonic
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

_LENGTH: Final = struct.Struct("<I")
_HARDENED, _READY, _DECISIONS, _ERROR = b"HRDE"
_HARDENING_SECONDS: Final = 10.0
_ERROR_BYTES: Final = 4096
_TRIPLE: Final = 12
_CHUNK: Final = 65536


class Worker:
    """One candidate at work. A context manager: leaving it kills the process."""

    def __init__(
        self, zygote: Zygote, fork: Fork, pin: Pin, decision_seconds: float, total_seconds: float
    ) -> None:
        self._zygote = zygote
        self._fork = fork
        self._pin = pin
        self._decision_seconds = decision_seconds
        self._total_seconds = total_seconds
        self._until = monotonic() + total_seconds
        self._ended: Ended | None = None
        self._poller = select.poll()
        self._poller.register(fork.read, select.POLLIN)

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
            tag, payload = self._receive(monotonic() + _HARDENING_SECONDS)
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
        """CPU time of the worker, set-up included; known once it was closed, 0.0 before."""
        return self._ended.cpu_seconds if self._ended else 0.0

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
        deadline = min(monotonic() + self._decision_seconds, self._until)
        self._send(_LENGTH.pack(len(frame)) + frame, deadline)
        return self._receive(deadline)

    def _receive(self, deadline: float) -> tuple[int, bytes]:
        answer = self._read(deadline)
        while len(answer) < 4:
            answer += self._read(deadline)
        length = _LENGTH.unpack_from(answer)[0]
        if not 0 < length <= ANSWER_BYTES:
            raise self._broke_protocol(
                f"a frame of {length} bytes; allowed are 1 to {ANSWER_BYTES}"
            )
        while len(answer) < 4 + length:
            answer += self._read(deadline)
        if len(answer) > 4 + length:
            raise self._broke_protocol(
                f"{len(answer) - 4 - length} bytes after the end of its frame"
            )
        return answer[4], answer[5:]

    def _read(self, deadline: float) -> bytes:
        left = deadline - monotonic()
        if left <= 0 or not self._poller.poll(math.ceil(left * 1000)):
            raise self._late()
        data = os.read(self._fork.read, _CHUNK)
        if not data:
            raise self._died()
        return data

    def _send(self, data: bytes, deadline: float) -> None:
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
            writable = select.poll()
            writable.register(self._fork.write, select.POLLOUT)
            left = deadline - monotonic()
            if left <= 0 or not writable.poll(math.ceil(left * 1000)):
                raise self._late()

    def _unexpected(self, tag: int, payload: bytes) -> WorkerError:
        if tag == _ERROR:
            self.close()
            return WorkerFailed(_readable(payload))
        return self._broke_protocol(f"tag {tag} with {len(payload)} bytes")

    def _broke_protocol(self, what: str) -> WorkerProtocol:
        self.close()
        return WorkerProtocol(f"the worker sent {what}; decisions are frames of int32 triples")

    def _late(self) -> WorkerTimeout:
        self.close()
        if monotonic() >= self._until:
            return WorkerTimeout(f"no answer within {self._total_seconds:g} s for the whole run")
        return WorkerTimeout(f"no answer within {self._decision_seconds:g} s for one decision")

    def _died(self) -> SandboxError:
        self.close()
        if self._ended is None or self._ended.lost:
            return SandboxError("the sandbox's zygote died under the worker; try again")
        code = self._ended.code
        return WorkerDied(f"the worker ended without an answer: {_cause(code)}", code)


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
