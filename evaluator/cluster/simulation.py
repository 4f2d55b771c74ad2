"""Simulate: SimPy is the clock, the compiled core decides between two of its events.

SimPy holds every process of the world that is not a task: failures and repairs, planned outages,
price and carbon series, and the process that lets the core run. The core handles completions,
arrivals and scheduling passes by itself up to the next SimPy event; at an equal instant node
events come first.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from functools import cache
from typing import Any, Literal, Protocol

import numpy as np
import simpy
from simpy.events import EventPriority

from evaluator.candidates import Block, compile_policy, facts, read_policy
from evaluator.cluster.fronts import front_switches
from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel import binding as bind
from evaluator.cluster.kernel import ordered, run
from evaluator.cluster.kernel.build import build
from evaluator.cluster.kernel.moves import node_down, node_up
from evaluator.cluster.kernel.spans import NEVER
from evaluator.cluster.kernel.state import Kernel, field
from evaluator.cluster.kernel.steps import set_now
from evaluator.errors import InputError, PolicyError
from evaluator.policies.catalogue import load_rule
from evaluator.policies.native import NativeRule
from evaluator.policy import PolicySource
from evaluator.sandbox import Sandbox
from evaluator.trace import Trace

Lane = Literal["pure", "python", "general"]

PASSES_A_TURN = 20_000
"""Passes the core holds before it hands back, so that an interrupt is heard."""

LATE = EventPriority(2)
"""SimPy priority of the core's turn: after every other event of the instant."""

_ORDERED = {
    "greedy": ordered.GREEDY,
    "strict": ordered.STRICT,
    "easy": ordered.EASY,
    "conservative": ordered.CONSERVATIVE,
}
_BATCH = {"key": bind.BY_KEY, "min": bind.BY_LEAST, "max": bind.BY_GREATEST}


class Scheduler(Protocol):
    """What holds the passes: lets the core run before ``limit``, to ``passes`` passes in all.

    Raises PolicyError when the policy fails.
    """

    def __call__(self, world: World, limit: int, passes: int) -> None:
        """Hold every pass before the limit."""


def simulate(
    instance: Instance,
    policy: PolicySource | NativeRule | str,
    *,
    lane: Lane | None = None,
    sandbox: Sandbox | None = None,
    decision_seconds: float = 1.0,
    total_seconds: float = 300.0,
) -> Trace:
    """Run a policy on an instance; a deterministic function of both.

    Args:
        instance: The problem.
        policy: A candidate's source, a native rule, or the name of a known rule.
        lane: ``pure`` compiles the policy into the core, ``python`` is the plain twin,
            ``general`` asks a sandboxed worker. None takes the policy's own.
        sandbox: For the general lane; opened for this run when not given.
        decision_seconds: Wall-clock limit of one decision in the general lane.
        total_seconds: Wall-clock limit of all decisions in the general lane.

    Raises:
        InputError: The instance and the policy do not go together.
        PolicyError: The policy failed (it has no score).
        SandboxError: No sandbox of the asked level.
    """
    if isinstance(policy, str):
        policy = load_rule(policy)
    if isinstance(policy, NativeRule):
        if lane not in (None, "pure"):
            raise InputError(f"rule {policy.name!r} is part of the engine: lane must be pure")
        return _simulate_native(instance, policy)
    lane = lane or policy.lane
    _check_shape(instance, policy)
    if lane == "python":
        from evaluator.cluster.reference import simulate_plainly

        return simulate_plainly(instance, policy)
    if lane == "general":
        from evaluator.cluster.general import simulate_in_sandbox

        return simulate_in_sandbox(
            instance,
            policy,
            sandbox,
            decision_seconds=decision_seconds,
            total_seconds=total_seconds,
        )
    if policy.lane != "pure":
        raise InputError(f"policy {policy.name!r} has decide(state): it runs in the general lane")
    return _simulate_pure(instance, policy)


def _check_shape(instance: Instance, policy: PolicySource) -> None:
    if instance.rules.preemptive and policy.lane == "pure" and policy.discipline != "greedy":
        raise InputError(
            f"policy {policy.name!r}: discipline {policy.discipline!r} does not preempt; a "
            "preemptive scenario takes 'greedy' or decide(state)"
        )


