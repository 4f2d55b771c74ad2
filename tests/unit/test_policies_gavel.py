"""Gavel's allocation on cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.policies import AllocationView
from evaluator.policies.gavel import max_min_las, max_min_shares


def view(**changes: object) -> AllocationView:
    base: dict[str, object] = dict(
        now=100, tasks=np.array([0, 1], np.int32), rates=np.ones((2, 1)),
        gang=np.ones(2, np.int32), devices=np.ones(2), weight=np.ones(2),
        capacity_devices=np.array([1.0]), service_by_type=np.zeros((2, 1), np.int64),
        active_since=np.zeros(2, np.int64), changed=True, memo={},
    )  # fmt: skip
    return AllocationView(**{**base, **changes})  # type: ignore[arg-type]


def shares(rates: list[list[float]], capacity: list[float], **changes: object) -> np.ndarray:
    n = len(rates)
    given: dict[str, object] = dict(
        gang=np.ones(n, np.int32), devices=np.ones(n), weight=np.ones(n)
    )
    given.update(changes)
    return max_min_shares(np.array(rates), capacity=np.array(capacity), **given)  # type: ignore[arg-type]


def test_two_equal_jobs_share_one_device() -> None:
    assert shares([[1.0], [1.0]], [1.0]) == pytest.approx(np.array([[0.5], [0.5]]))


def test_each_job_gets_the_type_it_gains_most_from() -> None:
    """Job 0 is 4x faster on type 0, job 1 on type 1: apart, each has 4 / 2.5 of an even split."""
    found = shares([[4.0, 1.0], [1.0, 4.0]], [1.0, 1.0])
    assert found == pytest.approx(np.eye(2))


def test_weight_scales_the_share() -> None:
    """Equal jobs of weight 3 and 1 on one device: 3/4 and 1/4."""
    found = shares([[1.0], [1.0]], [1.0], weight=np.array([3.0, 1.0]))
    assert found.ravel() == pytest.approx([0.75, 0.25])


def test_gangs_count_all_their_devices() -> None:
    """A gang of 2 and a single job on 2 devices: 2 a + b <= 2 with 2 a = b gives a = 1/2, b = 1."""
    found = shares([[1.0], [1.0]], [2.0], gang=np.array([2, 1], np.int32))
    assert found.ravel() == pytest.approx([0.5, 1.0])


def test_a_job_that_runs_nowhere_does_not_starve_the_rest() -> None:
    found = shares([[0.0], [1.0]], [1.0])
    assert found.ravel() == pytest.approx([0.0, 1.0])


def test_no_tasks_and_no_devices_give_empty_shares() -> None:
    assert shares([[1.0]], [0.0]).tolist() == [[0.0]]
    assert max_min_shares(
        np.zeros((0, 2)), np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.ones(2)
    ).shape == (0, 2)


def test_who_received_less_than_owed_goes_first() -> None:
    """Both are owed half; task 0 ran 80 of 100, task 1 ran 20: 0.625 against 2.5."""
    priority = max_min_las(view(service_by_type=np.array([[80], [20]])))
    assert priority.ravel() == pytest.approx([0.625, 2.5])


def test_nothing_received_yet_goes_first_of_all() -> None:
    priority = max_min_las(view(service_by_type=np.array([[0], [20]])))
    assert priority[0, 0] > priority[1, 0]


def test_types_that_cannot_run_the_task_are_declined() -> None:
    priority = max_min_las(
        view(
            rates=np.array([[1.0, 0.0], [1.0, 1.0]]), capacity_devices=np.ones(2),
            service_by_type=np.zeros((2, 2), np.int64),
        )
    )  # fmt: skip
    assert priority[0, 1] == -np.inf
    assert np.isfinite(priority[1]).all()


def test_shares_are_computed_anew_only_when_the_active_set_changes() -> None:
    memo: dict[str, object] = {}
    max_min_las(view(memo=memo))
    kept = memo["shares"]
    max_min_las(view(memo=memo, changed=False, now=200))
    assert memo["shares"] is kept
    max_min_las(view(memo=memo, changed=True))
    assert memo["shares"] is not kept
    max_min_las(view(memo=memo, changed=False, tasks=np.array([0, 5], np.int32)))
    assert memo["shares"] is not kept
