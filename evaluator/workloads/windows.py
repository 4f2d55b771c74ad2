"""Instances out of a recorded workload: windows of a trace, or draws from a library of jobs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluator.cluster.instance import stream
from evaluator.cluster.model import Cluster, Ints
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import take_jobs
from evaluator.workloads.generator import offered_seconds, released_at

PARTS: Final = {"train": (0.0, 0.6), "validation": (0.6, 0.8), "test": (0.8, 1.0)}
"""Share of the jobs, in order of release, that each split is cut from; any other takes all."""

COMFORTABLE: Final = 200
"""Windows shrink to this many jobs before there are fewer windows."""

FEWEST: Final = 8
"""Windows a split keeps before windows shrink further."""

SMALLEST: Final = 50
"""A window never holds fewer jobs than this."""

SMOKE_TASKS: Final = 60

LIBRARY_LOAD: Final = 0.8
"""Offered load of jobs drawn from a library when the scenario does not say."""


class Windows(BaseModel):
    """How instances are cut from a workload file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jobs: int = Field(default=1000, ge=1)
    """Jobs in one window."""
    load: float | None = Field(default=None, gt=0)
    """Stretches or shrinks the gaps between arrivals of each window until the offered load is
    this; left out, arrivals are as recorded."""


@dataclass(frozen=True, slots=True)
class Part:
    """One split of a trace: windows of equal size, side by side."""

    first: int
    """Row of its first job."""
    jobs: int
    windows: int
    size: int
    """Jobs in one window."""


class Recorded:
    """A workload file as a source of instances.

    A file whose jobs arrive over time is cut in time: the first 60 % of its jobs for train, the
    next 20 % for validation, the last 20 % for the sealed test, and windows that do not overlap.
    A file whose jobs are all there at once (a library of workflows) has its jobs dealt out in
    the same shares and drawn again and again, with Poisson arrivals.
    """

    def __init__(self, workload: Workload, windows: Windows, splits: dict[str, int]) -> None:
        """Plan the windows of these splits, by number asked for.

        Raises:
            InputError: the file is too short for them.
        """
        self.workload = workload
        self.windows = windows
        self.library = workload.jobs > 0 and int(workload.release[-1]) == int(workload.release[0])
        self.estimated = bool((workload.estimate != workload.work).any())
        self.parts: dict[str, Part] = {}
        if not self.library:
            for split, asked in splits.items():
                if split != "smoke":
                    self.parts[split] = _plan(workload, split, asked, windows.jobs)

    def counts(self) -> dict[str, int]:
        """Return the number of instances of each split that was planned in windows."""
        return {split: part.windows for split, part in self.parts.items()}

    def draw(self, cluster: Cluster, split: str, index: int, seed: bytes) -> Workload:
        """Return window ``index`` of a split; the seed picks which."""
        if split == "smoke":
            taken = self._smoke()
        elif self.library:
            taken = self._dealt(cluster, split, stream(seed, "library", split, index))
        else:
            taken = self._window(split, index, stream(seed, "window", split))
        if self.windows.load is not None and not self.library:
            taken = _to_load(taken, cluster, self.windows.load)
        return taken

    def _window(self, split: str, index: int, rng: np.random.Generator) -> Workload:
        part = self.parts[split]
        spare = part.jobs - part.windows * part.size
        offset = int(rng.integers(0, spare + 1))
        place = rng.permutation(part.windows)[index % part.windows]
        first = part.first + offset + int(place) * part.size
        return self._rows(np.arange(first, first + part.size), f"{first}+{part.size}")

    def _rows(self, rows: Ints, label: str) -> Workload:
        release = self.workload.release[rows]
        taken = take_jobs(self.workload, rows, release - release[0])
        return replace(taken, meta=(*taken.meta, ("window", label)))

    def _smoke(self) -> Workload:
        ends = np.searchsorted(self.workload.job, np.arange(1, self.workload.jobs + 1))
        fits = int(np.searchsorted(ends, SMOKE_TASKS, side="right"))
        if fits:
            return self._rows(np.arange(fits), f"0+{fits}")
        smallest = int(np.argmin(np.diff(ends, prepend=0)))
        return self._rows(np.array([smallest]), f"{smallest}+1")

    def _dealt(self, cluster: Cluster, split: str, rng: np.random.Generator) -> Workload:
        """Draw jobs with repeats from the split's share of the library, Poisson arrivals."""
        jobs = self.workload.jobs
        low, high = PARTS.get(split, (0.0, 1.0))
        mine = np.arange(round(low * jobs), round(high * jobs))
        # Too few jobs to deal out: every split draws from all, only arrivals and noise differ.
        rows = rng.choice(mine if jobs >= 2 * len(PARTS) else np.arange(jobs), self.windows.jobs)
        taken = take_jobs(self.workload, rows, np.zeros(len(rows), np.int64))
        gaps = rng.exponential(1.0, len(rows))
        span = offered_seconds(taken, cluster) / (self.windows.load or LIBRARY_LOAD)
        at = np.cumsum(gaps)
        at = (at - at[0]) * (span / float(at[-1]))
        return released_at(taken, np.rint(at * 1000).astype(np.int64) * 1000)


def _plan(workload: Workload, split: str, asked: int, wanted: int) -> Part:
    low, high = PARTS.get(split, (0.0, 1.0))
    first, stop = round(low * workload.jobs), round(high * workload.jobs)
    jobs, count = stop - first, max(asked, 1)
    if jobs // count < min(COMFORTABLE, wanted):
        count = max(min(count, FEWEST), jobs // min(COMFORTABLE, wanted))
    size = min(jobs // count, wanted)
    if size < min(SMALLEST, wanted):
        share = high - low
        raise InputError(
            f"workload {workload.name!r}: the {split} split is {share:.0%} of the file and needs "
            f"{count} windows of at least {SMALLEST} jobs, got {jobs} jobs; use a file of at least "
            f"{int(count * SMALLEST / share) + 1} jobs or lower splits.{split}"
        )
    return Part(first, jobs, count, size)


def _to_load(workload: Workload, cluster: Cluster, load: float) -> Workload:
    """Stretch arrivals so that work offered over the window's span is ``load``."""
    last = int(workload.release[-1])
    if last == 0:
        return workload
    jobs = workload.jobs
    span = offered_seconds(workload, cluster) / load * (jobs - 1) / jobs
    factor = span * 1e6 / last
    release = np.rint(workload.release * factor / 1000).astype(np.int64) * 1000
    meta = (*workload.meta, ("arrivals", f"gaps times {factor:.6g} for an offered load of {load}"))
    return replace(released_at(workload, release), meta=meta)
