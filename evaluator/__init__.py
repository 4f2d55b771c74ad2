"""The simulated world: model, workloads, simulation, sandbox, trace, replay, score, gate."""
