"""Where a gang fits: nodes that can host it, how it is laid out, the room it takes and gives."""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.state import BLOCK, Kernel


@core
def _admits(
    free: np.ndarray, up: np.ndarray, node_type: np.ndarray, labels: np.ndarray, node: int,
    d0: int, d1: int, d2: int, types: int, requires: int,
) -> bool:  # fmt: skip
    return (
        free[node, 0] >= d0
        and free[node, 1] >= d1
        and free[node, 2] >= d2
        and up[node] == 1
        and (types >> node_type[node]) & 1 == 1
        and labels[node] & requires == requires
    )


@core
def hosts(k: Kernel, shape: int, node: int) -> bool:
    """Whether one member of the shape fits on the node now."""
    demand = k.shape_demand
    return _admits(
        k.free, k.up, k.node_type, k.node_labels, node, demand[shape, 0], demand[shape, 1],
        demand[shape, 2], k.shape_types[shape], k.shape_requires[shape],
    )  # fmt: skip


@core
def fitting_nodes(k: Kernel, shape: int, found: np.ndarray) -> int:
    """List the nodes on which the shape fits now, by row; return how many there are."""
    # columns are bound to locals: every read of a field of the state counts a reference
    free, up, node_type, labels, tops = k.free, k.up, k.node_type, k.node_labels, k.block_max
    demand = k.shape_demand
    d0, d1, d2 = demand[shape, 0], demand[shape, 1], demand[shape, 2]
    types, requires = k.shape_types[shape], k.shape_requires[shape]
    nodes = len(up)
    count = 0
    for block in range(len(tops)):
        if tops[block, 0] >= d0 and tops[block, 1] >= d1 and tops[block, 2] >= d2:
            for node in range(block * BLOCK, min(nodes, (block + 1) * BLOCK)):
                # without a branch, which would be mispredicted every other node
                found[count] = node
                count += int(
                    (free[node, 0] >= d0)
                    & (free[node, 1] >= d1)
                    & (free[node, 2] >= d2)
                    & (up[node] == 1)
                    & ((types >> node_type[node]) & 1 == 1)
                    & (labels[node] & requires == requires)
                )
    gang = k.shape_gang[shape]
    if gang == 1 or count == 0:
        return count
    kept, kind, enough = 0, -1, False
    for i in range(count):
        if node_type[found[i]] != kind:
            kind = node_type[found[i]]
            enough = type_room(k, free, shape, kind) >= gang
        if enough:
            found[kept] = found[i]
            kept += 1
    return kept


