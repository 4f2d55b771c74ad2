"""Earliest due date first (deadline where it is earlier).

Source: Jackson, "Scheduling a production line to minimize maximum tardiness", 1955.
"""


def key(task):
    return min(task.due, task.deadline)
