"""Raw attempts to break out, each run in a disposable worker of its own by the probe.

An attempt that returns has succeeded; one that raises was stopped. They use the C library and not
Python's checks, as a candidate that has found ``ctypes`` would.
"""

from __future__ import annotations

import _socket
import _thread
import ctypes
import os
import sys
from collections.abc import Callable

from evaluator.inside import worker
from evaluator.inside.wire import ATTEMPTS, FRAMES_IN, OUTCOME

_libc = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE, _NEW_USER, _EXECUTABLE_ANONYMOUS = 0x4206, 0x10000000, (7, 0x22)


def read_host(_: int) -> None:
    """Read a file every host has."""
    os.open("/etc/passwd", os.O_RDONLY)


def list_root(_: int) -> None:
    """Open the root folder, which every namespace has and every user may read."""
    os.open("/", os.O_RDONLY | os.O_DIRECTORY)


def write_host(_: int) -> None:
    """Create a file without a name in the host's temporary folder."""
    os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)


def make_socket(_: int) -> None:
    """Create a socket."""
    _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)


def connect_parent(port: int) -> None:
    """Connect to a port on which the parent listens."""
    _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).connect(("127.0.0.1", port))


def signal_parent(pid: int) -> None:
    """Ask whether the parent could be signalled."""
    os.kill(pid, 0)


def trace_parent(pid: int) -> None:
    """Attach to the parent as a debugger, without stopping it."""
    _call(_libc.ptrace, _PTRACE_SEIZE, pid, 0, 0)


def read_parent_memory(pid: int) -> None:
    """Ask for a byte of the parent's memory."""
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_uint64 * 2)(ctypes.addressof(ctypes.c_int()), 8)
    _call(_libc.process_vm_readv, pid, vector, 1, remote, 1, 0)


def fork(_: int) -> None:
    """Start another process."""
    if os.fork() == 0:
        os._exit(0)


def thread(_: int) -> None:
    """Start a thread."""
    _thread.start_new_thread(int, ())


def execute(_: int) -> None:
    """Become another program; success leaves no frame and exit code 0."""
    os.execv(sys.executable, [sys.executable, "-S", "-c", ""])


def allocate(megabytes: int) -> None:
    """Take memory and touch it."""
    bytearray(megabytes << 20)


def new_namespace(_: int) -> None:
    """Become root in a user namespace of its own."""
    _call(_libc.unshare, _NEW_USER)


def mount(_: int) -> None:
    """Mount a file system over the root."""
    _call(_libc.mount, b"none", b"/", b"tmpfs", 0, None)


def io_uring(_: int) -> None:
    """Open the ring that would carry system calls past a filter."""
    _call(_libc.syscall, 425, 1, ctypes.create_string_buffer(256))


def memory_file(_: int) -> None:
    """Create a file in memory."""
    os.memfd_create("x")


def executable_memory(_: int) -> None:
    """Map memory that can be written and executed."""
    _libc.mmap.restype = ctypes.c_void_p
    protection, flags = _EXECUTABLE_ANONYMOUS
    if _libc.mmap(None, 4096, protection, flags, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")


def run(number: int) -> None:
    """Carry out one attempt and report it."""
    target = int.from_bytes(os.read(FRAMES_IN, 4), "little")
    outcome = (1, 0)
    try:
        globals()[ATTEMPTS[number - 1]](target)
    except (OSError, RuntimeError, MemoryError) as error:
        outcome = (0, getattr(error, "errno", None) or 0)
    worker.send("D", OUTCOME.pack(*outcome))


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
