"""The trusted score and the replay's are two programs that agree to the last bit."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tracemaker import random_instance, random_trace

from evaluator.metrics import measure
from evaluator.replay import differences, replay
from evaluator.replay_scores import _exact_sum
from evaluator.segments import placements


@given(st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_valid_traces_replay_without_violation_and_to_the_same_bits(seed: int) -> None:
    instance = random_instance(seed)
    trace = random_trace(instance, seed)
    assume(trace is not None)
    assert trace is not None
    found = replay(instance, trace)
    assert found.violations == ()
    assert differences(measure(instance, trace), found.metrics) == []


@given(st.integers(0, 2**40))
@settings(max_examples=25, deadline=None)
def test_sums_equal_exact_fractions(seed: int) -> None:
    """Flow times, utilisation and wait, once more in rational numbers."""
    instance = random_instance(seed, plain=True)
    trace = random_trace(instance, seed)
    assume(trace is not None)
    assert trace is not None
    w, resource = instance.workload, 2 if np.any(instance.cluster.capacity[:, 2]) else 0
    order = np.argsort(trace.task)
    ends, starts = trace.end[order].tolist(), trace.start[order].tolist()
    release = w.release.tolist()
    where = placements(instance, trace)
    busy = sum(
        int(count)
        * int(w.demand[trace.task[row], resource])
        * int(trace.end[row] - trace.start[row])
        for row, count in zip(where.row, where.count, strict=True)
    )
    capacity = int(instance.cluster.capacity[:, resource].sum())
    metrics = measure(instance, trace)
    jobs = len(release)
    flow = sum(e - r for e, r in zip(ends, release, strict=True))
    wait = sum(s - r for s, r in zip(starts, release, strict=True))
    assert metrics["mean_jct"] == float(Fraction(flow, jobs * 10**6))
    assert metrics["mean_wait"] == float(Fraction(wait, jobs * 10**6))
    span = max(ends) - release[0]
    assert metrics["utilisation"] == (float(Fraction(busy, capacity * span)) if capacity else 0.0)


@given(st.lists(st.floats(-1e300, 1e300, allow_nan=False), max_size=60))
def test_the_replay_sums_floats_as_fsum_does(values: list[float]) -> None:
    assert _exact_sum(np.array(values, dtype=np.float64)) == math.fsum(values)
