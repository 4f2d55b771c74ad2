"""Where work comes from: readers of published trace formats, and generators with cited figures."""

from evaluator.workloads.load import FORMATS, load_workload

__all__ = ["FORMATS", "load_workload"]
