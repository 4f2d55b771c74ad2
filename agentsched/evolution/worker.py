"""The process in which candidates are evaluated: reads jobs, writes results, dies with its parent.

Started as ``python -m agentsched.evolution.worker READ_FD WRITE_FD PARENT_PID MEMORY_MB``. The
first frame is a pickle from the parent (path, handler, argument); everything after it, both ways,
is JSON, so nothing that comes back from here is ever unpickled.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pickle
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any]], dict[str, Any]]
LENGTH = struct.Struct("<Q")


def read_frame(handle: int) -> bytes | None:
    """Read one frame; None when the other side is gone."""
    head = _exactly(handle, LENGTH.size)
    return None if head is None else _exactly(handle, LENGTH.unpack(head)[0])


def write_frame(handle: int, data: bytes) -> None:
    """Write one frame."""
    view = memoryview(LENGTH.pack(len(data)) + data)
    while view:
        view = view[os.write(handle, view) :]


def open_handler(name: str, argument: Any) -> Handler:
    """Call ``module:function`` with its argument; what it returns answers the jobs."""
    module, _, attribute = name.partition(":")
    handler: Handler = getattr(importlib.import_module(module), attribute)(argument)
    return handler


def answer(handler: Handler, job: dict[str, Any]) -> dict[str, Any]:
    """Run one job; what the handler did not foresee becomes a failed slot with its last words."""
    try:
        return handler(job)
    except MemoryError:
        return failure("memory", "the evaluation ran out of memory")
    except Exception as error:  # the border around candidates: nothing may end the worker
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        return failure("crash", f"{type(error).__name__}: {error} ({place})")


def failure(kind: str, message: str, stage: str = "worker") -> dict[str, Any]:
    """Return the result of a slot that failed outside the candidate's own rules."""
    return {"kind": "failed", "stage": stage, "failure": kind, "message": message}


def main(arguments: list[str]) -> None:
    """Serve jobs until the parent closes its end."""
    source, sink, parent, memory_mb = (int(word) for word in arguments)
    _die_with(parent)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, memory_mb << 20))
    first = read_frame(source)
    if first is None:
        return
    path, name, argument = _opening(first)
    sys.path[:] = path
    handler = open_handler(name, pickle.loads(argument))
    write_frame(sink, b'{"kind": "ready"}')
    while (frame := read_frame(source)) is not None:
        write_frame(sink, json.dumps(answer(handler, json.loads(frame))).encode())


def _opening(frame: bytes) -> tuple[list[str], str, bytes]:
    opening: tuple[list[str], str, bytes] = pickle.loads(frame)
    return opening


def _die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent dies; elsewhere the closed pipe ends it."""
    if sys.platform == "linux":
        death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(death_signal, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _exactly(handle: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(handle, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main(sys.argv[1:])
