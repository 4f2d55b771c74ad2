"""Gavel's simulator and ours agree on the authors' own jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.published_gavel import compare


@pytest.mark.parametrize(
    ("policy", "apart"),
    # which of two equal jobs goes first differs
    [("fifo", 0.03), ("max_min_fairness_perf", 0.05)],
)
def test_mean_completion_time_is_that_of_gavels_simulator(
    shared_data: Path, policy: str, apart: float
) -> None:
    if not (shared_data / "gavel").is_dir():
        pytest.skip("no Gavel data beside the checkout")
    found = compare(shared_data / "gavel", policy, 1200, slice(200, 600))
    assert abs(found.ratio - 1) < apart, found
