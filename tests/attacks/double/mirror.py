"""A world small enough to read: the stand-in for the real mirror while the sandbox is attacked."""

import struct


class Task:
    __slots__ = ("cpus", "estimate", "id")

    def __init__(self, row, estimate, cpus):
        self.id, self.estimate, self.cpus = row, estimate, cpus


class Node:
    __slots__ = ("free_cpus", "id")

    def __init__(self, row, cpus):
        self.id, self.free_cpus = row, cpus


class State:
    def __init__(self, nodes):
        self.now = 0
        self.ready = {}
        self.nodes = nodes
        self._decisions = []

    def fits(self, task, node):
        return task.cpus <= node.free_cpus

    def start(self, task, node):
        self._decisions.append((0, task.id, node.id))
        node.free_cpus -= task.cpus
        self.ready.pop(task.id)


class Mirror:
    def __init__(self, hello):
        self.state = State([Node(i, cpus) for i, cpus in enumerate(hello)])

    def update(self, frame):
        self.state.now, arrived, freed = frame
        for row, estimate, cpus in arrived:
            self.state.ready[row] = Task(row, estimate, cpus)
        for row, cpus in freed:
            self.state.nodes[row].free_cpus += cpus

    def encode(self):
        decisions = self.state._decisions
        data = b"".join(struct.pack("<iii", *decision) for decision in decisions)
        decisions.clear()
        return data
