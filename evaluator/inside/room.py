"""Free amounts at another instant, and what a task would take of them."""

from __future__ import annotations

from evaluator.inside.mirror import Layout, Mirror, Node, Task, members_on


def estimated_end(mirror: Mirror, task: Task, node: Node, laid: Layout) -> int:
    """When the task would end if it started now, by estimates."""
    begin = mirror.now
    if mirror.edges and task._preds:
        begin = max(begin, mirror.data_at(task, node))
    return begin + mirror.overhead(task) + mirror.span(task, mirror.slowest(task, laid))


class Room:
    """Free amounts of every node at some other instant."""

    def __init__(self, mirror: Mirror, free: list[list[int]] | None = None) -> None:
        self.mirror = mirror
        self.free = free or [list(node._free()) for node in mirror.nodes]

    def copy(self) -> Room:
        """Return an independent copy."""
        return Room(self.mirror, [list(row) for row in self.free])

    def add(self, laid: Layout, task: Task, sign: int) -> None:
        """Give back (+1) or take (-1) what a layout holds."""
        for node, members in laid:
            if node.up:
                for r in range(3):
                    self.free[node.id][r] += sign * members * task._demand[r]

    def lower_to(self, other: Room) -> None:
        """Keep the lesser of both, everywhere."""
        for mine, theirs in zip(self.free, other.free, strict=True):
            mine[:] = map(min, mine, theirs)

    def leaves(self, laid: Layout, task: Task) -> bool:
        """Whether the layout fits."""
        return all(
            self.free[node.id][r] >= members * task._demand[r]
            for node, members in laid
            for r in range(3)
        )

    def fits(self, task: Task, node: Node) -> bool:
        """Whether the gang fits with a member on the node."""
        if members_on(task, node, self.free[node.id]) <= 0:
            return False
        return sum(members_on(task, peer, self.free[peer.id]) for peer in node._peers) >= task._gang

    def layout(self, task: Task, node: Node) -> Layout:
        """Where the gang would go."""
        peers = node._peers
        first = node.id - peers[0].id
        left = task._gang
        laid: list[tuple[Node, int]] = []
        for step in range(len(peers)):
            other = peers[(first + step) % len(peers)]
            members = min(left, members_on(task, other, self.free[other.id]))
            if members > 0:
                laid.append((other, members))
                left -= members
        return tuple(laid)
