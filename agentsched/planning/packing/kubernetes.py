"""Pods and nodes of a Kubernetes list, as the packing knows them.

Requests are what counts, as for the Kubernetes scheduler. Node selectors, required node affinity
by labels, taints and cordoned nodes narrow where a pod may be; a pod with other conditions on its
place (other pods, topology, volumes) is read with a note. Pods of a DaemonSet, static pods and
those critical for the system stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from agentsched.errors import UserError
from agentsched.planning.complaint import first_complaint
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.packing.pods import Pod

_SCALE: Final = {
    "": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
}  # fmt: skip
_GPU: Final = re.compile(r"(nvidia|amd|intel)\.com/(gpu|mig-\S+|i915|xe)")
_GONE: Final = ("Succeeded", "Failed")
_CRITICAL: Final = ("system-node-critical", "system-cluster-critical")
_PLACES: Final = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


@dataclass(frozen=True, slots=True)
class Listed:
    """Pods and nodes of a list."""

    pods: tuple[Pod, ...]
    inventory: Inventory | None
    notes: tuple[str, ...]


def quantity(text: object) -> float:
    """Return a Kubernetes quantity as a number: ``250m`` is 0.25, ``64Mi`` is 67108864.

    Raises:
        ValueError: It is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(e\d+)?([a-zA-Z]{0,2})", str(text).strip())
    if match is None or match[3] not in _SCALE:
        raise ValueError(f"must be a quantity like 250m, 2 or 64Mi, got {text!r}")
    return float(match[1] + (match[2] or "")) * _SCALE[match[3]]


def read_items(tree: Mapping[str, Any], file: str) -> Listed:
    """Read the ``items`` of a list; kinds other than Pod and Node are left out.

    Raises:
        UserError: An item lacks what it must have; names file, item, field and value.
    """
    items = tree["items"]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UserError(f"{file}: items must be a list of objects; write kubectl's -o json to it")
    kind = str(tree.get("kind", "")).removesuffix("List")
    reader = _Reader(file)
    for item in items:
        match item.get("kind", kind):
            case "Node":
                reader.add_node(item)
            case "Pod":
                reader.waiting.append(item)
            case other:
                reader.note(f"items of kind {other!r} are left out")
    return reader.listed()


