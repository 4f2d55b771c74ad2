"""Shortest remaining processing time; shows its strength where preemption is allowed.

Source: Schrage, "A proof of the optimality of the shortest remaining processing time discipline",
Operations Research 1968.
"""


def key(task, now):
    return task.remaining
