"""The system calls of a worker, and the filter program that knows them."""

from __future__ import annotations

import struct
from typing import Final

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
REFUSE: Final = 0x00050000 | 1
"""Fail with EPERM: a policy's slip reads as a PermissionError on its own line."""

# name: (x86_64, aarch64); None where the architecture has no such call
HARMLESS: Final[dict[str, tuple[int | None, int]]] = {
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "exit": (60, 93),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "exit_group": (231, 94),
}
"""Allowed whatever their arguments. No clock, no sleep, no randomness, no process id: what a
policy decides is a function of what it was told."""

ESCAPES: Final[dict[str, tuple[int | None, int]]] = {
    "ptrace": (101, 117),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "mount": (165, 40),
    "umount2": (166, 39),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "finit_module": (313, 273),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}
"""No policy calls these by accident: the process is killed."""

_READ: Final = (0, 63)
_WRITE: Final = (1, 64)
_MAPPERS: Final = ((9, 222), (10, 226))
"""mmap and mprotect: allowed unless they ask for executable pages."""

ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine name to (column above, audit architecture)."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32: Final = 0x40000000
_PROT_EXEC: Final = 4


def filter_program(machine: str, readable: tuple[int, ...], writable: tuple[int, ...]) -> bytes:
    """Return the classic BPF program for a worker, as an array of ``struct sock_filter``.

    Reads are allowed from ``readable`` file descriptors only, writes to ``writable``
    only. Any other architecture's system calls kill the process.

    Raises:
        KeyError: no table for ``machine``.
    """
    column, architecture = ARCHITECTURES[machine]
    program = [
        _op(_LOAD, _ARCHITECTURE),
        _op(_EQUAL, architecture, 1, 0),
        _op(_RETURN, KILL),
        _op(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        program += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, KILL)]
    for calls, descriptors in ((_READ, readable), (_WRITE, writable)):
        program += _only_on(calls[column], descriptors)
    for calls in _MAPPERS:
        program += [
            _op(_EQUAL, calls[column], 0, 4),
            _op(_LOAD, _ARGUMENTS + 16),
            _op(_ANY_BIT, _PROT_EXEC, 0, 1),
            _op(_RETURN, REFUSE),
            _op(_RETURN, ALLOW),
        ]
    for table, action in ((HARMLESS, ALLOW), (ESCAPES, KILL)):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                program += [_op(_EQUAL, number, 0, 1), _op(_RETURN, action)]
    program.append(_op(_RETURN, REFUSE))
    return b"".join(program)


def _only_on(number: int, descriptors: tuple[int, ...]) -> list[bytes]:
    checks = [
        _op(_EQUAL, descriptor, len(descriptors) - i, 0) for i, descriptor in enumerate(descriptors)
    ]
    body = [_op(_LOAD, _ARGUMENTS), *checks, _op(_RETURN, REFUSE), _op(_RETURN, ALLOW)]
    return [_op(_EQUAL, number, 0, len(body)), *body]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
