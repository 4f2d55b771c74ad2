"""Pods that cannot be placed: who stays, moves or is evicted, tier by tier, with a certificate."""

from agentsched.planning.packing.packer import Packing, describe_packing, pack
from agentsched.planning.packing.pod_file import PodFile, load_pods
from agentsched.planning.packing.pods import Pod

__all__ = ["Packing", "Pod", "PodFile", "describe_packing", "load_pods", "pack"]
