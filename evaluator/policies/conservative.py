"""Conservative backfilling: every waiting task has a reservation, in order of release.

Source: Mu'alem and Feitelson, "Utilization, predictability, workloads, and user runtime
estimates in scheduling the IBM SP2 with backfilling", IEEE TPDS 2001.
"""

DISCIPLINE = "conservative"


def key(task):
    return task.release
