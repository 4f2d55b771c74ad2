"""How a plan is written down for a cluster of containers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentsched.errors import UserError

_IMAGE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,254}")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What a task graph does not say, and which labels the cluster's nodes bear."""

    image: str = "python:3.12-slim"
    """Container image of every task."""
    namespace: str = ""
    """Empty leaves it to whoever applies the file."""
    pin: bool = False
    """Demand the planned machines by host name; else they are preferred."""
    device_resource: str = "nvidia.com/gpu"
    device_label: str = "nvidia.com/gpu.product"
    """Node label with the device type, as GPU feature discovery sets it."""
    device_memory_label: str = "nvidia.com/gpu.memory"
    """Node label with the MiB of each device."""
    rack_label: str = "topology.kubernetes.io/rack"
    spot_label: str = "karpenter.sh/capacity-type"
    spot_value: str = "spot"

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise UserError(
                f"image {self.image!r} is no name of a container image; one is 'python:3.12-slim'"
            )
        if self.namespace and not _NAMESPACE.fullmatch(self.namespace):
            raise UserError(
                f"namespace {self.namespace!r} must be 1 to 63 of a-z 0-9 - and begin and end with "
                "a letter or digit"
            )
