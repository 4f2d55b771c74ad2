"""Evaluating processes: one candidate each, killed and replaced when it dies or takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import IO, Any, Protocol

from agentsched.evolution.worker import answer, failure, open_handler, read_frame, write_frame

Job = dict[str, Any]
Result = dict[str, Any]

START_SECONDS = 300.0
"""A worker that is not ready by then never will be (it compiles the engine once a machine)."""


class Pool(Protocol):
    """Evaluates jobs; a result is a JSON object with ``kind``; a lost job is a failed result."""

    def submit(self, job: Job, *, trusted: bool = False) -> int:
        """Queue a job; the ticket is for ``wait``. A trusted one has no deadline."""
        ...

    def wait(self, ticket: int) -> Result:
        """Return the result of one job; may be asked once."""
        ...

    def close(self) -> None:
        """End every process, at once and without waiting for jobs."""
        ...


class InlinePool:
    """Evaluates in this process, when asked for the result."""

    def __init__(self, handler: str, argument: Any) -> None:
        self._handler = open_handler(handler, argument)
        self._jobs: dict[int, Job] = {}
        self._next = 0

    def submit(self, job: Job, *, trusted: bool = False) -> int:
        """Queue a job."""
        self._next += 1
        self._jobs[self._next] = job
        return self._next

    def wait(self, ticket: int) -> Result:
        """Run the job and return its result."""
        return answer(self._handler, self._jobs.pop(ticket))

    def close(self) -> None:
        """Nothing to end."""


class ProcessPool:
    """Evaluates in processes of their own sessions; see docs/design/resume.md.

    Workers are started as fresh interpreters, never forked from this one, which may hold threads.
    """

    def __init__(
        self, handler: str, argument: Any, *, workers: int, seconds: float, memory_mb: int = 4096
    ) -> None:
        """Start the workers; they warm up while the first jobs are prepared.

        Args:
            handler: ``module:function``; called with ``argument`` in each worker.
            argument: Anything that pickles.
            workers: Number of processes, >= 1.
            seconds: Wall time of one job; then its worker is killed with all its children.
            memory_mb: Private memory of one worker.
        """
        self._opening = pickle.dumps((sys.path, handler, pickle.dumps(argument)))
        self._seconds, self._memory_mb = seconds, memory_mb
        self._selector = selectors.DefaultSelector()
        self._queue: deque[tuple[int, Job, float]] = deque()
        self._results: dict[int, Result] = {}
        self._next = 0
        self._workers: list[_Worker] = []
        try:
            for _ in range(workers):
                self._start()
        except BaseException:
            self.close()
            raise

    def submit(self, job: Job, *, trusted: bool = False) -> int:
        """Queue a job and hand it to a worker that is free."""
        self._next += 1
        self._queue.append((self._next, job, float("inf") if trusted else self._seconds))
        self._dispatch()
        return self._next

    def wait(self, ticket: int) -> Result:
        """Serve all workers until this job has its result."""
        while ticket not in self._results:
            self._pump()
        return self._results.pop(ticket)

    def close(self) -> None:
        """Kill every worker and its children."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()
        self._selector.close()

    def _start(self) -> None:
        worker = _Worker(self._opening, self._memory_mb)
        self._workers.append(worker)
        self._selector.register(worker.source, selectors.EVENT_READ, worker)

    def _dispatch(self) -> None:
        for worker in self._workers:
            if self._queue and worker.ready and worker.ticket is None:
                worker.give(*self._queue.popleft())

    def _pump(self) -> None:
        """Wait for the next answer, death or deadline."""
        now = time.monotonic()
        until = min((w.deadline for w in self._workers), default=now)
        for key, _ in self._selector.select(max(0.0, min(until - now, 3600.0))):
            self._hear(key.data)
        for worker in [w for w in self._workers if w.deadline <= time.monotonic()]:
            self._replace(
                worker, failure("timeout", f"no result after {self._seconds:g} s of wall time")
            )
        self._dispatch()

    def _hear(self, worker: _Worker) -> None:
        with contextlib.suppress(ValueError, OSError):
            frame = read_frame(worker.source)
            if frame is not None:
                result = json.loads(frame)
                if worker.ready and worker.ticket is not None:
                    self._results[worker.ticket] = result
                worker.rest()
                return
        self._replace(worker, None)

    def _replace(self, worker: _Worker, result: Result | None) -> None:
        """Put a fresh process in the place of one that died or must die."""
        self._selector.unregister(worker.source)
        self._workers.remove(worker)
        words = worker.kill()
        if not worker.ready:
            raise RuntimeError(f"an evaluating process did not start: {words or 'no last words'}")
        if worker.ticket is not None:
            self._results[worker.ticket] = result or failure("died", words)
        self._start()


class _Worker:
    """One process as its parent sees it."""

    def __init__(self, opening: bytes, memory_mb: int) -> None:
        theirs_in, mine_out = os.pipe()
        mine_in, theirs_out = os.pipe()
        self.source, self._sink = mine_in, mine_out
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "agentsched.evolution.worker", str(theirs_in),
                str(theirs_out), str(os.getpid()), str(memory_mb),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors,
            pass_fds=(theirs_in, theirs_out), start_new_session=True, env=_environment(),
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self.ticket: int | None = None
        self.ready = False
        self.deadline = time.monotonic() + START_SECONDS
        with contextlib.suppress(BrokenPipeError):
            write_frame(self._sink, opening)

    def give(self, ticket: int, job: Job, seconds: float) -> None:
        self.ticket = ticket
        self.deadline = time.monotonic() + seconds
        # A worker that died in between is noticed by its closed pipe.
        with contextlib.suppress(BrokenPipeError):
            write_frame(self._sink, json.dumps(job).encode())

    def rest(self) -> None:
        self.ready = True
        self.ticket = None
        self.deadline = float("inf")

    def kill(self) -> str:
        """End the process, its session and what it started; return its last words."""
        family = _descendants(self._process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in family:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        code = self._process.wait()
        os.close(self.source)
        os.close(self._sink)
        with self._errors as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 400))
            lines = file.read().decode(errors="replace").strip().splitlines()
        return f"exit code {code}" + (f": {lines[-1]}" if lines else "")


def _environment() -> dict[str, str]:
    """Give workers one thread each and none of the user's keys."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    hidden = ("KEY", "TOKEN", "SECRET", "PASSWORD")
    kept = {k: v for k, v in os.environ.items() if not any(word in k.upper() for word in hidden)}
    paths = [p for p in sys.path if p]
    return {**kept, **dict.fromkeys(threads, "1"), "PYTHONPATH": os.pathsep.join(paths)}


def _descendants(root: int) -> list[int]:
    """Return the processes below one, by /proc; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = entry.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found, ahead = [], [root]
    while ahead:
        below = children.get(ahead.pop(), [])
        found += below
        ahead += below
    return found
