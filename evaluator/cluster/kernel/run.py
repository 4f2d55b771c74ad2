"""The loop over instants: completions, arrivals, then one pass, as far as the clock allows."""

from __future__ import annotations

from evaluator.cluster.kernel.allocate import (
    pass_allocating_by_key,
    pass_allocating_by_score,
)
from evaluator.cluster.kernel.asking import Block
from evaluator.cluster.kernel.binding import arrived, pass_binding
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.greedy import pass_by_key, pass_by_score
from evaluator.cluster.kernel.moves import finish, make_ready
from evaluator.cluster.kernel.ordered import pass_in_order
from evaluator.cluster.kernel.planning import pass_replanning
from evaluator.cluster.kernel.queues import next_event
from evaluator.cluster.kernel.spans import NEVER
from evaluator.cluster.kernel.state import MOVING, WAITING, Kernel


@core
def next_instant(k: Kernel) -> int:
    """When something happens next by itself: an end, an arrival, a due pass; NEVER if nothing."""
    at = int(k.wake)
    if k.heap_len > 0:
        at = min(at, k.heap_end[0])
    if k.next_task < len(k.job):
        at = min(at, k.release[k.job[k.next_task]])
    if k.pass_due == 1:
        at = min(at, pass_time(k))
    return at


@core
def pass_time(k: Kernel) -> int:
    """When a due pass is held: now, or at the next round."""
    if k.round == 0:
        return k.now
    return (k.now + k.round - 1) // k.round * k.round


@core
def _happen(k: Kernel) -> None:
    """Let everything of this instant happen: completions, inputs, arrivals."""
    while k.heap_len > 0 and k.heap_end[0] == k.now:
        task = next_event(k)
        if k.status[task] == MOVING:
            arrived(k, task)
        else:
            finish(k, task)
        k.pass_due = 1
    if k.wake == k.now:
        k.wake = NEVER
        k.pass_due = 1
    while k.next_task < len(k.job) and k.release[k.job[k.next_task]] == k.now:
        task = k.next_task
        if k.planning == 1:
            k.right[k.queue_len] = task
            k.queue_len += 1
        if k.status[task] == WAITING and k.row[task] == 0:
            make_ready(k, task)
        k.next_task += 1
        k.pass_due = 1


@core
def advance(k: Kernel, limit: int) -> bool:
    """Go on to the next pass before ``limit``; True if a pass is due at ``now``."""
    while True:
        at = next_instant(k)
        if at >= limit:
            return False
        k.now = at
        _happen(k)
        if k.done == len(k.job):
            return False
        if k.pass_due == 1 and pass_time(k) == k.now:
            return True


@core
def end_pass(k: Kernel) -> None:
    """Close a pass; preemptive rounds go on while tasks are active."""
    k.epochs += 1
    k.pass_due = 0
    k.finished_len = 0
    if k.preemptive == 1 and k.round > 0:
        waiting = k.queue_len + k.fresh_len
        if k.running_len + waiting > 0:
            k.pass_due = 1
            k.now += 1
        k.idle_passes = k.idle_passes + 1 if k.running_len == 0 and waiting > 0 else 0


@core
def run_by_key(k: Kernel, limit: int, passes: int, key: Block, prefer: Block, custom: bool) -> bool:
    """Greedy by static key; False after a failure."""
    while k.epochs < passes and advance(k, limit):
        if not pass_by_key(k, key, prefer, custom):
            return False
        end_pass(k)
    return True


@core
def run_by_score(k: Kernel, limit: int, passes: int, score: Block) -> bool:
    """Greedy by score; False after a failure."""
    while k.epochs < passes and advance(k, limit):
        if not pass_by_score(k, score):
            return False
        end_pass(k)
    return True


@core
def run_in_order(
    k: Kernel, limit: int, passes: int, key: Block, prefer: Block, custom: bool, dynamic: bool,
    discipline: int,
) -> bool:  # fmt: skip
    """Ordered disciplines; False after a failure."""
    while k.epochs < passes and advance(k, limit):
        if not pass_in_order(k, key, prefer, custom, dynamic, discipline):
            return False
        end_pass(k)
    return True


@core
def run_binding(
    k: Kernel, limit: int, passes: int, key: Block, score: Block, keyed: bool, batch: int
) -> bool:
    """Bind at readiness; False after a failure."""
    while k.epochs < passes and advance(k, limit):
        if not pass_binding(k, key, score, keyed, batch):
            return False
        end_pass(k)
    return True


@core
def run_allocating_by_key(
    k: Kernel, limit: int, passes: int, key: Block, prefer: Block, custom: bool
) -> bool:
    """Preemptive by key; False after a failure."""
    while k.epochs < passes and k.idle_passes < 1000 and advance(k, limit):
        if not pass_allocating_by_key(k, key, prefer, custom):
            return False
        end_pass(k)
    return True


@core
def run_allocating_by_score(k: Kernel, limit: int, passes: int, score: Block) -> bool:
    """Preemptive by score; False after a failure."""
    while k.epochs < passes and k.idle_passes < 1000 and advance(k, limit):
        if not pass_allocating_by_score(k, score):
            return False
        end_pass(k)
    return True


@core
def run_replanning(k: Kernel, limit: int, passes: int) -> bool:
    """HEFT planned anew at every pass."""
    while k.epochs < passes and advance(k, limit):
        pass_replanning(k)
        end_pass(k)
    return True
