"""The cluster world: heterogeneous nodes, gangs, DAGs, preemption, failures, energy."""
