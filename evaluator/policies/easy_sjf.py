"""EASY backfilling over a queue in order of estimated work.

Source: Srinivasan et al., "Characterization of backfilling strategies for parallel job
scheduling", ICPP Workshops 2002.
"""

DISCIPLINE = "easy"


def key(task):
    return task.estimate
