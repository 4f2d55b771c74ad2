"""The cluster world as the loop, the gate and the memory see it.

What compiles or draws is loaded when it is first needed: a list of scenarios is quick.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import columns_digest
from evaluator.cluster.scenario import Scenario, load_scenario, scenario_names
from evaluator.policy import Discipline, PolicySource, Shape
from evaluator.trace import Trace
from evaluator.world import Briefing, Lane, World

if TYPE_CHECKING:
    from evaluator.policies.native import NativeRule
    from evaluator.replay import Replayed
    from evaluator.sandbox import Sandbox
    from evaluator.sealed import Unsealed
    from evaluator.tracefile import StoredTrace
    from evaluator.traceheader import TraceHeader

BRIEFING: Final = Briefing(
    system="evolution/system",
    api="evolution/api",
    ideas="evolution/ideas",
    entries={
        "key": ("key(task, now)",),
        "prefer": ("key(task, now)", "prefer(task, node)"),
        "score": ("score(task, node, now)",),
    },
    disciplined=True,
)


class ClusterWorld:
    """Heterogeneous nodes, gangs, DAGs, preemption, failures, energy and prices."""

    name = "cluster"
    unit = "tasks"
    lanes: tuple[Lane, ...] = ("pure", "python", "general")
    briefing = BRIEFING
    legend = (
        "Bars: one colour a user, or a job if there is one user; a dashed "
        "red edge says that the task was stopped there and went on later."
    )

    @property
    def metrics(self) -> Mapping[str, str]:
        """Names and meanings."""
        from evaluator.metrics import METRICS

        return {name: info.text for name, info in METRICS.items()}

    @property
    def perturbations(self) -> tuple[str, ...]:
        """Other tie-breaks, restart costs, estimate errors."""
        from evaluator.cluster.perturb import PERTURBATIONS

        return PERTURBATIONS

    def owns(self, thing: object) -> bool:
        """Whether it is a cluster scenario or instance."""
        return isinstance(thing, Scenario | Instance)

    # -- scenarios -------------------------------------------------------------------------------

    def scenario_names(self) -> tuple[str, ...]:
        """Return the built-in scenarios."""
        return scenario_names()

    def load_scenario(
        self,
        name: str,
        *,
        workload: Path | None = None,
        format: str | None = None,
        cluster: Path | None = None,
    ) -> Scenario:
        """Load a scenario, with parts of it replaced by files."""
        return load_scenario(name, workload=workload, format=format, cluster=cluster)

    def parse(self, text: str, name: str) -> Scenario:
        """Return the scenario of a stored text."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="agentsched-") as folder:
            path = Path(folder, f"{name or 'scenario'}.toml")
            path.write_text(text, encoding="utf-8")
            return load_scenario(str(path))

    def facts(self, scenario: Scenario) -> str:
        """Return cluster, workload and rules in words, for prompts."""
        cluster, rules = scenario.cluster, scenario.rules
        lines = [scenario.description.strip() or scenario.title]
        for row, name in enumerate(cluster.types):
            nodes = np.flatnonzero(cluster.type == row)
            cpus, memory, devices = cluster.capacity[nodes[0]]
            lines.append(
                f"{len(nodes)} nodes of type {name}: {cpus / 1000:g} CPUs, {memory / 1024:g} GiB, "
                f"{devices / 1000:g} devices each"
            )
        if rules.preemptive:
            lines.append(
                "Running tasks may be preempted; each restart costs "
                f"{rules.restart_cost / 1e6:g} s."
            )
        else:
            lines.append("A task that runs is never stopped.")
        if rules.round:
            lines.append(f"Decisions are taken every {rules.round / 1e6:g} s.")
        if rules.kill_at_estimate:
            lines.append("A task is stopped when it has run for its estimate.")
        hidden = "Estimates may be wrong; true times are hidden."
        lines.append("Estimates are exact." if rules.oracle else hidden)
        return "\n".join(lines)

    def traits(self, instance: Instance) -> Mapping[str, float]:
        """Return what cluster and workload are like."""
        from evaluator.cluster.traits import traits

        return traits(instance)

    # -- policies --------------------------------------------------------------------------------

    def known_rules(self) -> tuple[str, ...]:
        """Return the names of all known rules, sorted."""
        from evaluator.policies.catalogue import known_rules

        return known_rules()

    def load_rule(self, name: str) -> PolicySource | NativeRule:
        """Return a known rule."""
        from evaluator.policies.catalogue import load_rule

        return load_rule(name)

    def read_policy(self, text: str, name: str = "candidate") -> PolicySource:
        """Check a text: pure, or ``decide(state)`` for the sandbox."""
        from evaluator.candidates import read_policy

        return read_policy(text, name)

    def normalise(self, policy: PolicySource) -> str:
        """Return the canonical text."""
        from evaluator.candidates import normalise

        return normalise(policy)

    def mutate(
        self, policy: PolicySource, rng: np.random.Generator, other: PolicySource | None = None
    ) -> str:
        """Return a policy a few typed edits away."""
        from evaluator.candidates import mutate

        return mutate(policy, rng, other)

    def shapes(self, scenario: Scenario, *, general: bool) -> tuple[Shape, ...]:
        """Return the shapes that are accepted."""
        return ("key", "score", "decide") if general else ("key", "score")

    def disciplines(self, scenario: Scenario) -> tuple[Discipline, ...]:
        """Only ``greedy`` can preempt."""
        if scenario.rules.preemptive:
            return ("greedy",)
        return ("greedy", "strict", "easy", "conservative", "bind")

    # -- one simulation --------------------------------------------------------------------------

    def simulate(
        self,
        instance: Instance,
        policy: PolicySource | NativeRule,
        *,
        lane: Lane | None = None,
        sandbox: Sandbox | None = None,
    ) -> Trace:
        """Run a policy in its own lane, or in the one that is asked for."""
        from evaluator.cluster.simulation import simulate

        return simulate(instance, policy, lane=lane, sandbox=sandbox)

    def measure(self, instance: Instance, trace: Trace) -> dict[str, float]:
        """Return every metric."""
        from evaluator.metrics import measure

        return measure(instance, trace)

    def replay(self, instance: Instance, trace: Trace) -> Replayed:
        """Check every rule and recompute every metric."""
        from evaluator.replay import replay

        return replay(instance, trace)

    def perturb(self, instance: Instance, kind: str, seed: bytes) -> Instance:
        """Return the instance in a slightly different world."""
        from evaluator.cluster.perturb import perturb

        return perturb(instance, kind, seed)

    def size(self, instance: Instance) -> int:
        """Return the number of tasks."""
        return len(instance.workload)

    def passes(self, trace: Trace) -> int:
        """Return the number of scheduling passes."""
        return trace.epochs

    def trace_digest(self, trace: Trace) -> str:
        """sha256 of all columns."""
        return columns_digest(trace)

    def decisions_digest(self, trace: Trace) -> str:
        """sha256 of what was decided: which task, on which node, when."""
        hasher = hashlib.sha256()
        for column in (trace.task, trace.node, trace.start):
            hasher.update(np.ascontiguousarray(column).tobytes())
        return hasher.hexdigest()

    # -- for people and models -------------------------------------------------------------------

    def diagnose(self, instance: Instance, trace: Trace) -> str:
        """Say where time went and which jobs lose."""
        from evaluator.compare import diagnose

        return diagnose(instance, trace).text()

    def draw(self, instance: Instance, trace: Trace, title: str) -> str:
        """Return a Gantt chart."""
        from evaluator.gantt import gantt

        return gantt(instance, trace, title=title)

    def charts(self, instance: Instance, trace: Trace) -> Sequence[str]:
        """Return a Gantt chart, the load and the queue over time."""
        from evaluator.gantt import gantt, load_chart, queue_chart

        return [chart(instance, trace) for chart in (gantt, load_chart, queue_chart)]

    def sketch(self, instance: Instance, trace: Trace, width: int, unicode: bool) -> Sequence[str]:
        """Return a Gantt chart of characters."""
        from evaluator.cluster.sketch import draw

        return draw(instance, trace, width, unicode)

    # -- files -----------------------------------------------------------------------------------

    def encode(
        self, trace: Trace, header: TraceHeader, *, instance: Instance | None = None
    ) -> tuple[bytes, str]:
        """Return a trace file's bytes and digest."""
        from evaluator.tracefile import encode

        return encode(trace, header, instance=instance)

    def decode(self, content: Unsealed, path: Path) -> StoredTrace:
        """Read a file whose seal held."""
        from evaluator.tracefile import from_unsealed

        return from_unsealed(content, path)

    def problem(self, stored: StoredTrace) -> Instance:
        """Return the instance: embedded, or made again from scenario text and seed."""
        from evaluator.replay import problem

        return problem(stored)


WORLD: Final[World] = ClusterWorld()
