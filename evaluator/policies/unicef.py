"""UNICEF: favours small tasks that have waited long, with EASY backfilling.

Source: Tang et al., "Fault-aware, utility-based job scheduling on Blue Gene/P systems",
CLUSTER 2009: greatest wait / (log2(processors) x requested time); serial tasks, whose logarithm
is 0, come first.
"""

import math

DISCIPLINE = "easy"


def width(task):
    return task.gang * max(task.cpus, task.devices)


def key(task, now):
    return -task.wait / (max(math.log2(width(task)), 1e-6) * task.estimate)
