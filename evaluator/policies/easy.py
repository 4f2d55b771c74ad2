"""EASY backfilling: first come, first served; later tasks may overtake if the head is not delayed.

Source: Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995.
"""

DISCIPLINE = "easy"


def key(task):
    return task.release
