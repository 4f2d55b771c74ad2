"""Weighted shortest processing time: least estimated work per unit of weight.

Source: Smith, "Various optimizers for single-stage production", 1956.
"""

import math


def key(task):
    if task.weight <= 0:
        return math.inf
    return task.estimate / task.weight
