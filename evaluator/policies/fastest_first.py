"""Fastest first: among all free pairs, the task that runs fastest on its node.

Source: minimum execution time, Braun et al., "A comparison of eleven static heuristics for
mapping a class of independent tasks onto heterogeneous systems", JPDC 2001.
"""


def score(task, node, now):
    return node.speed
