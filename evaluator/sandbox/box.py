"""Opens a sandbox and puts candidates into it."""

from __future__ import annotations

import logging
import marshal
import math
import threading
from types import TracebackType
from typing import Self

from evaluator.errors import SandboxError
from evaluator.sandbox.launch import Zygote
from evaluator.sandbox.lockstep import Worker
from evaluator.sandbox.pinning import pin
from evaluator.sandbox.probe import LAYERS, Level, Probe, probe

_log = logging.getLogger(__name__)


class Sandbox:
    """A zygote and what it was found to be worth; a context manager.

    One sandbox serves any number of candidates, one fork each; none sees another. Threads
    may share it; forked children may not use it.
    """

    def __init__(
        self, found: Probe, *, unsafe: bool, memory_mb: int, core: int | None = None
    ) -> None:
        self._probe = found
        self.unsafe = unsafe
        """Opened below the level that was asked for."""
        self.memory_mb = memory_mb
        self._core = core
        self._lock = threading.Lock()
        self._closed = False
        self._workers: list[Worker] = []
        self._spent = 0.0
        self._zygote = Zygote(found.plan)

    @classmethod
    def open(
        cls, *, minimum: Level = Level.SECCOMP, unsafe: bool = False, memory_mb: int = 512,
        core: int | None = None,
    ) -> Self:  # fmt: skip
        """Open the strongest sandbox that holds here.

        Args:
            minimum: the weakest level to accept.
            unsafe: accept less, with a warning in the log and a mark in ``unsafe``.
            memory_mb: address space each candidate may take, in MiB.
            core: where a spawning thread and its worker are held while they work; None takes
                the core at hand. Give parallel processes a core each.

        Raises:
            SandboxError: nothing as strong as ``minimum`` holds here, or nothing starts.
        """
        found = probe()
        weak = found.level < minimum
        if weak and not unsafe:
            reasons = "; ".join(found.notes) or "attacks succeeded"
            raise SandboxError(
                f"sandbox level {found.level.name} is below {minimum.name} ({reasons}); use a "
                "Linux kernel with seccomp, or accept the risk with --unsafe"
            )
        if weak:
            _log.warning(
                "UNSAFE: candidates run at sandbox level %s, below %s: they can reach this machine",
                found.level.name, minimum.name,
            )  # fmt: skip
        elif found.level < Level.FULL:
            _log.info("sandbox level %s: %s", found.level.name, "; ".join(found.notes))
        return cls(found, unsafe=weak, memory_mb=memory_mb, core=core)

    @property
    def level(self) -> Level:
        """What was found to hold."""
        return self._probe.level

    @property
    def worker_seconds(self) -> float:
        """CPU time of every worker so far, set-up included."""
        with self._lock:
            return self._spent + sum(worker.cpu_seconds for worker in self._workers)

    def spawn(
        self, text: str, hello: bytes, *, pure: bool = False, decision_seconds: float = 1.0,
        total_seconds: float = 60.0,
    ) -> Worker:  # fmt: skip
        """Start a candidate in a fresh worker and run its module.

        Args:
            text: the candidate; with ``pure`` the text regenerated from its checked tree.
            hello: marshalled tuple of what is known before the first event.
            pure: ``text`` defines ``key`` or ``score``, not ``decide``.
            decision_seconds: time for the module, and for each answer; what counts is the
                worker's CPU time, by the clock at most ``lockstep.PATIENCE`` times as much.
            total_seconds: CPU time for everything.

        Raises:
            SandboxError: no worker can be started.
            WorkerError: the candidate failed already, as ``Worker.ask`` has it.
        """
        if self._closed:
            raise SandboxError("the sandbox is closed; open a new one")
        frame = marshal.dumps((text, hello, pure))
        zygote = self._zygote
        worker = self._fork(decision_seconds, total_seconds)
        try:
            return self._started(worker, frame)
        except SandboxError as error:
            if not worker.lost:
                raise
            # It forked and then died, before its child was ready.
            _log.warning("the sandbox's zygote is gone (%s); starting another", error)
            self._replace(zygote)
        return self._started(self._fork(decision_seconds, total_seconds), frame)

    def describe(self) -> dict[str, object]:
        """Return level, attacks stopped and notes as plain values."""
        return {**self._probe.details, "unsafe": self.unsafe, "memory_mb": self.memory_mb}

    def close(self) -> None:
        """End the zygote and every worker; again is harmless."""
        if not self._closed:
            self._closed = True
            self._zygote.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    @staticmethod
    def _started(worker: Worker, frame: bytes) -> Worker:
        try:
            worker.start(frame)
        except BaseException:
            worker.close()
            raise
        return worker

    def _fork(self, decision_seconds: float, total_seconds: float) -> Worker:
        held = pin(self._core)
        layers, cpu_seconds = LAYERS[self.level], math.ceil(total_seconds) + 1
        zygote = self._zygote
        try:
            try:
                fork = zygote.fork(layers, self.memory_mb, cpu_seconds, held.core)
            except OSError as error:
                _log.warning("the sandbox's zygote is gone (%s); starting another", error)
                zygote = self._replace(zygote)
                fork = zygote.fork(layers, self.memory_mb, cpu_seconds, held.core)
        except (OSError, SandboxError) as error:
            held.release()
            raise SandboxError(f"cannot start a worker: {error}") from error
        worker = Worker(zygote, fork, held, decision_seconds, total_seconds)
        with self._lock:
            over = [old for old in self._workers if old.ended]
            self._spent += sum(old.cpu_seconds for old in over)
            self._workers = [*(old for old in self._workers if not old.ended), worker]
        return worker

    def _replace(self, dead: Zygote) -> Zygote:
        with self._lock:
            if self._zygote is dead:
                dead.kill()
                self._zygote = Zygote(self._probe.plan)
            return self._zygote
