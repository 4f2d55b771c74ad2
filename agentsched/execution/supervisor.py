"""Starts one attempt, outlives whoever asked for it, and leaves its result on disk.

Run as a script, ``python -I -S supervisor.py FOLDER``, on whatever machine the attempt runs on; it
needs the standard library of Python 3.9 and nothing else. The folder holds ``job.json``; this
process adds ``started.json`` *before* the command begins and ``ended.json`` after, each whole or
not at all. ``started.json`` is the claim: it is made by a hard link, which only one can win, so
however many supervisors are launched on one folder, the command runs at most once.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import sys
import time
from typing import Any

RESERVED = 4096
"""Bytes of ``ended.json``, set aside at the start so that a full disk cannot lose the result."""
ELSEWHERE = 3
"""Exit code when another supervisor has, or had, the attempt."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CONFUSED, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127
_HEARD = {signal.SIGCHLD, signal.SIGTERM}


def main(folder: str) -> int:
    """Run the attempt in the folder, unless somebody did or does.

    Returns:
        0 only if this process ran it and it is done: a batch system takes that for success.
    """
    os.chdir(folder)
    if not _take_lock():
        return ELSEWHERE
    with open("job.json", encoding="utf-8") as file:
        job = json.load(file)
    if os.path.exists("started.json") or os.path.exists("ended.json"):
        return ELSEWHERE
    if os.path.exists("cancel.json"):
        finish(time.time(), None, "cancelled", "before it started")
        return 1
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    step("reserve")
    _write("ended.new", b" " * RESERVED)
    gang = Gang(job)
    step("claim")
    started = time.time()
    if not _claim({"pid": os.getpid(), "boot": boot(), "at": started, "members": gang.pids}):
        gang.leave()
        return ELSEWHERE
    step("claimed")
    # Looked at after the claim: who cancels writes first and looks for the claim second.
    if os.path.exists("cancel.json"):
        gang.leave()
        finish(started, None, "cancelled", "before it started")
        return 1
    gang.go()
    step("running")
    code, outcome, reason = gang.wait(job.get("limit"), job.get("grace", 10.0))
    if outcome == "failed" and os.path.exists("cancel.json"):
        # A batch system that is told to stop a job signals its processes and us in any order.
        outcome, reason = "cancelled", "as asked"
    step("over")
    finish(started, code, outcome, reason)
    return 0 if outcome == "done" else 1


def _take_lock() -> bool:
    """Take the folder; False once another supervisor has begun.

    Until then it may still die, so we stay: whoever launched us takes our silent end for the proof
    that nobody will run the attempt, and tries anew.
    """
    lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if os.path.exists("started.json") or os.path.exists("ended.json"):
                return False
            time.sleep(0.02)
        except OSError:
            return True  # a file system without locks; the claim decides alone
        else:
            return True


def step(name: str) -> None:
    """Do nothing; tests put a kill here."""


