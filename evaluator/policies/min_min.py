"""MinMin: of the tasks that become ready together, bind the one that can finish first.

Source: Ibarra and Kim, "Heuristic algorithms for scheduling independent tasks on nonidentical
processors", JACM 1977.
"""

DISCIPLINE = "bind"
BATCH = "min"


def score(task, node, now):
    return -(max(node.free_at, now + node.data_wait) + node.duration)
