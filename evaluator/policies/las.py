"""Least attained service: who has had least time on nodes so far goes first.

Source: Nuyens and Wierman, "The Foreground-Background queue: a survey", 2008; for GPU clusters
Gu et al., "Tiresias", NSDI 2019 (service counted over all members of a gang).
"""


def key(task, now):
    return task.service
