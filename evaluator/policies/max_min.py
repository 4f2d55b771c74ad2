"""MaxMin: of the tasks that become ready together, bind the one whose best finish is latest.

Source: Ibarra and Kim, "Heuristic algorithms for scheduling independent tasks on nonidentical
processors", JACM 1977.
"""

DISCIPLINE = "bind"
BATCH = "max"


def score(task, node, now):
    return -(max(node.free_at, now + node.data_wait) + node.duration)
