"""Plans beyond the solver's reach: by the best fitting policy from memory, or by a known rule.

The policy runs in the trusted simulator on the request as an instance. Where that says all that is
asked, its trace is the plan; else the order in which it started tasks is the priority of a schedule
forward in time that keeps the rest as well. Either way the plan is checked, and says which policy
made it and how far from the bound it can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from agentsched.errors import UserError
from agentsched.planning.beyond.in_order import schedule_in_order
from agentsched.planning.beyond.instance import Simulated, as_instance
from agentsched.planning.beyond.rules import Columns
from agentsched.planning.checker import check
from agentsched.planning.checker_hints import is_kept
from agentsched.planning.clock import Clock
from agentsched.planning.demands import needs_machine, seconds_on
from agentsched.planning.hints import LeastHint
from agentsched.planning.plan import Assignment, Plan, Wish
from agentsched.planning.request import Beyond, PlanRequest
from agentsched.planning.wishes import described
from agentsched.planning.wording import length
from evaluator.candidates import read_policy
from evaluator.cluster.model import SECOND
from evaluator.cluster.simulation import simulate
from evaluator.policies.catalogue import load_rule
from evaluator.policies.native import NativeRule
from evaluator.policy import PolicySource
from evaluator.trace import Outcome, Trace
from memory.features import features
from memory.retrieval import best_policy, usual_rule
from memory.store import MemoryStore

_FINISHED: Final = (Outcome.FINISHED, Outcome.KILLED)


@dataclass(frozen=True, slots=True)
class _Objective:
    """What a policy is wanted for."""

    metric: str
    sense: Literal["min", "max"] = "min"


@dataclass(frozen=True, slots=True)
class _Chosen:
    policy: PolicySource | NativeRule
    name: str
    reason: str


def by_policy(store: MemoryStore | None = None) -> Beyond:
    """Return a planner for ``PlanRequest.beyond`` that asks this memory for a policy.

    Args:
        store: Where proven policies are; None knows the known rules only.
    """
    return lambda request: plan_beyond(request, store)


def plan_beyond(request: PlanRequest, store: MemoryStore | None = None) -> Plan:
    """Return a checked plan made by a policy.

    Raises:
        UserError: A task can run nowhere, or the order of the policy leads to a plan that breaks
            something hard, which the message names.
    """
    clock = Clock(request)
    columns = Columns(request, clock)
    _check_possible(request, columns)
    simulated = as_instance(request, clock)
    chosen = _choose(request, simulated, store)
    trace = simulate(simulated.instance, chosen.policy)
    made = _exact(request, clock, columns, simulated, trace)
    how = "as it ran in the simulator"
    if made is None:
        made = _plan(request, schedule_in_order(columns, _start_order(simulated, trace)))
        how = f"whose order was scheduled{_because(simulated, columns)}"
        _refuse_broken(request, made, chosen.name)
    end = max(clock.ceil(assignment.end) for assignment in made.assignments)
    bound = columns.lower_bound()
    return made.model_copy(
        update={
            "method": f"policy {chosen.name}"[:120],
            "objective": float(end),
            "bound": float(min(bound, end)),
            "status": "optimal" if end <= bound and not _weighs_more(request) else "feasible",
            "wishes": _wishes(request, made.assignments),
            "notes": (
                *request.graph.notes,
                f"planned by {chosen.name!r}, {how}: {chosen.reason}"[:400],
                _distance(end, bound),
            ),
        }
    )


def _plan(request: PlanRequest, assignments: Sequence[Assignment]) -> Plan:
    return Plan(graph=request.graph.digest, assignments=tuple(assignments))


def _weighs_more(request: PlanRequest) -> bool:
    """Whether the end of the last task is not all that counts."""
    soft = any(not hint.hard for hint in request.graph.hints)
    return soft or any(task.due is not None for task in request.graph.tasks)


def _distance(end: int, bound: int) -> str:
    if end <= bound:
        return f"it ends after {length(end)}, and no plan can end earlier"
    share = (end - bound) / max(bound, 1)
    return (
        f"it ends after {length(end)}; no plan can end before {length(bound)}, so it is at most "
        f"{share:.1%} longer than needed"
    )


def _check_possible(request: PlanRequest, columns: Columns) -> None:
    for i, task in enumerate(request.graph.tasks):
        if task.duration is None:
            raise UserError(f"task {task.id!r}: its duration is unknown; give one")
        for name in task.people:
            if name.casefold() not in columns.busy:
                known = ", ".join(repr(p.name) for p in request.inventory.people) or "nobody"
                raise UserError(f"task {task.id!r}: no person {name!r}; known: {known}")
        if task.id in {started.task for started in request.started} or not needs_machine(task):
            continue
        room = columns.room(i)
        if room < task.gang:
            raise UserError(
                f"task {task.id!r}: its {task.gang} members fit {room} times on machines that it "
                "may use; ask for less, or relax a hard hint"
            )


def _choose(request: PlanRequest, simulated: Simulated, store: MemoryStore | None) -> _Chosen:
    """Return the policy from memory that fits, or the known rule that is usual here."""
    late = any(task.due is not None for task in request.graph.tasks)
    wanted = features(simulated.instance, _Objective("total_tardiness" if late else "makespan"))
    if store is not None:
        best = best_policy(store, wanted)
        if best.policy is not None:
            source = read_policy(best.policy.text, best.policy.name)
            return _Chosen(source, best.policy.name, best.reason)
        return _Chosen(load_rule(best.rule), best.rule, best.reason)
    rule, because = usual_rule(wanted)
    return _Chosen(load_rule(rule), rule, f"known rule ({because}); no memory was asked")


def _exact(
    request: PlanRequest, clock: Clock, columns: Columns, simulated: Simulated, trace: Trace
) -> Plan | None:
    """Return the trace as a plan; None where it does not keep all that is asked."""
    if simulated.unsaid or columns.soft:
        return None
    assignments = _of_trace(request, clock, simulated, trace)
    if not assignments:
        return None
    made = _plan(request, assignments)
    return None if check(request.graph, request.inventory, made, request.zone) else made


def _because(simulated: Simulated, columns: Columns) -> str:
    reasons = [*simulated.unsaid, *(["soft hints"] if columns.soft else [])]
    return f", because of {', '.join(reasons)}" if reasons else ", to whole seconds"


def _refuse_broken(request: PlanRequest, made: Plan, policy: str) -> None:
    """Raise ``UserError`` for a plan that breaks something, but for what broke before now."""
    under_way = {assignment.task for assignment in request.started}
    for one in check(request.graph, request.inventory, made, request.zone):
        if not under_way.intersection(one.tasks):
            raise UserError(
                f"the order of {policy!r} leads to a plan that breaks something: {one.message}; "
                "that is no proof that there is none: plan fewer tasks at once, or relax it"
            )


def _start_order(simulated: Simulated, trace: Trace) -> list[int]:
    """Return the rank of each task of the graph: by its last start, then its row."""
    ranks = [len(trace)] * len(simulated.tasks)
    for rank, row in enumerate(trace.task.tolist()):
        ranks[simulated.tasks[row]] = rank
    return ranks


def _of_trace(
    request: PlanRequest, clock: Clock, simulated: Simulated, trace: Trace
) -> tuple[Assignment, ...]:
    """Return the last run of each task, in whole seconds; empty if one never ended."""
    machines = request.inventory.machines
    members = _members(trace)
    found: dict[int, Assignment] = {}
    for row, outcome in enumerate(trace.outcome.tolist()):
        if Outcome(outcome) not in _FINISHED:
            continue
        i = simulated.tasks[int(trace.task[row])]
        task = request.graph.tasks[i]
        hosts = [machines[simulated.machines[node]] for node in members[row].elements()]
        if len(hosts) == 1:
            hosts *= task.gang
        start = -(-int(trace.start[row]) // SECOND)
        took = max(seconds_on(task, host) for host in hosts)
        found[i] = Assignment(
            task=task.id,
            machines=tuple(sorted(h.name for h in hosts)) if needs_machine(task) else (),
            start=clock.instant(start),
            end=clock.instant(start + took if needs_machine(task) else start + task.duration),  # type: ignore[operator]
        )
    if len(found) < len(request.graph.tasks):
        return ()
    return tuple(found[i] for i in range(len(found)))


def _members(trace: Trace) -> list[Counter[int]]:
    """Return how many members of each row are on which node; one entry stands for all."""
    found: list[Counter[int]] = [Counter({node: 1}) for node in trace.node.tolist()]
    spread = zip(
        trace.spread_row.tolist(), trace.spread_node.tolist(), trace.spread_count.tolist(),
        strict=True,
    )  # fmt: skip
    seen: set[int] = set()
    for row, node, count in spread:
        if row not in seen:
            seen.add(row)
            found[row] = Counter()
        found[row][node] += count
    return found


def _wishes(request: PlanRequest, assignments: Sequence[Assignment]) -> tuple[Wish, ...]:
    wishes = []
    for hint in request.graph.hints:
        if hint.hard:
            continue
        spoken = [a for a in assignments if not hint.tasks or a.task in hint.tasks]
        aim = isinstance(hint, LeastHint)
        kept = not aim and is_kept(hint, spoken, request.inventory, request.zone)
        lost = "what the policy's order left free when each task started"
        if aim:
            lost = "nothing by name: among free machines the least was taken, not over the whole"
        wishes.append(
            Wish(
                hint=described(hint)[:400],
                weight=hint.weight,
                kept=kept,
                lost_to="" if kept else lost,
            )
        )
    return tuple(wishes)