def _simulate_pure(instance: Instance, policy: PolicySource) -> Trace:
    known = facts(policy)
    compiled = compile_policy(policy)
    reads = known.fields
    binding = policy.discipline == "bind"
    kept_in_order = policy.discipline in ("strict", "easy", "conservative") or (
        known.dynamic_key and not binding
    )
    tracked = int(binding or policy.discipline in ("easy", "conservative"))
    kernel, columns = build(
        instance,
        need_duration=int("node.duration" in reads), need_data=int("node.data_wait" in reads),
        need_backlog=int("node.free_at" in reads), need_rank=int("task.rank" in reads),
        need_job_left=int("task.job_remaining" in reads),
        need_ready=int(bool({"task.ready", "task.wait"} & reads)),
        need_children=int("task.children" in reads),
        binding=int(binding), track_estimates=tracked,
        keep_lists=int(
            policy.discipline in ("easy", "conservative") or instance.rules.preemptive
        ),
        **front_switches(instance, policy),
    )  # fmt: skip
    key = _door(compiled.key)
    prefer = _door(compiled.prefer)
    score = _door(compiled.score)
    custom = compiled.prefer is not None

    def turn(world: World, limit: int, passes: int) -> None:
        if instance.rules.preemptive and compiled.score is not None:
            fine = run.run_allocating_by_score(kernel, limit, passes, score)
        elif instance.rules.preemptive:
            fine = run.run_allocating_by_key(kernel, limit, passes, key, prefer, custom)
        elif binding:
            keyed = compiled.key is not None
            fine = run.run_binding(kernel, limit, passes, key, score, keyed, _BATCH[policy.batch])
        elif compiled.score is not None:
            fine = run.run_by_score(kernel, limit, passes, score)
        elif kept_in_order:
            fine = run.run_in_order(
                kernel, limit, passes, key, prefer, custom, known.dynamic_key,
                _ORDERED[policy.discipline],
            )  # fmt: skip
        else:
            fine = run.run_by_key(kernel, limit, passes, key, prefer, custom)
        if not fine:
            _raise_nan(instance, policy, kernel)

    priced = bool({"node.price", "node.carbon"} & reads)
    return drive(instance, kernel, columns, turn, policy.name, priced=priced)


@cache
def _nothing() -> Block:
    """A block for the places a policy leaves empty; it is never asked."""
    block = compile_policy(read_policy("def key(task):\n    return 0.0\n", "nothing")).key
    assert block is not None
    return block


def _door(block: Block | None) -> Any:
    """Return the function the core calls: it takes the address of a table of columns."""
    return (block or _nothing()).table


def _raise_nan(instance: Instance, policy: PolicySource, kernel: Kernel) -> None:
    task, node = int(field(kernel, "failed_task")), int(field(kernel, "failed_node"))
    where = "" if node < 0 else f", node row {node}"
    raise PolicyError(
        f"policy {policy.name!r} answered NaN for task "
        f"{instance.workload.task_name(task)!r}{where} at {field(kernel, 'now') / 1e6:g} s: "
        "guard divisions by zero and logarithms or roots of negative numbers"
    )


def _simulate_native(instance: Instance, rule: NativeRule) -> Trace:
    match rule.kind:
        case "replan":
            _refuse_preemptive(instance, rule)
            kernel, columns = build(
                instance, need_rank=1, planning=1, keep_lists=1, track_estimates=1
            )

            def turn(world: World, limit: int, passes: int) -> None:
                run.run_replanning(kernel, limit, passes)

        case "two_choices":
            _refuse_preemptive(instance, rule)
            kernel, columns = build(instance, binding=1, track_estimates=1)
            nothing = _door(None)

            def turn(world: World, limit: int, passes: int) -> None:
                run.run_binding(kernel, limit, passes, nothing, nothing, False, bind.TWO_CHOICES)

        case "allocate":
            from evaluator.cluster.allocation import allocator

            if not instance.rules.preemptive:
                raise InputError(f"rule {rule.name!r} needs a scenario with rules.preemptive")
            kernel, columns = build(instance, keep_lists=1)
            turn = allocator(instance, rule, columns)
    return drive(instance, kernel, columns, turn, rule.name)


def _refuse_preemptive(instance: Instance, rule: NativeRule) -> None:
    if instance.rules.preemptive:
        raise InputError(f"rule {rule.name!r} does not preempt; the scenario is preemptive")


# --- the clock ---------------------------------------------------------------------------------


class World:
    """The kernel as the processes of the world see it: a clock and nodes that come and go."""

    def __init__(self, env: simpy.Environment, kernel: Kernel, columns: dict[str, Any]) -> None:
        self.env = env
        self.kernel = kernel
        self.columns = columns
        self.away = [0] * len(columns["up"])
        self.events: list[tuple[int, int, int]] = []

    @property
    def now(self) -> int:
        """The clock, in microseconds."""
        return int(self.env.now)

    def down(self, node: int) -> None:
        """Take a node away (absences may overlap)."""
        self.away[node] += 1
        if self.away[node] == 1:
            set_now(self.kernel, self.now)
            node_down(self.kernel, node)
            self.events.append((self.now, node, 0))

    def up(self, node: int) -> None:
        """End one absence of a node; it is back when none is left."""
        self.away[node] -= 1
        if self.away[node] == 0:
            set_now(self.kernel, self.now)
            node_up(self.kernel, node)
            self.events.append((self.now, node, 1))


