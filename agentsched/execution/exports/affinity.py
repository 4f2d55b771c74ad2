"""Placement hints as Kubernetes affinity and topology spread; what has no such form is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, assert_never

from agentsched.errors import UserError
from agentsched.execution.exports.names import label_key, label_value
from agentsched.execution.exports.options import ClusterOptions
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    DeviceMemoryHint,
    Hint,
    LabelHint,
    LeastHint,
    Level,
    MemoryHint,
    NearDataHint,
    PlaceHint,
    SpotHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Inventory
from agentsched.planning.placement import admits, in_words

HOST = "kubernetes.io/hostname"
GROUP = "agentsched.io/group-"
"""Prefix of the pod labels that tie tasks together or keep them apart."""
_MOST_TERMS = 64
"""Alternatives that required rules may multiply to before they are settled by host names."""

Expression = dict[str, Any]
Terms = list[list[Expression]]
"""Alternatives, each a list of expressions that all must hold."""


@dataclass(slots=True)
class Placement:
    """What a pod's spec and labels say about where it runs."""

    affinity: dict[str, Any] = field(default_factory=dict)
    spread: list[dict[str, Any]] = field(default_factory=list)
    """``topologySpreadConstraints``."""
    labels: dict[str, str] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    """Hints in words that only the plan's times and machines keep."""


def placement_of(
    task: str,
    machines: Sequence[str],
    hints: Sequence[Hint],
    inventory: Inventory,
    options: ClusterOptions,
) -> Placement:
    """Return what hints and plan say of one task.

    Args:
        task: Its id.
        machines: Where the plan puts it.
        hints: All hints of the graph.
        inventory: For hints that speak of what no node label tells.
        options: Names of labels.
    """
    made = Placement()
    required: list[Terms] = []
    preferred: list[tuple[float, Terms]] = []
    for number, hint in enumerate(hints):
        if hint.tasks and task not in hint.tasks:
            continue
        match hint:
            case TogetherHint() | SpreadHint():
                _beside(made, hint, number, options)
            case CeilingHint(per_hour=False) | LeastHint() | WindowHint():
                made.settled.append(in_words(hint))
            case _:
                terms = _terms(hint, inventory, options)
                if hint.hard:
                    required.append(terms)
                else:
                    preferred.append((hint.weight, terms))
    hosts = [[_expression(HOST, "In", *dict.fromkeys(machines))]]
    if machines and options.pin:
        required.append(hosts)
    elif machines:
        preferred.append((100.0, hosts))
    _put_node_affinity(made, _all_of(required, hints, inventory, task), preferred)
    return made


def _terms(hint: Hint, inventory: Inventory, options: ClusterOptions) -> Terms:
    """Return a hint about single machines as alternatives of node expressions."""
    match hint:
        case DeviceHint():
            return _device(hint, inventory, options)
        case DeviceMemoryHint():
            least = str(max(0, round(hint.at_least * 1024) - 1))
            return [[_expression(options.device_memory_label, "Gt", least)]]
        case LabelHint():
            return _labels(hint, inventory)
        case PlaceHint():
            key = topology(hint.level, options)
            return [[_expression(key, "NotIn" if hint.avoid else "In", *hint.names)]]
        case SpotHint():
            verb = "NotIn" if hint.avoid else "In"
            return [[_expression(options.spot_label, verb, options.spot_value)]]
        case MemoryHint() | NearDataHint() | CeilingHint():
            return _by_host([hint], inventory)
        case TogetherHint() | SpreadHint() | LeastHint() | WindowHint():
            raise ValueError(f"{hint.kind} is not about single machines")
        case _:
            assert_never(hint)


def _device(hint: DeviceHint, inventory: Inventory, options: ClusterOptions) -> Terms:
    """Classes by the label's presence, types by its value; the inventory spells types out."""
    classes = {"gpu": "Exists", "gpus": "Exists", "accelerator": "Exists"} | {
        "cpu": "DoesNotExist", "cpus": "DoesNotExist"
    }  # fmt: skip
    opposite = {"Exists": "DoesNotExist", "DoesNotExist": "Exists"}
    presence = [classes[name.lower()] for name in hint.names if name.lower() in classes]
    types = [name for name in hint.names if name.lower() not in classes]
    spelt = [
        machine.device
        for machine in inventory.machines
        if machine.device and types and admits(DeviceHint(names=tuple(types)), machine, inventory)
    ]
    values = list(dict.fromkeys([*spelt, *types]))
    key = options.device_label
    if hint.avoid:
        all_ = [_expression(key, opposite[verb]) for verb in presence]
        return [all_ + ([_expression(key, "NotIn", *values)] if values else [])]
    any_ = [[_expression(key, verb)] for verb in presence]
    return any_ + ([[_expression(key, "In", *values)]] if values else [])


