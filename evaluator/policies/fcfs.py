"""First come, first served: the oldest task starts or everything waits.

Source: Feitelson and Rudolph, "Parallel job scheduling: issues and approaches", JSSPP 1995.
"""

DISCIPLINE = "strict"


def key(task):
    return task.release
