"""Finds out what holds here, by attacking it."""

from __future__ import annotations

import functools
import os
import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from evaluator.errors import SandboxError
from evaluator.inside.wire import ATTEMPTS, LANDLOCK, OUTCOME, RLIMITS, SECCOMP
from evaluator.sandbox.launch import Plan, Zygote, plans

_MEMORY_MB: Final = 32
_WAIT_MS: Final = 10_000


class Level(IntEnum):
    """How strong the sandbox is here; each level has the layers of the ones below it."""

    NONE = 0
    """Nothing holds."""
    RLIMITS = 1
    """Memory, CPU time and file sizes are limited. Files, network and processes are open."""
    SECCOMP = 2
    """And only a few harmless system calls are left."""
    LANDLOCK_SECCOMP = 3
    """And Landlock takes files, TCP, signals and sockets away a second time."""
    FULL = 4
    """And bubblewrap's namespaces hold nothing but the interpreter."""


LAYERS: Final = {
    Level.NONE: 0,
    Level.RLIMITS: RLIMITS,
    Level.SECCOMP: RLIMITS | SECCOMP,
    Level.LANDLOCK_SECCOMP: RLIMITS | SECCOMP | LANDLOCK,
    Level.FULL: RLIMITS | SECCOMP | LANDLOCK,
}
"""What a worker applies to itself at each level."""

# What each layer has to stop on its own to count as there.
_ALONE: Final = {
    "namespaces": (0, ("read_host", "write_host", "connect_parent", "signal_parent")),
    "landlock": (LANDLOCK, ("read_host", "list_root", "write_host")),
    "seccomp": (SECCOMP, tuple(name for name in ATTEMPTS if name != "allocate")),
    "rlimits": (RLIMITS, ("allocate",)),
}


@dataclass(frozen=True, slots=True)
class Attack:
    """One attempt and what came of it."""

    layer: str
    """The layer that stood alone, or ``all``."""
    name: str
    stopped: bool
    how: str
    """``EPERM``-like text, the signal that killed it, or ``succeeded``."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the sandbox is worth on this machine."""

    level: Level
    plan: Plan
    """How to start a zygote of this level."""
    landlock: str
    """The kernel's Landlock version, or why there is none."""
    uid: int
    """User that candidates run as."""
    attacks: tuple[Attack, ...]
    notes: tuple[str, ...]
    """Ways of starting that did not work, and why."""

    @property
    def layers(self) -> int:
        """What workers apply to themselves."""
        return LAYERS[self.level]

    @property
    def details(self) -> dict[str, object]:
        """Return everything as plain values, for reports."""
        return {
            "level": self.level.name,
            "start": self.plan.name,
            "landlock": self.landlock,
            "uid": self.uid,
            "stopped": sum(attack.stopped for attack in self.attacks),
            "attacks": len(self.attacks),
            "succeeded": [f"{a.layer}: {a.name}" for a in self.attacks if not a.stopped],
            "notes": list(self.notes),
        }


@functools.cache
def probe() -> Probe:
    """Attack every layer by itself and all together; asked once a process.

    Raises:
        SandboxError: no zygote can be started at all.
    """
    notes: list[str] = []
    best: Probe | None = None
    for plan in plans():
        try:
            found = _judge(plan, tuple(notes))
        except SandboxError as error:
            notes.append(str(error))
            continue
        except OSError as error:
            notes.append(f"{plan.name}: {error.strerror}")
            continue
        if best is None or found.level > best.level:
            best = found
        if best.level >= (Level.FULL if plan.namespaces else Level.LANDLOCK_SECCOMP):
            break
        notes.append(f"{plan.name}: only {found.level.name}")
    if best is None:
        raise SandboxError("; ".join(notes) or "no way to start a sandbox")
    return best


def _judge(plan: Plan, notes: tuple[str, ...]) -> Probe:
    zygote = Zygote(plan)
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            attacks: list[Attack] = []
            holds = {"namespaces": plan.namespaces}
            for layer, (mask, names) in _ALONE.items():
                if layer != "namespaces" or plan.namespaces:
                    found = list(_attack(zygote, layer, mask, names, port))
                    attacks += found
                    holds[layer] = all(attack.stopped for attack in found)
            level = _level(holds)
            if level >= Level.SECCOMP:
                together = list(_attack(zygote, "all", LAYERS[level], ATTEMPTS, port))
                attacks += together
                if not all(attack.stopped for attack in together):
                    level = Level.RLIMITS
    finally:
        zygote.kill()
    return Probe(level, plan, zygote.landlock, zygote.uid, tuple(attacks), notes)


def _level(holds: dict[str, bool]) -> Level:
    if not holds["rlimits"]:
        return Level.NONE
    if not holds["seccomp"]:
        return Level.RLIMITS
    if not holds["landlock"]:
        return Level.SECCOMP
    return Level.FULL if holds["namespaces"] else Level.LANDLOCK_SECCOMP


def _attack(
    zygote: Zygote, layer: str, mask: int, names: Iterable[str], port: int
) -> Iterable[Attack]:
    for number, name in enumerate(ATTEMPTS, start=1):
        if name not in names:
            continue
        target = {"connect_parent": port, "allocate": 4 * _MEMORY_MB + 96}.get(name, os.getpid())
        how = _outcome(zygote, mask, number, target)
        yield Attack(layer, name, how != "succeeded", how)


def _outcome(zygote: Zygote, mask: int, number: int, target: int) -> str:
    fork = zygote.fork(mask, _MEMORY_MB, 5, assault=number)
    answer = b""
    try:
        os.write(fork.write, target.to_bytes(4, "little"))
        poller = select.poll()
        poller.register(fork.read, select.POLLIN)
        if not poller.poll(_WAIT_MS):
            return "succeeded"
        answer = os.read(fork.read, 4096)
    except BrokenPipeError:
        pass
    finally:
        ended = zygote.reap(fork)
    if answer[4:5] == b"D":
        succeeded, number = OUTCOME.unpack(answer[5:])
        return "succeeded" if succeeded else os.strerror(number) if number else "refused"
    if answer[4:5] == b"S":
        return "succeeded"  # the layer could not be applied
    return f"killed by signal {-ended.code}" if ended.code < 0 else "succeeded"
