"""Shortest job first, by estimated work.

Source: Smith, "Various optimizers for single-stage production", 1956 (optimal mean flow on one
machine with all tasks released at once).
"""


def key(task):
    return task.estimate