class _Reader:
    """Gathers nodes first, then the pods that speak of them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._nodes: dict[str, Mapping[str, Any]] = {}
        self._machines: list[Machine] = []
        self.waiting: list[Mapping[str, Any]] = []
        self._notes: dict[str, None] = {}

    def note(self, text: str) -> None:
        self._notes[text] = None

    def listed(self) -> Listed:
        """Return all of it; priorities become tiers, the greatest first."""
        found = [pod for item in self.waiting if (pod := self._pod(item)) is not None]
        if not found:
            raise UserError(
                f"{self._file}: no pod that runs or waits in it; write to it with "
                "kubectl get pods,nodes -A -o json"
            )
        ranks = {p: rank for rank, p in enumerate(sorted({p for p, _ in found}, reverse=True))}
        pods = tuple(pod.model_copy(update={"tier": ranks[p]}) for p, pod in found)
        inventory = Inventory(machines=tuple(self._machines)) if self._machines else None
        return Listed(pods, inventory, tuple(self._notes))

    def add_node(self, item: Mapping[str, Any]) -> None:
        """Read a node as a machine; what it can allocate counts."""
        name = _name(item, self._file)
        labels = _mapping(item, "metadata", "labels")
        has = self._amounts(_mapping(item, "status", "allocatable"), f"node {name!r}")
        product = str(labels.get("nvidia.com/gpu.product", "GPU")) if has.devices else ""
        fields = {
            "name": name,
            "cpus": has.cpus,
            "memory": has.memory,
            "devices": has.devices,
            "device": product[:80],
            "labels": tuple(
                text for key, value in labels.items() if 0 < len(text := f"{key}={value}") <= 80
            ),
            "zone": str(labels.get(_PLACES[0], "")),
            "region": str(labels.get(_PLACES[1], "")),
        }
        try:
            self._machines.append(Machine.model_validate(fields))
        except ValidationError as error:
            said = first_complaint(error, (Machine,), "the Kubernetes reference")
            raise UserError(f"{self._file}: node {name!r}: {said}") from None
        if name in self._nodes:
            raise UserError(f"{self._file}: node {name!r} stands twice; keep one of them")
        self._nodes[name] = item

    def _pod(self, item: Mapping[str, Any]) -> tuple[int, Pod] | None:
        """Return a pod with its priority; None for one that needs no place."""
        name = f"{_mapping(item, 'metadata').get('namespace', 'default')}/{_name(item, self._file)}"
        if _mapping(item, "status").get("phase") in _GONE:
            self.note("pods that have ended are left out")
            return None
        spec = _mapping(item, "spec")
        node = str(spec.get("nodeName", ""))
        if node and self._nodes and node not in self._nodes:
            self.note(f"pod {name!r} runs on {node!r}, which is not in the list: left out")
            return None
        allowed = [n for n, it in self._nodes.items() if n == node or _welcomes(it, spec)]
        if self._nodes and not allowed:
            self.note(f"pod {name!r} may be on no node, by its selector or the taints: left out")
            return None
        for key in ("podAffinity", "podAntiAffinity"):
            if _mapping(spec, "affinity").get(key):
                self.note(f"{key} is not looked at: check a proposal for pods that have it")
        if spec.get("topologySpreadConstraints"):
            self.note("topologySpreadConstraints are not looked at: check a proposal for them")
        asked = self._requests(spec, f"pod {name!r}")
        pod = {
            "name": name,
            "cpus": asked.cpus,
            "memory": asked.memory,
            "devices": asked.devices,
            "node": node,
            "protected": bool(node) and _stays(item, spec),
            "allowed": () if len(allowed) == len(self._nodes) else tuple(allowed),
        }
        try:
            return int(spec.get("priority") or 0), Pod.model_validate(pod)
        except (ValidationError, ValueError, TypeError) as error:
            said = (
                first_complaint(error, (Pod,), "the Kubernetes reference")
                if isinstance(error, ValidationError)
                else str(error)
            )
            raise UserError(f"{self._file}: pod {name!r}: {said}") from None

    def _requests(self, spec: Mapping[str, Any], who: str) -> _Amounts:
        """Return what its containers ask for together, or its greatest starter, and overhead."""
        together = [self._asked(c, who) for c in _list(spec, "containers")]
        starters = [self._asked(c, who) for c in _list(spec, "initContainers")]
        extra = self._amounts(_mapping(spec, "overhead"), who)
        total = _Amounts(
            sum(a.cpus for a in together),
            sum(a.memory for a in together),
            sum(a.devices for a in together),
        )
        return _Amounts(
            max([total.cpus, *(a.cpus for a in starters)]) + extra.cpus,
            max([total.memory, *(a.memory for a in starters)]) + extra.memory,
            max([total.devices, *(a.devices for a in starters)]) + extra.devices,
        )

    def _asked(self, container: Mapping[str, Any], who: str) -> _Amounts:
        requests = dict(_mapping(container, "resources", "limits"))
        requests |= _mapping(container, "resources", "requests")
        return self._amounts(requests, who)

    def _amounts(self, said: Mapping[str, Any], who: str) -> _Amounts:
        cpus = memory = devices = 0.0
        for key, value in said.items():
            try:
                if key == "cpu":
                    cpus = quantity(value)
                elif key == "memory":
                    memory = quantity(value) / 2**30
                elif _GPU.fullmatch(key):
                    devices += quantity(value)
            except ValueError as error:
                raise UserError(f"{self._file}: {who}: {key} {error}") from None
        return _Amounts(cpus, memory, round(devices))


@dataclass(frozen=True, slots=True)
class _Amounts:
    cpus: float
    memory: float
    """GiB."""
    devices: int


def _name(item: Mapping[str, Any], file: str) -> str:
    name = _mapping(item, "metadata").get("name")
    if not isinstance(name, str) or not name:
        raise UserError(f"{file}: an item of kind {item.get('kind')!r} has no metadata.name")
    return name


def _mapping(item: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return a table inside tables; empty where it is missing or is none."""
    found: Any = item
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _list(item: Mapping[str, Any], *keys: str) -> list[Mapping[str, Any]]:
    found = _mapping(item, *keys[:-1]).get(keys[-1])
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _stays(item: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    """Whether a running pod must not be moved: its controller would put it back, or all depend."""
    owners = [owner.get("kind") for owner in _list(item, "metadata", "ownerReferences")]
    static = "kubernetes.io/config.mirror" in _mapping(item, "metadata", "annotations")
    return "DaemonSet" in owners or static or spec.get("priorityClassName") in _CRITICAL


def _welcomes(node: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    """Whether a node takes a new pod of this kind, whatever it holds."""
    labels = {k: str(v) for k, v in _mapping(node, "metadata", "labels").items()}
    selector = _mapping(spec, "nodeSelector")
    terms = _list(
        spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    )  # fmt: skip
    return (
        not _mapping(node, "spec").get("unschedulable")
        and all(labels.get(key) == str(value) for key, value in selector.items())
        and (not terms or any(_matches(_list(t, "matchExpressions"), labels) for t in terms))
        and all(_tolerated(t, _list(spec, "tolerations")) for t in _list(node, "spec", "taints"))
    )


def _matches(expressions: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    return all(_holds(expression, labels) for expression in expressions)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key = str(expression.get("key"))
    values = [str(value) for value in expression.get("values") or ()]
    have = labels.get(key)
    match expression.get("operator"):
        case "In":
            return have in values
        case "NotIn":
            return have not in values
        case "Exists":
            return have is not None
        case "DoesNotExist":
            return have is None
        case "Gt" | "Lt" as operator:
            numbers = [text for text in (have, *values) if text and text.lstrip("-").isdigit()]
            if len(numbers) != 2:
                return False
            mine, other = map(int, numbers)
            return mine > other if operator == "Gt" else mine < other
        case _:
            return False


def _tolerated(taint: Mapping[str, Any], tolerations: Sequence[Mapping[str, Any]]) -> bool:
    if taint.get("effect") not in ("NoSchedule", "NoExecute"):
        return True
    for one in tolerations:
        effect = one.get("effect") in (None, "", taint.get("effect"))
        exists = one.get("operator") == "Exists"
        key = one.get("key") == taint.get("key") or (exists and not one.get("key"))
        if effect and key and (exists or str(one.get("value", "")) == str(taint.get("value", ""))):
            return True
    return False
