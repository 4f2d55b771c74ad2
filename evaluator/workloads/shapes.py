"""Shapes of scientific workflows: who waits for whom, and how long each kind of task runs.

Source: structures, mean run times, their coefficients of variation and mean output sizes are
those of the WfCommons instances (wfcommons/WfInstances at f085867, Chameleon runs; Coleman et
al., "WfCommons: A framework for enabling scientific workflow research", FGCS 128, 2022), by kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from evaluator.cluster.model import Floats, Ints


@dataclass(frozen=True, slots=True)
class Kind:
    """What is typical of the tasks of one program."""

    seconds: float
    cv: float
    megabytes: float
    """Output of one task; shared out among its successors when ``split``."""
    split: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "mProject": Kind(162.98, 1.61, 32.8),
    "mDiffFit": Kind(0.42, 3.71, 0.001),
    "mConcatFit": Kind(0.66, 1.02, 0.021),
    "mBgModel": Kind(4.63, 1.19, 0.001),
    "mBackground": Kind(7.23, 2.13, 32.2),
    "mImgtbl": Kind(0.23, 0.96, 0.012),
    "mAdd": Kind(1.59, 1.71, 100.5),
    "mViewer": Kind(3.77, 1.71, 4.6),
    "fastqSplit": Kind(96.56, 1.86, 360.7, split=True),
    "filterContams": Kind(15.12, 0.63, 8.63),
    "sol2sanger": Kind(9.61, 0.66, 6.46),
    "fast2bfq": Kind(2.18, 0.76, 1.58),
    "map": Kind(50.38, 0.35, 0.676),
    "mapMerge": Kind(7.56, 0.86, 38.4),
    "chr21": Kind(24.55, 0.92, 91.3),
    "pileup": Kind(29.57, 0.51, 32.5),
    "split_fasta": Kind(1.33, 0.93, 0.087, split=True),
    "blastall": Kind(406.41, 1.44, 0.002),
    "cat_blast": Kind(6.94, 0.97, 0.245),
    "cat": Kind(0.01, 0.31, 0.001),
    "sG1IterDecon": Kind(0.56, 0.99, 0.006),
    "siftSTFByMisfit": Kind(0.32, 1.04, 0.366),
    "individuals": Kind(65.1, 0.30, 0.028),
    "sifting": Kind(4.39, 0.94, 0.938),
    "mutation_overlap": Kind(10.27, 1.18, 0.148),
    "frequency": Kind(123.81, 0.21, 0.266),
    "layer": Kind(60.0, 1.0, 10.0),
}
"""Mean seconds, their cv, mean MB of output; ``layer`` is the task of random layered graphs."""


@dataclass(slots=True)
class Shape:
    """A workflow under construction: kinds of tasks in topological order, and edges."""

    kinds: list[str] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    def add(self, kind: str, *parents: int) -> int:
        """Append a task after its parents; return its row."""
        row = len(self.kinds)
        self.kinds.append(kind)
        self.before.extend(parents)
        self.after.extend([row] * len(parents))
        return row


def montage(n: int, rng: np.random.Generator) -> Shape:
    """Mosaic: projections, differences of neighbours, one model, corrections, one mosaic."""
    shape, width = Shape(), max(2, (n - 2) // 4)
    projected = [shape.add("mProject") for _ in range(width)]
    pairs = [(i, i + k) for i in range(width) for k in (1, 2) if i + k < width]
    fits = [shape.add("mDiffFit", projected[a], projected[b]) for a, b in pairs]
    model = shape.add("mBgModel", shape.add("mConcatFit", *fits))
    flat = [shape.add("mBackground", model, image) for image in projected]
    table = shape.add("mImgtbl", *flat)
    shape.add("mViewer", shape.add("mAdd", *flat, table))
    return shape


def epigenomics(n: int, rng: np.random.Generator) -> Shape:
    """Sequencing: lanes are split into chains of four, merged by lane, then together."""
    shape = Shape()
    lanes = 1 if n < 60 else 2
    chains = max(1, (n - 3 - 2 * lanes) // (4 * lanes))
    merged = []
    for _ in range(lanes):
        split = shape.add("fastqSplit")
        mapped = []
        for _ in range(chains):
            row = split
            for kind in ("filterContams", "sol2sanger", "fast2bfq", "map"):
                row = shape.add(kind, row)
            mapped.append(row)
        merged.append(shape.add("mapMerge", *mapped))
    shape.add("pileup", shape.add("chr21", shape.add("mapMerge", *merged)))
    return shape


def blast(n: int, rng: np.random.Generator) -> Shape:
    """Search: one split, many searches, two ends."""
    shape = Shape()
    split = shape.add("split_fasta")
    found = [shape.add("blastall", split) for _ in range(max(1, n - 3))]
    shape.add("cat_blast", *found)
    shape.add("cat", *found)
    return shape


def seismology(n: int, rng: np.random.Generator) -> Shape:
    """Deconvolutions side by side, one judgement of all."""
    shape = Shape()
    shape.add("siftSTFByMisfit", *[shape.add("sG1IterDecon") for _ in range(max(1, n - 1))])
    return shape


def genome(n: int, rng: np.random.Generator) -> Shape:
    """1000Genome: per chromosome a merge and a sifting feed analyses of every population."""
    shape = Shape()
    chromosomes = max(1, n // 40)
    populations = 4
    each = max(1, n // chromosomes - 2 - 2 * populations)
    for _ in range(chromosomes):
        parts = [shape.add("individuals") for _ in range(each)]
        merged = shape.add("individuals", *parts)
        sifted = shape.add("sifting")
        for _ in range(populations):
            shape.add("mutation_overlap", merged, sifted)
            shape.add("frequency", merged, sifted)
    return shape


def layered(n: int, rng: np.random.Generator) -> Shape:
    """Random layers, about as many as each is wide; one to three parents in the layer before."""
    shape = Shape()
    layers = max(2, round(math.sqrt(n)))
    sizes = np.bincount(rng.integers(0, layers, max(0, n - layers)), minlength=layers) + 1
    above: list[int] = []
    for size in sizes.tolist():
        layer = []
        for _ in range(size):
            count = min(int(rng.integers(1, 4)), len(above))
            parents = sorted(rng.choice(len(above), count, replace=False).tolist()) if above else []
            layer.append(shape.add("layer", *[above[p] for p in parents]))
        above = layer
    return shape


SHAPES: Final[Mapping[str, Callable[[int, np.random.Generator], Shape]]] = {
    "montage": montage,
    "epigenomics": epigenomics,
    "blast": blast,
    "seismology": seismology,
    "genome": genome,
    "layered": layered,
}
"""Builders by name: at most n tasks (at least the smallest the shape has), in topological order."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A shape with run times and data."""

    seconds: Floats
    before: Ints
    after: Ints
    megabytes: Floats
    """On each edge."""


def fill(shape: Shape, rng: np.random.Generator) -> Filled:
    """Draw lognormal run times and output sizes (cv 0.5) by kind."""
    kinds = [KINDS[name] for name in shape.kinds]
    n = len(kinds)
    mean = np.array([kind.seconds for kind in kinds])
    variance = np.log1p(np.array([kind.cv for kind in kinds]) ** 2)
    seconds = mean * rng.lognormal(-variance / 2, np.sqrt(variance))
    spread = math.log1p(0.25)
    output = np.array([k.megabytes for k in kinds]) * rng.lognormal(-spread / 2, spread**0.5, n)
    before = np.array(shape.before, dtype=np.int64)
    children = np.bincount(before, minlength=n)
    split = np.array([kind.split for kind in kinds])
    share = np.where(split, 1 / np.maximum(children, 1), 1.0)
    return Filled(seconds, before, np.array(shape.after, dtype=np.int64), (output * share)[before])
