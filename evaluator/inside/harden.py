"""Takes every right from a process that is about to run a candidate."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from typing import Final

from evaluator.inside import syscalls
from evaluator.inside.wire import FRAMES_IN, FRAMES_OUT, LANDLOCK, RLIMITS, SECCOMP

NOBODY: Final = 65534

_BASE_MEMORY: Final = 96 << 20
"""Address space of a worker that has done nothing yet, rounded up."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446

_MACHINE: Final = os.uname().machine
_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.syscall.argtypes = [ctypes.c_long] + [ctypes.c_ulong] * 3
_libc.syscall.restype = ctypes.c_long


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE, 0, 0, 1)))


def landlock_rights(abi: int) -> tuple[int, int, int]:
    """Return every file, network and scope right that a Landlock version can take away."""
    files = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5) + (abi >= 9)
    network = 0b11 if abi >= 4 else 0
    network |= 0b1100 if abi >= 10 else 0
    return (1 << files) - 1, network, 0b11 if abi >= 6 else 0


def landlock_ruleset() -> int:
    """Return the descriptor of a ruleset that handles everything and allows nothing.

    Raises:
        OSError: the kernel has no Landlock.
    """
    abi = landlock_abi()
    # A kernel whose rights are not those of its version still gets the oldest full set.
    for version in (abi, min(abi, 6), min(abi, 3), min(abi, 1)):
        rules = _Ruleset(*landlock_rights(version))
        size = 8 if version < 4 else 16 if version < 6 else 24
        descriptor = _libc.syscall(_LANDLOCK_CREATE, ctypes.addressof(rules), size, 0)
        if version and descriptor >= 0:
            return int(descriptor)
    raise OSError(ctypes.get_errno() or 38, "no Landlock in this kernel")


def drop_root() -> None:
    """Become nobody if started by root; the caller has imported all it will need.

    A root that may not do so has lost its rights already, and stays what it is.
    """
    if os.geteuid() == 0:
        with contextlib.suppress(PermissionError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)


class Hardening:
    """All that can be made ready before the fork, so that a worker starts quickly."""

    def __init__(self) -> None:
        self._parent = os.getpid()
        self.ruleset = -1
        try:
            self.ruleset = landlock_ruleset()
            self.landlock = f"ABI {landlock_abi()}"
        except OSError as error:
            self.landlock = str(error)
        self._program: _Program | None = None
        if _MACHINE in syscalls.ARCHITECTURES:
            code = syscalls.filter_program(_MACHINE, (FRAMES_IN,), (1, 2, FRAMES_OUT))
            self._code = ctypes.create_string_buffer(code, len(code))
            self._program = _Program(len(code) // 8, ctypes.addressof(self._code))

    def apply(self, layers: int, memory_mb: int, cpu_seconds: int) -> None:
        """Give up what the layers name, for good; file descriptors are closed here too.

        Raises:
            OSError: the kernel refused a layer; the caller must not run a candidate.
        """
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, 9)
        if os.getppid() != self._parent:
            os._exit(1)
        _prctl(_PR_SET_DUMPABLE, 0)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if layers & LANDLOCK and _libc.syscall(_LANDLOCK_RESTRICT, self.ruleset, 0, 0):
            _fail("landlock_restrict_self")
        os.closerange(FRAMES_OUT + 1, 1 << 20)
        if layers & RLIMITS:
            _limit(memory_mb, cpu_seconds)
        if layers & SECCOMP:
            if self._program is None:
                raise OSError(38, f"no system call table for {_MACHINE!r}")
            _prctl(_PR_SET_SECCOMP, 2, ctypes.addressof(self._program))


def _limit(memory_mb: int, cpu_seconds: int) -> None:
    memory = _BASE_MEMORY + (memory_mb << 20)
    for name, value in (
        ("AS", memory), ("CPU", cpu_seconds), ("FSIZE", 0), ("NOFILE", 8), ("CORE", 0),
        ("NPROC", 0), ("MEMLOCK", 0), ("MSGQUEUE", 0), ("RTPRIO", 0), ("SIGPENDING", 0),
    ):  # fmt: skip
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _prctl(option: int, first: int, second: int = 0) -> None:
    if _libc.prctl(option, first, second, 0, 0):
        _fail(f"prctl({option})")


def _fail(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{what}: {os.strerror(number)}")
