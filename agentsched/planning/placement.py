"""The one meaning of every placement hint: which machines it admits, what a stay there costs."""

from __future__ import annotations

import re
from typing import assert_never

from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    DeviceMemoryHint,
    Hint,
    LabelHint,
    LeastHint,
    Level,
    MemoryHint,
    NearDataHint,
    PlaceHint,
    Quantity,
    SpotHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import DataSet, Inventory, Machine

UNITS: dict[Quantity, str] = {"price": "", "carbon": "g CO2", "energy": "kWh"}
_RATE_UNITS: dict[Quantity, str] = {"price": "an hour", "carbon": "g/kWh", "energy": "kW"}
_CLASSES = {"gpu": "gpu", "gpus": "gpu", "accelerator": "gpu", "cpu": "cpu", "cpus": "cpu"}


def admits(hint: Hint, machine: Machine, inventory: Inventory) -> bool:
    """Return whether the hint lets a task run on the machine, whatever the time and the rest.

    Hints about several tasks, totals and times of day admit every machine.
    """
    match hint:
        case DeviceHint():
            return _bears_device(machine, hint.names) != hint.avoid
        case DeviceMemoryHint():
            return machine.devices > 0 and machine.device_memory >= hint.at_least
        case MemoryHint():
            # Memory 0 means not limited.
            return machine.memory == 0 or machine.memory >= hint.at_least
        case LabelHint():
            mine = {_plain(name) for name in (machine.name, *machine.labels)}
            return bool(mine & {_plain(name) for name in hint.names}) != hint.avoid
        case PlaceHint():
            here = _plain(str(getattr(machine, hint.level)))
            return (here in {_plain(name) for name in hint.names}) != hint.avoid
        case SpotHint():
            return machine.spot != hint.avoid
        case NearDataHint():
            return is_near(machine, hint.data, hint.level, inventory)
        case CeilingHint():
            return not hint.per_hour or rate(machine, hint.quantity) <= hint.limit
        case TogetherHint() | SpreadHint() | LeastHint() | WindowHint():
            return True
        case _:
            assert_never(hint)


def place(machine: Machine, level: Level) -> tuple[str, ...]:
    """Return what names the machine's place at a level; an unknown place is one of its own.

    Racks of one name in two zones are two racks.
    """
    if level == "node":
        return ("node", machine.name)
    if not getattr(machine, level):
        return ("only", machine.name)
    wider = ("region", "zone", "rack")
    return (level, *(str(getattr(machine, one)) for one in wider[: wider.index(level) + 1]))


def is_near(machine: Machine, data: str, level: Level, inventory: Inventory) -> bool:
    """Return whether the data set lies in the machine's place; False if nobody knows the data."""
    found = [item for item in inventory.data if _plain(item.name) == _plain(data)]
    return any(_holds(item, machine, level, inventory) for item in found)


def _holds(item: DataSet, machine: Machine, level: Level, inventory: Inventory) -> bool:
    if machine.name in item.machines:
        return True
    if level == "node":
        return False
    here = str(getattr(machine, level))
    if here and here == getattr(item, level):
        return True
    hosts = [other for other in inventory.machines if other.name in item.machines]
    return any(place(machine, level) == place(host, level) for host in hosts)


def rate(machine: Machine, quantity: Quantity) -> float:
    """Return the machine's rate: money an hour, g CO2 a kWh, or kW while busy."""
    match quantity:
        case "price":
            return machine.price
        case "carbon":
            return machine.carbon
        case "energy":
            return machine.watts / 1000
        case _:
            assert_never(quantity)


def amount(machine: Machine, quantity: Quantity, seconds: float) -> float:
    """Return what one member costs there: money, g CO2, or kWh."""
    hours = seconds / 3600
    match quantity:
        case "price":
            return machine.price * hours
        case "energy":
            return machine.watts / 1000 * hours
        case "carbon":
            return machine.watts / 1000 * hours * machine.carbon
        case _:
            assert_never(quantity)


def in_words(hint: Hint) -> str:
    """Return the hint as a short English phrase, without whom it speaks of."""
    match hint:
        case DeviceHint() | LabelHint():
            return f"{'not on' if hint.avoid else 'on'} {_either(hint.names)}"
        case DeviceMemoryHint():
            return f"at least {hint.at_least:g} GiB on each device"
        case MemoryHint():
            return f"at least {hint.at_least:g} GiB of memory on the machine"
        case PlaceHint():
            return f"{'not in' if hint.avoid else 'in'} {hint.level} {_either(hint.names)}"
        case SpotHint():
            return "never on spot" if hint.avoid else "on spot"
        case TogetherHint():
            return f"together on one {hint.level}"
        case SpreadHint():
            return f"spread, no two on one {hint.level}"
        case NearDataHint():
            return f"in the {hint.level} of data {hint.data!r}"
        case CeilingHint():
            units = _RATE_UNITS if hint.per_hour else UNITS
            return f"{hint.quantity} at most {hint.limit:g} {units[hint.quantity]}".rstrip()
        case LeastHint():
            return f"least {hint.quantity}"
        case WindowHint():
            days = f" on {', '.join(hint.days)}" if hint.days else ""
            side = "outside" if hint.avoid else "within"
            return f"{side} {hint.start:%H:%M} to {hint.end:%H:%M}{days}"
        case _:
            assert_never(hint)


def _bears_device(machine: Machine, names: tuple[str, ...]) -> bool:
    return any(_is_device(machine, _plain(name)) for name in names)


def _is_device(machine: Machine, name: str) -> bool:
    """Whether ``name`` is the machine's device type, a part of it, or its class."""
    match _CLASSES.get(name):
        case "gpu":
            return machine.devices > 0
        case "cpu":
            return machine.devices == 0
    if machine.devices == 0:
        return False
    mine, asked = _parts(machine.device), _parts(name)
    # "A100" is meant by "NVIDIA A100-SXM4-80GB", and "a100 80gb" by it as well.
    return bool(asked) and asked <= mine


def _parts(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower()))


def _plain(name: str) -> str:
    return name.strip().lower()


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)
