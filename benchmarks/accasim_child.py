"""Runs inside an environment that has AccaSim: one log, one policy, CPU seconds and starts as JSON.

python accasim_child.py LOG.swf PROCESSORS fifo|easy FOLDER

AccaSim 1.1.3 was written for Python <= 3.9: two names it imports have moved since. Its writers and
its log are off, and the time its reader takes is taken out.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
import time
import warnings
from pathlib import Path

collections.Mapping = collections.abc.Mapping
time.clock = time.perf_counter
warnings.simplefilter("ignore")


def main(log: str, processors: int, policy: str, folder: Path) -> None:
    from accasim.base.allocator_class import FirstFit
    from accasim.base.event_class import EventManager
    from accasim.base.scheduler_class import EASYBackfilling, FirstInFirstOut
    from accasim.base.simulator_class import Simulator
    from accasim.utils.reader_class import Reader

    config = folder / "machine.json"
    config.write_text(json.dumps({
        "groups": {"machine": {"core": processors}}, "resources": {"machine": 1},
        "equivalence": {"processor": {"core": 1}}, "start_time": 0,
    }))  # fmt: skip
    begun: dict[int, int] = {}
    finish = EventManager.finish_event

    def noted(manager, job):
        begun[int(job.id)] = job.start_time
        finish(manager, job)

    reading = 0.0
    read = Reader.next

    def timed(*arguments, **options):
        nonlocal reading
        before = time.process_time()
        try:
            return read(*arguments, **options)
        finally:
            reading += time.process_time() - before

    EventManager.finish_event, Reader.next = noted, timed
    dispatcher = {"fifo": FirstInFirstOut, "easy": EASYBackfilling}[policy](FirstFit())
    simulator = Simulator(
        log, str(config), dispatcher, scheduling_output=False, pprint_output=False,
        benchmark_output=False, statistics_output=False, show_statistics=False,
        LOG_LEVEL="ERROR", RESULTS_FOLDER_PATH=str(folder / "results"),
    )  # fmt: skip
    before = time.process_time()
    simulator.start_simulation()
    cpu = time.process_time() - before - reading
    print(json.dumps({
        "cpu": cpu, "reading": reading, "starts": [begun[k] for k in sorted(begun)],
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
