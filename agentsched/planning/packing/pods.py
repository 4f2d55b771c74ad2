"""Pods: pieces of work without an end, each on one machine or waiting for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agentsched.errors import UserError
from agentsched.planning.hints import DeviceHint, Hint
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.placement import admits

PodName = Annotated[str, Field(min_length=1, max_length=253)]


class Pod(BaseModel):
    """One pod (or job, or service) that holds a part of one machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PodName
    cpus: float = Field(default=0.0, ge=0, le=100_000)
    memory: float = Field(default=0.0, ge=0, le=10_000_000)
    """GiB."""
    devices: int = Field(default=0, ge=0, le=10_000)
    device: str = Field(default="", max_length=80)
    """Type or class of device it insists on; empty takes any."""
    tier: int = Field(default=0, ge=0, le=1000)
    """0 is the most important; a tier is never worse off for one behind it."""
    node: str = Field(default="", max_length=80)
    """Machine it runs on; empty while it waits."""
    protected: bool = False
    """It runs and must stay where it is."""
    allowed: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = ()
    """Machines it may be on; empty means all."""
    hints: tuple[Hint, ...] = ()
    """Hard ones narrow ``allowed``; soft ones do not count here."""


def may_host(pod: Pod, machine: Machine, inventory: Inventory) -> bool:
    """Return whether the pod could be on the machine if nothing else were."""
    return (
        (not pod.allowed or machine.name in pod.allowed)
        and pod.cpus <= machine.cpus
        and (machine.memory == 0 or pod.memory <= machine.memory)
        and pod.devices <= machine.devices
        and (not pod.device or admits(DeviceHint(names=(pod.device,)), machine, inventory))
        and all(admits(hint, machine, inventory) for hint in pod.hints if hint.hard)
    )


def check_pods(pods: Sequence[Pod], inventory: Inventory) -> None:
    """Check what pods say against the machines.

    Raises:
        UserError: A name stands twice, a machine is unknown, or a protected pod does not run.
    """
    machines = {machine.name for machine in inventory.machines}
    seen: set[str] = set()
    for pod in pods:
        if pod.name in seen:
            raise UserError(f"pod names must differ, {pod.name!r} stands twice")
        seen.add(pod.name)
        for name in (*([pod.node] if pod.node else ()), *pod.allowed):
            if name not in machines:
                known = ", ".join(sorted(machines)[:8])
                raise UserError(f"pod {pod.name!r}: no machine {name!r}; known: {known}")
        if pod.protected and not pod.node:
            raise UserError(f"pod {pod.name!r}: protected must name the node it runs on, got none")
