"""The rules of the world, checked over the rows of a trace: compiled passes of the replay."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from evaluator.cluster.model import Floats, Ints, Ints32

Bytes = NDArray[np.int8]

KINDS = (
    "gang", "type", "requires", "throughput", "release", "precedence", "overlap", "twice",
    "duration", "outcome", "preemption", "round", "stopped", "unfinished", "capacity", "away",
    "failure", "deadline",
)  # fmt: skip
"""Names of the codes below, in order."""
(
    GANG, TYPE, REQUIRES, THROUGHPUT, RELEASE, PRECEDENCE, OVERLAP, TWICE,
    DURATION, OUTCOME, PREEMPTION, ROUND, STOPPED, UNFINISHED, CAPACITY, AWAY,
    FAILURE, DEADLINE,
) = range(len(KINDS))  # fmt: skip

FOUND = 64
"""Violations kept by pass; all are counted."""


@njit(cache=True)
def note(found: Ints, kind: int, row: int, task: int, a: int, b: int) -> None:
    """Add a violation to ``found``, whose first line counts them."""
    count = found[0, 0]
    found[0, 0] = count + 1
    if count + 1 < len(found):
        found[count + 1, 0] = kind
        found[count + 1, 1] = row
        found[count + 1, 2] = task
        found[count + 1, 3] = a
        found[count + 1, 4] = b


@njit(cache=True)
def follow(
    task: Ints32, node: Ints32, start: Ints, end: Ints, outcome: Bytes,
    spread_ptr: Ints, spread_node: Ints32, spread_count: Ints32,
    job: Ints32, release: Ints, gang: Ints32, work: Ints, estimate: Ints, profile: Ints32,
    requires: Ints, ptr: Ints, source: Ints32, size: Ints,
    node_type: Ints32, node_speed: Floats, node_labels: Ints, throughput: Floats,
    rack: Ints32, zone: Ints32, region: Ints32, own_band: Floats, tier_band: Floats,
    tier_wait: Ints,
    restart: Ints, start_cost: int, restart_cost: int, preemptive: bool, period: int,
    checkpoint: int, kill: bool,
    done_at: Ints, first: Ints, wasted: Ints, found: Ints,
) -> None:  # fmt: skip
    """Walk the rows in order, each task by its own history; times are recomputed exactly.

    Writes by task ``done_at`` (end of its finishing row, -1 before) and ``first`` (start of its
    first row, -1 before); ``wasted`` gets overhead and lost work, as two 32-bit halves.
    """
    attained = np.zeros(len(work), np.int64)
    until = np.full(len(work), -1, np.int64)
    done_on = np.zeros(len(work), np.int32)
    spreads, edges = len(spread_node) > 0, len(source) > 0
    for row in range(len(task)):
        i, here, s, e, ended = task[row], node[row], start[row], end[row], outcome[row]
        rate = throughput[profile[i], node_type[here]] * node_speed[here]
        labels = node_labels[here]
        if spreads and spread_ptr[row] < spread_ptr[row + 1]:
            members, heads = 0, 0
            for at in range(spread_ptr[row], spread_ptr[row + 1]):
                other = spread_node[at]
                members += spread_count[at]
                heads += other == here
                if spread_count[at] < 1:
                    note(found, GANG, row, i, spread_count[at], other)
                for twin in range(spread_ptr[row], at):
                    if spread_node[twin] == other:
                        note(found, GANG, row, i, -1, other)
                if node_type[other] != node_type[here]:
                    note(found, TYPE, row, i, other, here)
                labels &= node_labels[other]
                rate = min(rate, throughput[profile[i], node_type[other]] * node_speed[other])
            if members != gang[i]:
                note(found, GANG, row, i, members, gang[i])
            if heads != 1:
                note(found, GANG, row, i, -2, here)
        if requires[i] & labels != requires[i]:
            note(found, REQUIRES, row, i, here, 0)
        able = rate > 0.0
        if not able:
            note(found, THROUGHPUT, row, i, here, 0)
            rate = 1.0
        if period > 0 and s % period != 0:
            note(found, ROUND, row, i, s, period)
        if s < release[job[i]]:
            note(found, RELEASE, row, i, s, release[job[i]])

        arrived = np.int64(0)
        if edges:
            for edge in range(ptr[i], ptr[i + 1]):
                before = source[edge]
                at = done_at[before]
                if at < 0 or at > s:
                    note(found, PRECEDENCE, row, i, before, at)
                    continue
                there = done_on[before]
                if there != here:
                    if rack[there] == rack[here]:
                        tier = 1
                    elif zone[there] == zone[here]:
                        tier = 2
                    elif region[there] == region[here]:
                        tier = 3
                    else:
                        tier = 4
                    band = min(tier_band[tier], min(own_band[there], own_band[here]))
                    at += tier_wait[tier] + np.int64(np.ceil(size[edge] / band * 1e6))
                arrived = max(arrived, at)

        overhead = start_cost
        if first[i] < 0:
            first[i] = s
        else:
            overhead = restart[profile[i]] if restart[profile[i]] >= 0 else restart_cost
            if done_at[i] >= 0:
                note(found, TWICE, row, i, done_at[i], 0)
            elif until[i] > s:
                note(found, OVERLAP, row, i, s, until[i])
        until[i] = max(until[i], e)

        left = work[i] - attained[i]
        allowed = max(np.int64(1), estimate[i] - attained[i]) if kill else left
        killed = allowed < left
        begin = max(s, arrived) + overhead
        due = begin + max(np.int64(1), np.int64(np.ceil(min(left, allowed) / rate)))
        held = max(np.int64(0), min(overhead, e - s))
        wasted[0] += held >> 32
        wasted[1] += held & 0xFFFFFFFF
        if ended == 0 or ended == 3:
            if able and e != due:
                note(found, DURATION, row, i, e, due)
            if (ended == 3) != killed:
                note(found, OUTCOME, row, i, ended, allowed)
            if done_at[i] < 0:
                done_at[i] = e
                done_on[i] = here
            continue
        if e > due or (ended == 1 and e == due) or e < s:
            note(found, STOPPED, row, i, e, due)
        done = np.int64(0)
        if e > begin:
            done = min(left - 1, np.int64(np.floor((e - begin) * rate)))
        if ended == 1:
            if not preemptive:
                note(found, PREEMPTION, row, i, e, 0)
            if period > 0 and e % period != 0:
                note(found, ROUND, row, i, e, period)
            attained[i] += done
        elif checkpoint > 0:
            whole = attained[i] + done
            kept = max(attained[i], whole - whole % checkpoint)
            lost = whole - kept
            wasted[0] += lost >> 32
            wasted[1] += lost & 0xFFFFFFFF
            attained[i] = kept
        else:
            wasted[0] += done >> 32
            wasted[1] += done & 0xFFFFFFFF


@njit(cache=True)
def order_of(keys: Ints) -> Ints32:
    """Stable order of non-negative keys: radix sort by 11 bits a pass."""
    n = len(keys)
    here, there = np.arange(n, dtype=np.int32), np.empty(n, np.int32)
    now, then = keys.copy(), np.empty(n, np.int64)
    top = np.int64(0)
    for key in keys:
        top |= key
    shift = 0
    while top >> shift:
        count = np.zeros(2049, np.int64)
        for i in range(n):
            count[((now[i] >> shift) & 2047) + 1] += 1
        for digit in range(2047):
            count[digit + 1] += count[digit]
        for i in range(n):
            digit = (now[i] >> shift) & 2047
            at = count[digit]
            count[digit] = at + 1
            then[at] = now[i]
            there[at] = here[i]
        now, then = then, now
        here, there = there, here
        shift += 11
    return here


@njit(cache=True)
def sweep(
    task: Ints32, node: Ints32, start: Ints, end: Ints, by_start: Ints32, by_end: Ints32,
    spread_ptr: Ints, spread_node: Ints32, spread_count: Ints32,
    gang: Ints32, demand: Ints, capacity: Ints, found: Ints,
) -> None:  # fmt: skip
    """Hold every row against the capacity of its nodes; at one instant ends come before starts.

    ``by_start`` may be empty: rows are in order of start.
    """
    free = capacity.copy()
    spreads = len(spread_node) > 0
    ended = 0
    for k in range(len(task)):
        row = int(by_start[k]) if len(by_start) else k
        if end[row] <= start[row]:
            continue
        while end[by_end[ended]] <= start[row]:
            gone = by_end[ended]
            ended += 1
            if end[gone] <= start[gone]:
                continue
            i = task[gone]
            if spreads and spread_ptr[gone] < spread_ptr[gone + 1]:
                for at in range(spread_ptr[gone], spread_ptr[gone + 1]):
                    for r in range(3):
                        free[spread_node[at], r] += spread_count[at] * demand[i, r]
            else:
                for r in range(3):
                    free[node[gone], r] += gang[i] * demand[i, r]
        i = task[row]
        if spreads and spread_ptr[row] < spread_ptr[row + 1]:
            for at in range(spread_ptr[row], spread_ptr[row + 1]):
                here = spread_node[at]
                for r in range(3):
                    free[here, r] -= spread_count[at] * demand[i, r]
                    if free[here, r] < 0 and demand[i, r] > 0:
                        note(found, CAPACITY, row, i, here, r)
        else:
            one = node[row]
            for r in range(3):
                free[one, r] -= gang[i] * demand[i, r]
                if free[one, r] < 0 and demand[i, r] > 0:
                    note(found, CAPACITY, row, i, one, r)


@njit(cache=True)
def presence(
    task: Ints32, node: Ints32, start: Ints, end: Ints, outcome: Bytes,
    spread_ptr: Ints, spread_node: Ints32, down_ptr: Ints, down: Ints, up: Ints, found: Ints,
) -> None:  # fmt: skip
    """Nothing runs where its node is away, and only what its node left behind has failed.

    Absences of node n are ``[down[i], up[i])`` for i in ``down_ptr[n]:down_ptr[n + 1]``, ascending.
    """
    for row in range(len(task)):
        low, high = spread_ptr[row], spread_ptr[row + 1]
        lost_a_node = False
        for at in range(low, max(high, low + 1)):
            here = spread_node[at] if high > low else node[row]
            first, last = down_ptr[here], down_ptr[here + 1]
            if first == last:
                continue
            # the first absence that is not over at the start of the row
            k = first + np.searchsorted(up[first:last], start[row], side="right")
            if k == last:
                continue
            if down[k] == end[row] and down[k] > start[row]:
                lost_a_node = True
                if outcome[row] != 2:
                    note(found, AWAY, row, task[row], here, down[k])
            elif down[k] < end[row] or down[k] <= start[row]:
                note(found, AWAY, row, task[row], here, down[k])
        if outcome[row] == 2 and not lost_a_node:
            note(found, FAILURE, row, task[row], end[row], 0)
