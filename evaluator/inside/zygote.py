"""Forks one hardened worker for each candidate; itself never sees a candidate or a workload.

Started fresh as a script: ``python -P -s -S -B zygote.py DESCRIPTOR FOLDER``, the descriptor
being a SEQPACKET socket to the parent, the folder this one. Requests and their answers:

    spawn  u8 1, u8 layers, u8 assault (0 none), i32 cpu (-1 any), u32 memory MiB, u32 cpu seconds,
           with the worker's two pipe ends → i32 pid or -errno, with its pidfd
    reap   u8 2, i32 pid → i32 as of os.waitstatus_to_exitcode, f64 CPU seconds; kills it first
"""

from __future__ import annotations

import _socket
import array
import contextlib
import errno
import fcntl
import gc
import os
import signal
import sys
import types
from typing import Final

if __name__ == "__main__":
    # Nothing of evaluator but this folder is here to import, so the package is put up by hand.
    for _name, _folder in (("evaluator", ""), ("evaluator.inside", sys.argv[2])):
        _package = types.ModuleType(_name)
        _package.__path__ = [_folder] if _folder else []
        sys.modules[_name] = _package

from evaluator.inside import assault, harden, worker
from evaluator.inside.wire import FRAMES_IN, FRAMES_OUT, REAP, REAPED, SPAWN, SPAWNED

_HIGH: Final = 64
"""Own descriptors live above this, out of the way of a worker's 3 and 4."""

# What CPython or the allowed modules import only when first needed; a worker cannot read files.
_LATE: Final = (
    "codecs", "collections.abc", "copyreg", "encodings.ascii", "encodings.latin_1",
    "encodings.utf_16", "encodings.utf_8", "fractions", "decimal", "linecache", "numbers", "re",
    "traceback", "types", "unicodedata", "__future__",
)  # fmt: skip


def main() -> None:
    """Import everything, give up root, then serve requests until the parent hangs up."""
    control = fcntl.fcntl(int(sys.argv[1]), fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(int(sys.argv[1]))
    for name in (*worker.ALLOWED, *_LATE):
        __import__(name)
    hardening = harden.Hardening()
    if hardening.ruleset >= 0:
        hardening.ruleset = fcntl.fcntl(hardening.ruleset, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    harden.drop_root()
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, control)
    socket.sendmsg([f"{os.geteuid()} {hardening.landlock}".encode()])
    gc.collect()
    gc.freeze()
    while True:
        request, ancillary, _, _ = socket.recvmsg(64, _socket.CMSG_SPACE(8))
        if not request:
            return
        if request[0] == 1:
            descriptors = array.array("i", ancillary[0][2])
            pid = _fork(hardening, SPAWN.unpack(request), *descriptors)
            _answer_spawn(socket, pid)
        else:
            socket.sendmsg([_reap(REAP.unpack(request)[1])])


def _fork(hardening: harden.Hardening, request: tuple[int, ...], read: int, write: int) -> int:
    try:
        pid = os.fork()
    except OSError as error:
        pid = -(error.errno or errno.EAGAIN)
    if pid:
        os.close(read)
        os.close(write)
        return pid
    try:
        _live(hardening, request, read, write)
    finally:
        os._exit(0)


def _live(hardening: harden.Hardening, request: tuple[int, ...], read: int, write: int) -> None:
    _, layers, attack, cpu, memory_mb, cpu_seconds = request
    try:
        read, write = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _HIGH) for end in (read, write))
        os.dup2(0, 2)
        os.dup2(read, FRAMES_IN)
        os.dup2(write, FRAMES_OUT)
        if cpu >= 0:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, {cpu})
        hardening.apply(layers, memory_mb, cpu_seconds)
    except OSError as error:
        worker.send("S", str(error).encode())
        return
    if attack:
        assault.run(attack)
    else:
        worker.serve()


def _answer_spawn(socket: _socket.socket, pid: int) -> None:
    if pid < 0:
        socket.sendmsg([SPAWNED.pack(pid)])
        return
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        socket.sendmsg([SPAWNED.pack(pid)])
        return
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [handle]))
    socket.sendmsg([SPAWNED.pack(pid)], [rights])
    os.close(handle)


def _reap(pid: int) -> bytes:
    try:
        os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return REAPED.pack(0, 0.0)
    return REAPED.pack(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main()
