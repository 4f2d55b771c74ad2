"""This computer as an inventory: what this process may use of it, not what is built in."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from agentsched.planning.inventory import Inventory, Machine

_KIB_PER_GIB = 1024**2


def this_machine(root: Path = Path("/")) -> Inventory:
    """Return one machine: cores and memory this process may use, and NVIDIA devices.

    Cores are the affinity mask or the cgroup's quota, memory is what is built in or the cgroup's
    limit, whichever is less. Memory is 0 (not limited) where it cannot be told.

    Args:
        root: Folder that holds ``proc``, ``sys`` and ``dev``; another one is for tests.
    """
    groups = _groups(root)
    limits = [_memory_total(root), *(_memory_limit(group) for group in groups)]
    quotas = [float(_cores()), *(_cpu_quota(group) for group in groups)]
    devices = len(list((root / "dev").glob("nvidia[0-9]*")))
    return Inventory(
        machines=(
            Machine(
                name=socket.gethostname().split(".")[0][:80] or "here",
                cpus=round(min(quota for quota in quotas if quota > 0), 2),
                memory=round(min((limit for limit in limits if limit > 0), default=0.0), 2),
                devices=devices,
                device=_device(root) if devices else "",
            ),
        )
    )


def _cores() -> int:
    # Not every system has an affinity mask.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_total(root: Path) -> float:
    """Memory that is built in, GiB; 0 where it cannot be told."""
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) / _KIB_PER_GIB
    return 0.0


def _groups(root: Path) -> list[Path]:
    """Folders of the control groups this process is in, with those above them."""
    found: list[Path] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        base = root / "sys/fs/cgroup"
        for mount in [base / name for name in controllers.split(",")] if controllers else [base]:
            inner = mount / path.lstrip("/")
            found += [inner, *(p for p in inner.parents if p.is_relative_to(mount))]
    return list(dict.fromkeys(found))


def _memory_limit(group: Path) -> float:
    """GiB; 0 means no limit. Version 1 writes a huge number for that, which is above any total."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = _text(group / name).strip()
        if text.isdigit():
            return int(text) / 1024**3
    return 0.0


def _cpu_quota(group: Path) -> float:
    """Cores a second; 0 means no quota."""
    quota, _, period = _text(group / "cpu.max").strip().partition(" ")
    if not quota:
        quota = _text(group / "cpu.cfs_quota_us").strip()
        period = _text(group / "cpu.cfs_period_us").strip()
    if not quota.isdigit() or not period.isdigit():
        return 0.0
    return int(quota) / int(period)


def _device(root: Path) -> str:
    """Type of the devices as the driver names it, ``GPU`` where it does not."""
    for file in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        for line in _text(file).splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()[:80]
    return "GPU"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
