"""First in, first out by release, skipping tasks that do not fit: the plain greedy queue.

Source: folklore; the default order of most cluster schedulers.
"""


def key(task):
    return task.release
