"""What both ends of the sandbox agree on: descriptors, layers, requests, attempts."""

from __future__ import annotations

import struct
from typing import Final

FRAMES_IN: Final = 3
FRAMES_OUT: Final = 4
"""File descriptors of a worker's two pipes. 0, 1 and 2 are /dev/null."""

RLIMITS: Final = 1
LANDLOCK: Final = 2
SECCOMP: Final = 4
"""Layers a worker may be asked to apply; namespaces are laid around the zygote."""

SPAWN: Final = struct.Struct("<BBBiII")
REAP: Final = struct.Struct("<Bi")
SPAWNED: Final = struct.Struct("<i")
REAPED: Final = struct.Struct("<id")
"""Requests to the zygote and its answers; see ``zygote``."""

OUTCOME: Final = struct.Struct("<Bi")
"""What became of an attempt: 1 if it succeeded, else 0; errno."""

ATTEMPTS: Final = (
    "read_host", "list_root", "write_host", "make_socket", "connect_parent",
    "signal_parent", "trace_parent", "read_parent_memory", "fork", "thread", "execute", "allocate",
    "new_namespace", "mount", "io_uring", "memory_file", "executable_memory",
)  # fmt: skip
"""Functions of ``assault``, numbered from 1 in requests."""