def _labels(hint: LabelHint, inventory: Inventory) -> Terms:
    """``key=value`` and ``key`` are node labels; the name of a machine is its host name."""
    known = {machine.name.lower(): machine.name for machine in inventory.machines}
    hosts = [known[name.lower()] for name in hint.names if name.lower() in known]
    found: list[Expression] = []
    for name in hint.names:
        if name.lower() in known:
            continue
        key, equals, value = name.partition("=")
        key = label_key(key)
        if equals:
            found.append(_expression(key, "NotIn" if hint.avoid else "In", value))
        else:
            found.append(_expression(key, "DoesNotExist" if hint.avoid else "Exists"))
    if hosts:
        found.append(_expression(HOST, "NotIn" if hint.avoid else "In", *hosts))
    return [found] if hint.avoid else [[expression] for expression in found]


def _by_host(hints: Sequence[Hint], inventory: Inventory) -> Terms:
    """Let the inventory say which machines these hints admit."""
    hosts = [m.name for m in inventory.machines if all(admits(h, m, inventory) for h in hints)]
    return [[_expression(HOST, "In", *hosts)]] if hosts else []


def _all_of(
    rules: Sequence[Terms], hints: Sequence[Hint], inventory: Inventory, task: str
) -> Terms:
    """Return alternatives that keep every rule: the product of theirs."""
    if any(not terms for terms in rules):
        raise UserError(
            f"task {task!r}: no machine of the inventory keeps its hard hints; plan it again"
        )
    count = 1
    for terms in rules:
        count *= len(terms)
    if count > _MOST_TERMS:
        hard = [h for h in hints if h.hard and (not h.tasks or task in h.tasks)]
        single = [h for h in hard if not isinstance(h, TogetherHint | SpreadHint)]
        return _by_host(single, inventory)
    return [[e for part in chosen for e in part] for chosen in product(*rules)] if rules else []


def _put_node_affinity(
    made: Placement, required: Terms, preferred: Sequence[tuple[float, Terms]]
) -> None:
    node: dict[str, Any] = {}
    if required:
        node["requiredDuringSchedulingIgnoredDuringExecution"] = {
            "nodeSelectorTerms": [{"matchExpressions": term} for term in required]
        }
    soft = [
        {"weight": _weight(weight), "preference": {"matchExpressions": term}}
        for weight, terms in preferred
        for term in terms
    ]
    if soft:
        node["preferredDuringSchedulingIgnoredDuringExecution"] = soft
    if node:
        made.affinity["nodeAffinity"] = node


def _beside(
    made: Placement, hint: TogetherHint | SpreadHint, number: int, options: ClusterOptions
) -> None:
    """Tie pods of a group to one place, or keep them in different ones."""
    label = f"{GROUP}{number}"
    made.labels[label] = "member"
    key = topology(hint.level, options)
    selector = {"labelSelector": {"matchLabels": {label: "member"}}}
    if isinstance(hint, SpreadHint) and not hint.hard:
        made.spread.append(
            {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", **selector}
        )
        return
    which = "podAffinity" if isinstance(hint, TogetherHint) else "podAntiAffinity"
    rule: dict[str, Any] = {**selector, "topologyKey": key}
    when = "required" if hint.hard else "preferred"
    if not hint.hard:
        rule = {"weight": _weight(hint.weight), "podAffinityTerm": rule}
    side = made.affinity.setdefault(which, {})
    side.setdefault(f"{when}DuringSchedulingIgnoredDuringExecution", []).append(rule)


def topology(level: Level, options: ClusterOptions) -> str:
    """Return the node label that names a node's place at a level."""
    match level:
        case "node":
            return HOST
        case "rack":
            return options.rack_label
        case "zone" | "region":
            return f"topology.kubernetes.io/{level}"
        case _:
            assert_never(level)


def _expression(key: str, operator: str, *values: str) -> Expression:
    made: Expression = {"key": key, "operator": operator}
    if values:
        made["values"] = [label_value(value) for value in values]
    return made


def _weight(weight: float) -> int:
    return min(100, max(1, round(weight)))