class Gang:
    """The members of the attempt: forked, held at a gate, let go together, ended together."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._gate, self._open = os.pipe()
        self._failure, failed = os.pipe()
        parent = os.getpid()
        self.pids: list[int] = []
        for number in range(job.get("members", 1)):
            pid = os.fork()
            if pid == 0:
                os.close(self._open)
                _become(job, number, self._gate, failed, parent)
            self.pids.append(pid)
        os.close(self._gate)
        os.close(failed)
        self._codes: dict[int, int] = {}

    def go(self) -> None:
        """Open the gate."""
        with contextlib.suppress(BrokenPipeError):  # a member that died is seen by waiting
            os.write(self._open, b"g" * len(self.pids))
        os.close(self._open)

    def leave(self) -> None:
        """End the members before they begin."""
        os.close(self._open)
        for pid in self.pids:
            os.waitpid(pid, 0)

    def wait(self, limit: float | None, grace: float) -> tuple[int, str, str]:
        """Wait until all have ended, one failed, the time is over, or somebody says stop."""
        end = None if limit is None else time.monotonic() + limit
        while True:
            self._reap()
            bad = [code for code in self._codes.values() if code != 0]
            if bad or len(self._codes) == len(self.pids):
                self._stop(0.0 if not bad else grace)
                code = bad[0] if bad else 0
                return code, "failed" if code else "done", self._failed() or _signal_name(code)
            heard = self._listen(end)
            if heard == signal.SIGTERM:
                asked = os.path.exists("cancel.json")
                self._stop(grace)
                why = "as asked" if asked else "told to stop from outside, by SIGTERM"
                return -signal.SIGTERM, "cancelled" if asked else "failed", why
            if heard is None:
                self._stop(grace)
                return -signal.SIGKILL, "timeout", f"longer than its limit of {limit:g} s"

    def _listen(self, end: float | None) -> int | None:
        if end is None:
            return signal.sigwait(_HEARD)
        found = signal.sigtimedwait(_HEARD, max(0.0, end - time.monotonic()))
        return None if found is None else found.si_signo

    def _reap(self) -> bool:
        """Collect who has ended; say whether anybody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid in self.pids:
                self._codes[pid] = os.waitstatus_to_exitcode(status)

    def _stop(self, grace: float) -> None:
        """Ask everybody to stop, then make them; descendants come to us when orphaned."""
        if grace > 0 and self._reap():
            self._signal(signal.SIGTERM)
            end = time.monotonic() + grace
            while self._reap() and time.monotonic() < end:
                signal.sigtimedwait({signal.SIGCHLD}, 0.2)
        while self._reap():
            self._signal(signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)

    def _signal(self, number: int) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _failed(self) -> str:
        """Say why a command could not even begin; empty when it did."""
        os.set_blocking(self._failure, False)
        try:
            return os.read(self._failure, 1000).decode("utf-8", "replace")
        except BlockingIOError:
            return ""


def _become(job: dict[str, Any], number: int, gate: int, failed: int, parent: int) -> None:
    """Turn this child into the command, once the gate opens; never returns."""
    code = _CONFUSED
    try:
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)
        suffix = "" if number == 0 else f".{number}"
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            log = os.open(name + suffix + ".log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if not os.read(gate, 1):
            os._exit(0)
        _exec(job, number)
    except OSError as error:
        code = _NOT_FOUND if error.errno == errno.ENOENT else _NOT_EXECUTABLE
        os.write(failed, f"{error.filename!r}: {error.strerror}".encode()[:900])
    except BaseException as error:
        os.write(failed, repr(error).encode()[:900])
    finally:
        os._exit(code)


def _exec(job: dict[str, Any], number: int) -> None:
    environment = dict(os.environ)
    environment.update(job["environment"])
    environment["AGENTSCHED_MEMBER"] = str(number)
    devices = job.get("devices") or []
    if number < len(devices) and devices[number]:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices[number]))
    for name, value in job.get("rlimits", {}).items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    os.chdir(job["work"])
    for heard in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(heard, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
    command = job["command"]
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        # The search through PATH ends with the name of its last folder, which helps nobody.
        raise OSError(error.errno, error.strerror, command[0]) from None


def _claim(record: dict[str, Any]) -> bool:
    name = f"started.{os.getpid()}.{time.time_ns()}"
    _write(name, json.dumps(record).encode())
    try:
        os.link(name, "started.json")
    except FileExistsError:
        return False
    finally:
        os.unlink(name)
    _sync_folder()
    return True


def finish(started: float, code: int | None, outcome: str, reason: str) -> None:
    """Write the result into the bytes set aside for it, and give it its name."""
    record = {
        "outcome": outcome, "code": code, "reason": reason, "started": started, "ended": time.time()
    }  # fmt: skip
    while True:
        try:
            _write("ended.new", json.dumps(record).encode().ljust(RESERVED))
            os.rename("ended.new", "ended.json")
            _sync_folder()
            return
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN):
                raise
            time.sleep(1.0)  # the result is worth waiting for room


def _write(name: str, data: bytes) -> None:
    """Write over a file in place: what it holds already needs no new room on the disk."""
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder() -> None:
    handle = os.open(".", os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def boot() -> str:
    """Return what changes when the machine restarts; empty where that is not known."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _signal_name(code: int) -> str:
    if code >= 0:
        return ""
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    advice = "; out of memory?" if -code == signal.SIGKILL else ""
    return f"killed by {name}{advice}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
