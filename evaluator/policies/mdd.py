"""Modified due date: the due date, or the earliest possible finish once that is later.

Source: Baker and Bertrand, "A dynamic priority rule for scheduling against due-dates",
Journal of Operations Management 1982.
"""


def key(task, now):
    return max(now + task.remaining, task.due)
