"""The simulated world: model, workloads, simulation, sandbox, trace, replay, score, gate."""

from evaluator.compiled import use_own_cache

use_own_cache()
