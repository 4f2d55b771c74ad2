"""Online earliest finish time: bind a ready task where it would finish first; queues by rank.

Source: the placement step of HEFT, Topcuoglu, Hariri and Wu, "Performance-effective and
low-complexity task scheduling for heterogeneous computing", IEEE TPDS 2002, taken at readiness.
"""

DISCIPLINE = "bind"


def key(task):
    return -task.rank


def score(task, node, now):
    return -(max(node.free_at, now + node.data_wait) + node.duration)
