"""Stretches of time and demands as people say them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime, tzinfo

from agentsched.planning.graph import Demand


def length(seconds: float) -> str:
    """Return ``40 minutes``, ``2 h 5 min``, ``3 days``; rounded up to the minute above one."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    minutes = -(-int(seconds) // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} hours"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def moment(at: datetime, zone: tzinfo) -> str:
    """Return ``Thu 26 Nov 08:40`` in the user's zone."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def needs(demand: Demand) -> str:
    """Return ``4 devices and 8 cpus``."""
    parts = [
        f"{amount:g} {unit}"
        for amount, unit in (
            (demand.devices, "device" if demand.devices == 1 else "devices"),
            (demand.cpus, "cpu" if demand.cpus == 1 else "cpus"),
            (demand.memory, "GiB"),
        )
        if amount > 0
    ]
    return listed(parts) or "nothing"


def no_such(kind: str, names: Iterable[str], known: Iterable[str]) -> str:
    """Return that the inventory has no thing of these names, what it has, and the nearest."""
    said, have = list(names), sorted(known)
    lower = {one.lower(): one for one in have}
    close = [c for n in said for c in difflib.get_close_matches(n.lower(), lower, 1, cutoff=0.5)]
    told = ", ".join(have[:8]) + (" …" if len(have) > 8 else "") or "none"
    way = f"; did you mean {lower[close[0]]!r}?" if close else ""
    asked = " or ".join(repr(name) for name in said)
    return f"no {kind} {asked} in the inventory; known: {told}{way}"


def listed(parts: list[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