def drive(
    instance: Instance,
    kernel: Kernel,
    columns: dict[str, Any],
    turn: Scheduler,
    name: str,
    *,
    priced: bool = False,
) -> Trace:
    """Run the world's processes and the core until every task has ended; return the trace.

    Raises:
        PolicyError: Tasks are left waiting although nothing more will happen, or the policy makes
            no progress.
    """
    env = simpy.Environment()
    world = World(env, kernel, columns)
    start_world(env, instance, world, columns if priced else None)
    env.run(until=env.process(_core(env, instance, world, turn, name)))
    events = np.array(world.events, dtype=np.int64).reshape(-1, 3)
    rows, spread = int(field(kernel, "trace_len")), int(field(kernel, "spread_len"))

    def column(name: str, count: int) -> Any:
        # what the core has not outgrown is shared, and need not be copied
        return columns[name][:count] if count <= len(columns[name]) else field(kernel, name)[:count]

    return Trace(
        task=column("trace_task", rows), node=column("trace_node", rows),
        start=column("trace_start", rows), end=column("trace_end", rows),
        outcome=column("trace_outcome", rows), spread_row=column("spread_row", spread),
        spread_node=column("spread_node", spread), spread_count=column("spread_count", spread),
        event_time=events[:, 0].copy(), event_node=events[:, 1].astype(np.int32),
        event_up=events[:, 2].astype(np.int8), epochs=int(field(kernel, "epochs")),
    )  # fmt: skip


def _core(
    env: simpy.Environment, instance: Instance, world: World, turn: Scheduler, name: str
) -> Generator[simpy.Event, Any, None]:
    kernel, tasks = world.kernel, len(instance.workload)
    most = 1_000_000 + 1_000 * tasks
    yield _late(env, 0)
    while True:
        limit = env.peek()
        ceiling = NEVER if math.isinf(limit) else int(limit)
        passes = int(field(kernel, "epochs")) + PASSES_A_TURN
        turn(world, ceiling, passes)
        if int(field(kernel, "done")) == tasks:
            return
        if int(field(kernel, "epochs")) >= most or int(field(kernel, "idle_passes")) >= 1000:
            raise PolicyError(
                f"policy {name!r} makes no progress: {tasks - int(field(kernel, 'done'))} tasks "
                f"left after {field(kernel, 'epochs')} passes"
            )
        at = int(run.next_instant(kernel))
        if at >= NEVER and (ceiling >= NEVER or not any(world.away)):
            _raise_stalled(instance, kernel, name)
        yield _late(env, max(0, min(at, ceiling) - world.now))


def _raise_stalled(instance: Instance, kernel: Kernel, name: str) -> None:
    left = len(instance.workload) - int(field(kernel, "done"))
    raise PolicyError(
        f"policy {name!r} left {left} tasks waiting on an idle cluster at "
        f"{field(kernel, 'now') / 1e6:g} s with nothing more to happen: do not decline every node"
    )


def _late(env: simpy.Environment, delay: int) -> simpy.Event:
    event = env.event()
    event._ok = True
    event._value = None
    env.schedule(event, priority=LATE, delay=delay)
    return event


class NodeSwitch(Protocol):
    """A world whose nodes the processes below switch."""

    def down(self, node: int) -> None:
        """Take a node away."""

    def up(self, node: int) -> None:
        """Bring it back."""


def start_world(
    env: simpy.Environment,
    instance: Instance,
    world: NodeSwitch,
    columns: dict[str, Any] | None = None,
) -> None:
    """Start the processes of failures, outages and, given columns to set, series."""
    for outage in instance.outages:
        env.process(_outage(env, world, outage.node, outage.start, outage.end))
    if instance.failures is not None and instance.failures.scale > 0:
        for node in range(len(instance.cluster)):
            env.process(_failing(env, instance, world, node))
    if columns is not None:
        price = instance.cluster.price
        for series in instance.price:
            rows = np.flatnonzero(instance.cluster.region == series.region)
            env.process(_follow(env, series.times, series.values, columns["price"], rows, price))
        ones = np.ones(len(instance.cluster))
        for series in instance.carbon:
            rows = np.flatnonzero(instance.cluster.region == series.region)
            env.process(_follow(env, series.times, series.values, columns["carbon"], rows, ones))


Process = Generator[simpy.Event, Any, None]


def _outage(env: simpy.Environment, world: NodeSwitch, node: int, start: int, end: int) -> Process:
    yield env.timeout(start)
    world.down(node)
    yield env.timeout(end - start)
    world.up(node)


def _failing(env: simpy.Environment, instance: Instance, world: NodeSwitch, node: int) -> Process:
    law = instance.failures
    assert law is not None
    rng = instance.rng("failure", node)
    while True:
        if law.law == "weibull":
            life = law.scale * rng.weibull(law.shape)
        else:
            life = rng.exponential(law.scale)
        yield env.timeout(max(1, round(life * 1e6)))
        world.down(node)
        repair = math.exp(law.repair_log_mean + law.repair_log_sigma * rng.standard_normal())
        yield env.timeout(max(1, round(repair * 1e6)))
        world.up(node)


def _follow(
    env: simpy.Environment,
    times: np.ndarray,
    values: np.ndarray,
    column: np.ndarray,
    rows: np.ndarray,
    base: np.ndarray,
) -> Process:
    for at, value in zip(times.tolist(), values.tolist(), strict=True):
        if at > env.now:
            yield env.timeout(at - env.now)
        column[rows] = base[rows] * value
