"""F4: a priority learned by regression on simulated batch jobs, with EASY backfilling.

Source: Carastan-Santos and de Camargo, "Obtaining dynamic scheduling policies with simulation and
machine learning", SC 2017: least r sqrt(n) + 530000 log10(s),
r requested time, n processors, s submission time in seconds (logarithms from 1 s on).
"""

import math

DISCIPLINE = "easy"


def key(task):
    width = task.gang * max(task.cpus, task.devices)
    submitted = math.log10(max(task.release, 1.0))
    return task.estimate * math.sqrt(width) + 5.30e5 * submitted