@core
def members_on(k: Kernel, free: np.ndarray, shape: int, node: int) -> int:
    """How many members of the gang fit on the node, given free amounts; at most the gang."""
    if k.up[node] == 0 or (k.shape_types[shape] >> k.node_type[node]) & 1 == 0:
        return 0
    if k.node_labels[node] & k.shape_requires[shape] != k.shape_requires[shape]:
        return 0
    members = k.shape_gang[shape]
    for r in range(3):
        demand = k.shape_demand[shape, r]
        if demand > 0:
            members = min(members, free[node, r] // demand)
    return members


@core
def type_room(k: Kernel, free: np.ndarray, shape: int, kind: int) -> int:
    """Members of the gang that fit on nodes of one type; at most the gang."""
    room = 0
    gang = k.shape_gang[shape]
    for node in range(k.type_ptr[kind], k.type_ptr[kind + 1]):
        room += members_on(k, free, shape, node)
        if room >= gang:
            return gang
    return room


@core
def fits(k: Kernel, shape: int, node: int) -> bool:
    """Whether the whole gang fits now with at least one member on this node."""
    if not hosts(k, shape, node):
        return False
    gang = k.shape_gang[shape]
    return gang == 1 or type_room(k, k.free, shape, k.node_type[node]) >= gang


@core
def first_host(k: Kernel, shape: int, low: int, high: int) -> int:
    """Return the first node of rows [low, high) that hosts one member, or -1."""
    free, up, node_type, labels, tops = k.free, k.up, k.node_type, k.node_labels, k.block_max
    demand = k.shape_demand
    d0, d1, d2 = demand[shape, 0], demand[shape, 1], demand[shape, 2]
    types, requires = k.shape_types[shape], k.shape_requires[shape]
    node = low
    while node < high:
        block = node // BLOCK
        end = min(high, (block + 1) * BLOCK)
        if tops[block, 0] >= d0 and tops[block, 1] >= d1 and tops[block, 2] >= d2:
            while node < end:
                if _admits(free, up, node_type, labels, node, d0, d1, d2, types, requires):
                    return node
                node += 1
        node = end
    return -1


@core
def fill(k: Kernel, free: np.ndarray, shape: int, node: int) -> None:
    """Lay a gang out from a node on, over its type's nodes, around; into ``used``.

    The caller has checked that it fits. ``used`` holds the nodes, ``used_count`` the members.
    """
    k.used_len = 0
    gang = k.shape_gang[shape]
    if gang == 1:
        k.used[0] = node
        k.used_count[0] = 1
        k.used_len = 1
        return
    low = k.type_ptr[k.node_type[node]]
    size = k.type_ptr[k.node_type[node] + 1] - low
    left = gang
    for step in range(size):
        other = low + (node - low + step) % size
        members = min(left, members_on(k, free, shape, other))
        if members > 0:
            k.used[k.used_len] = other
            k.used_count[k.used_len] = members
            k.used_len += 1
            left -= members
            if left == 0:
                return


@core
def share_of(k: Kernel, shape: int, node: int) -> int:
    """Greatest share of a node resource that one member takes, in thousandths."""
    share = 0
    for r in range(3):
        capacity, demand = k.capacity[node, r], k.shape_demand[shape, r]
        if capacity > 0 and demand > 0:
            share = max(share, (1000 * demand + capacity - 1) // capacity)
    return share


@core
def refresh_block(k: Kernel, node: int) -> None:
    """Sum up the block of a node that has less room, or other room, than before."""
    block = node // BLOCK
    free, tops = k.free, k.block_max
    a, b, c = -1, -1, -1
    for other in range(block * BLOCK, min((block + 1) * BLOCK, len(free))):
        a = max(a, free[other, 0])
        b = max(b, free[other, 1])
        c = max(c, free[other, 2])
    tops[block, 0], tops[block, 1], tops[block, 2] = a, b, c


@core
def take(k: Kernel, shape: int, node: int, members: int) -> None:
    """Occupy room for some members on a node."""
    free, demand, tops, block = k.free, k.shape_demand, k.block_max, node // BLOCK
    greatest = False
    for r in range(3):
        taken = members * demand[shape, r]
        greatest |= taken > 0 and free[node, r] == tops[block, r]
        free[node, r] -= taken
    if greatest:
        refresh_block(k, node)


@core
def mark_dirty(k: Kernel, node: int) -> None:
    """Note that a node has more room than at the last pass."""
    if k.is_dirty[node] == 0:
        k.is_dirty[node] = 1
        k.dirty[k.dirty_len] = node
        k.dirty_len += 1
    if k.blocked_len > 0:
        blocked = k.blocked
        for shape in range(len(blocked)):
            if blocked[shape] == 1 and hosts(k, shape, node):
                blocked[shape] = 0
                k.blocked_len -= 1


@core
def give(k: Kernel, shape: int, node: int, members: int) -> None:
    """Free the room of some members on a node, if the node is up."""
    if k.up[node] == 1:
        block = node // BLOCK
        free, demand, tops = k.free, k.shape_demand, k.block_max
        for r in range(3):
            free[node, r] += members * demand[shape, r]
            tops[block, r] = max(tops[block, r], free[node, r])
        mark_dirty(k, node)
