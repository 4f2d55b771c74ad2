"""Best fit: in order of release, on the node with least left over, as shares of the node.

Source: Johnson, "Near-optimal bin packing algorithms", 1973; over several resources as in
Grandl et al., "Multi-resource packing for cluster schedulers", SIGCOMM 2014.
"""


def left(free, wanted, total):
    return (free - wanted) / total if total > 0 else 0.0


def key(task):
    return task.release


def prefer(task, node):
    cpus = left(node.free_cpus, task.cpus, node.cpus)
    memory = left(node.free_memory, task.memory, node.memory)
    devices = left(node.free_devices, task.devices, node.devices)
    return -(cpus + memory + devices)
