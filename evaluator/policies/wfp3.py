"""WFP3: favours wide tasks that have waited long for their length, with EASY backfilling.

Source: Tang et al., "Fault-aware, utility-based job scheduling on Blue Gene/P systems",
CLUSTER 2009: greatest (wait / requested time)^3 x processors.
"""

DISCIPLINE = "easy"


def width(task):
    return task.gang * max(task.cpus, task.devices)


def key(task, now):
    return -((task.wait / task.estimate) ** 3) * width(task)
