"""Known scheduling rules: one file each as policy text, a few as code of ours."""

from evaluator.policies.catalogue import describe, known_rules, load_rule
from evaluator.policies.native import AllocationView, NativeRule

__all__ = ["AllocationView", "NativeRule", "describe", "known_rules", "load_rule"]
