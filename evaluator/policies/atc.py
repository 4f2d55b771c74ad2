"""Apparent tardiness cost: weighted shortest first, discounted while there is slack.

Source: Vepsalainen and Morton, "Priority rules for job shops with weighted tardiness costs",
Management Science 1987: greatest (w/p) exp(-max(0, d - p - t) / (K p_mean)), K = 2.
A policy sees one task at a time, so the task's own p stands for the mean of the waiting ones;
the logarithm keeps the order and does not underflow.
"""

import math

K = 2.0


def key(task, now):
    if task.weight <= 0:
        return math.inf
    slack = max(0.0, task.due - task.remaining - now)
    return math.log(task.remaining / task.weight) + slack / (K * task.remaining)
