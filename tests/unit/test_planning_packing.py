"""Priority packing: who stays, moves, goes; certificates; pods from files."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsched.errors import UserError
from agentsched.planning.hints import SpotHint
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.packing import describe_packing, pack
from agentsched.planning.packing.default import place_by_default
from agentsched.planning.packing.kubernetes import quantity
from agentsched.planning.packing.model import Effort
from agentsched.planning.packing.pod_file import load_pods
from agentsched.planning.packing.pods import Pod
from agentsched.planning.packing.problem import NOWHERE, formulate_packing, merit
from agentsched.planning.packing.repair import repair
from agentsched.planning.packing.search import improve


def nodes(*cpus: float, **more) -> Inventory:
    return Inventory(
        machines=tuple(Machine(name=f"n{i}", cpus=c, **more) for i, c in enumerate(cpus))
    )


def pod(name: str, cpus: float, node: str = "", **more) -> Pod:
    return Pod(name=name, cpus=cpus, node=node, **more)


def test_nothing_is_solved_when_the_default_places_everything() -> None:
    packing = pack([pod("a", 1), pod("b", 2, "n0")], nodes(4), seconds=1)
    assert packing.outcome == "no call"
    assert [(p.pod, p.node) for p in packing.placed] == [("a", "n0")]
    assert packing.moves == packing.evictions == ()


def test_the_default_takes_the_least_allocated_machine_and_the_first_on_a_tie() -> None:
    """n0 has 3 of 4 left, n1 4 of 4: a goes to n1; then both have 3, and b goes to n0."""
    problem = formulate_packing([pod("r", 1, "n0"), pod("a", 1), pod("b", 1)], nodes(4, 4))
    assert place_by_default(problem) == (0, 1, 0)


def test_a_move_makes_room_and_nobody_is_evicted() -> None:
    """Two machines of 4 hold 2 each; a pod of 4 fits when both small ones share a machine."""
    packing = pack([pod("a", 2, "n0"), pod("b", 2, "n1"), pod("big", 4)], nodes(4, 4), seconds=2)
    assert packing.outcome == "better and optimal"
    assert packing.gentle
    assert len(packing.moves) == 1
    assert packing.evictions == packing.waiting == ()


def test_an_important_pod_evicts_one_of_a_later_tier() -> None:
    packing = pack([pod("low", 4, "n0", tier=2), pod("high", 3)], nodes(4), seconds=2)
    assert packing.outcome == "better and optimal"
    assert [(e.pod, e.node) for e in packing.evictions] == [("low", "n0")]
    assert [count.placed for count in packing.tiers] == [1, 0]


def test_a_pod_of_a_later_tier_evicts_nobody() -> None:
    packing = pack([pod("high", 4, "n0"), pod("low", 3, tier=1)], nodes(4), seconds=2)
    assert packing.outcome == "already optimal"
    assert packing.waiting == ("low",)
    assert packing.moves == packing.evictions == packing.placed == ()
    assert packing.certificate.startswith("proved: no placement has more pods")


def test_among_equals_the_running_one_stays() -> None:
    packing = pack([pod("runs", 3, "n0"), pod("waits", 3)], nodes(4), seconds=2)
    assert packing.outcome == "already optimal"
    assert packing.waiting == ("waits",)


def test_moving_is_preferred_to_evicting() -> None:
    """The published solver would rather evict: a pod that could go to n1 is only moved."""
    pods = [pod("low", 2, "n0", tier=1), pod("high", 4, allowed=("n0",))]
    packing = pack(pods, nodes(4, 2), seconds=2)
    assert [(m.pod, m.source, m.target) for m in packing.moves] == [("low", "n0", "n1")]
    assert packing.evictions == ()


def test_a_protected_pod_stays_whatever_waits() -> None:
    pods = [pod("low", 2, "n0", tier=1, protected=True), pod("high", 4, allowed=("n0",))]
    packing = pack(pods, nodes(4, 2), seconds=2)
    assert packing.outcome == "already optimal"
    assert packing.waiting == ("high",)


def test_memory_devices_their_type_and_hard_hints_narrow_the_machines() -> None:
    inventory = Inventory(
        machines=(
            Machine(name="a", cpus=8, memory=16, devices=1, device="A100", spot=True),
            Machine(name="t", cpus=8, memory=64, devices=4, device="T4"),
            Machine(name="free", cpus=8),
        )
    )
    pods = [
        pod("gpu", 1, devices=1, device="A100"),
        pod("wide", 1, memory=32, allowed=("a", "t")),
        pod("steady", 1, devices=1, hints=(SpotHint(hard=True),)),
        pod("huge", 1, memory=1000),
    ]
    packing = pack(pods, inventory, seconds=1)
    assert {p.pod: p.node for p in packing.placed} == {
        "gpu": "a", "wide": "t", "steady": "t", "huge": "free",
    }  # fmt: skip


def test_a_pod_that_fits_nowhere_waits_and_that_is_proved() -> None:
    packing = pack([pod("giant", 9), pod("b", 1)], nodes(4, 4), seconds=1)
    assert packing.outcome == "already optimal"
    assert packing.waiting == ("giant",)


def test_an_overfull_machine_loses_the_least_important_pod() -> None:
    pods = [pod("a", 3, "n0"), pod("b", 3, "n0", tier=1), pod("c", 2, "n1")]
    packing = pack(pods, nodes(4, 4), seconds=1)
    assert [e.pod for e in packing.evictions] == ["b"]


def test_the_proposal_is_told_with_what_is_disturbed_first() -> None:
    text = describe_packing(
        pack([pod("low", 4, "n0", tier=2), pod("high", 3)], nodes(4), seconds=2)
    )
    assert text.splitlines() == [
        "better and optimal: proved: no placement has more pods, tier by tier, nor as many with "
        "less disruption",
        "tier 0: 1 of 1 placed, 0 by the default scheduler",
        "tier 2: 0 of 1 placed, 1 by the default scheduler",
        "evict low from n0",
        "place high on n0",
    ]


CASES = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 2), st.integers(-1, 2)), min_size=1, max_size=6
)


def made(case: list[tuple[int, int, int]], inventory: Inventory) -> list[Pod]:
    """Pods of a case; one that no longer fits on the machine it should run on waits."""
    left = [machine.cpus for machine in inventory.machines]
    pods = []
    for i, (cpus, tier, node) in enumerate(case):
        runs = node >= 0 and left[node] >= cpus
        if runs:
            left[node] -= cpus
        pods.append(pod(f"p{i}", cpus, f"n{node}" if runs else "", tier=tier))
    return pods


@settings(max_examples=30, deadline=None)
@given(CASES)
def test_a_certified_packing_is_the_best_of_all_placements(case) -> None:
    """Exhaustive over all 4^n placements of up to six pods on three machines."""
    inventory = nodes(6, 5, 4)
    pods = made(case, inventory)
    problem = formulate_packing(pods, inventory)
    best = max(
        merit(problem, places)
        for places in itertools.product((NOWHERE, 0, 1, 2), repeat=len(pods))
        if problem.fits(places)
    )
    packing = pack(pods, inventory, seconds=5, workers=1)
    assert packing.outcome in ("better and optimal", "already optimal", "no call")
    number = {"n0": 0, "n1": 1, "n2": 2}
    places = dict(zip((p.name for p in pods), problem.home, strict=True))
    places |= {p.pod: number[p.node] for p in packing.placed}
    places |= {m.pod: number[m.target] for m in packing.moves}
    places |= {e.pod: NOWHERE for e in packing.evictions}
    found = tuple(places.values())
    assert problem.fits(found)
    assert merit(problem, found) == best


@settings(max_examples=50, deadline=None)
@given(CASES, st.integers(0, 2000))
def test_repair_keeps_capacities_and_is_never_worse_than_useless(case, steps) -> None:
    inventory = nodes(6, 5, 4)
    problem = formulate_packing(made(case, inventory), inventory)
    repaired = repair(problem, place_by_default(problem), steps)
    assert problem.fits(repaired)


def test_a_search_without_time_for_any_proof_ends() -> None:
    """Neighbourhoods shrink when a solve is cut short, but never grow beyond the machines."""
    problem = formulate_packing([pod("a", 3, "n0"), pod("b", 3), pod("c", 2)], nodes(4))
    for seed in range(20):
        places = improve(problem, problem.home, Effort(0.02, workers=1, seed=seed))
        assert problem.fits(places)


def test_more_machines_than_a_solve_can_prove_still_get_a_better_packing_in_time() -> None:
    sizes = [3, 5, 2, 4, 1, 6, 2, 5, 3, 4] * 8
    running, inventory = [], nodes(*[8.0] * 36)
    problem = formulate_packing([pod(f"p{i}", s) for i, s in enumerate(sizes)], inventory)
    for i, (size, node) in enumerate(zip(sizes, place_by_default(problem), strict=True)):
        running.append(pod(f"p{i}", size, f"n{node}" if node != NOWHERE else ""))
    running += [pod(f"wide{i}", 8) for i in range(2)]
    packing = pack(running, inventory, seconds=1)
    assert packing.outcome in ("better", "better and optimal", "unknown")
    assert packing.seconds < 10


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ([pod("a", 1), pod("a", 1)], "'a' stands twice"),
        ([pod("a", 1, "n9")], "pod 'a': no machine 'n9'"),
        ([pod("a", 1, allowed=("n9",))], "pod 'a': no machine 'n9'"),
        ([pod("a", 1, protected=True)], "protected must name the node"),
        ([pod("a", 9, "n0", protected=True)], "its protected pods need more CPUs than it has"),
    ],
)
def test_contradictions_are_errors_that_name_the_pod(pods, said) -> None:
    with pytest.raises(UserError, match=said):
        pack(pods, nodes(4), seconds=1)


def test_no_time_is_an_error() -> None:
    with pytest.raises(UserError, match="seconds must be > 0, got 0"):
        pack([pod("a", 1)], nodes(1), seconds=0)


@pytest.mark.parametrize(
    ("text", "value"),
    [("250m", 0.25), ("2", 2), (2, 2), ("64Mi", 2**26), ("1.5Gi", 1.5 * 2**30), ("1e3", 1000.0)],
)
def test_kubernetes_quantities_are_read(text, value) -> None:
    assert quantity(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "x", "1Q", "-1", "1 2", None, "∞"])
def test_what_is_no_quantity_is_refused(text) -> None:
    with pytest.raises(ValueError, match="must be a quantity"):
        quantity(text)


def node_item(name: str, cpu: str = "4", **more) -> dict:
    status = {"allocatable": {"cpu": cpu, "memory": "8Gi", **more.pop("has", {})}}
    labels = more.pop("labels", {})
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": more,
        "status": status,
    }


def pod_item(name: str, cpu: str = "1", phase: str = "Running", meta=None, **spec) -> dict:
    containers = [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "512Mi"}}}]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "web", **(meta or {})},
        "spec": {"containers": containers, **spec},
        "status": {"phase": phase},
    }


@pytest.fixture
def load(tmp_path):
    def write(tree, name="pods.json"):
        path = tmp_path / name
        path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
        return load_pods(path)

    return write


def test_a_kubernetes_list_is_read_with_its_conditions(load) -> None:
    gpu = {"nvidia.com/gpu": "2"}
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    daemon = {"ownerReferences": [{"kind": "DaemonSet", "name": "d"}]}
    file = load(
        {
            "kind": "List",
            "items": [
                pod_item("web", "250m", nodeName="a", priority=100),
                pod_item("agent", nodeName="a", meta=daemon, priority=100),
                pod_item("wants-ssd", nodeSelector={"disk": "ssd"}, phase="Pending"),
                pod_item("tolerant", tolerations=[{"key": "gpu", "operator": "Exists"}]),
                pod_item("done", phase="Succeeded", nodeName="a"),
                pod_item("lost", nodeSelector={"disk": "tape"}),
                node_item("a", labels={"disk": "ssd", "topology.kubernetes.io/zone": "z1"}),
                node_item("g", has=gpu, taints=[taint]),
                node_item("closed", unschedulable=True),
                {"kind": "Service", "metadata": {"name": "s"}},
            ],
        }
    )
    pods = {p.name: p for p in file.pods}
    assert set(pods) == {"web/web", "web/agent", "web/wants-ssd", "web/tolerant"}
    assert pods["web/web"].cpus == 0.25
    assert pods["web/web"].memory == 0.5
    assert (pods["web/web"].tier, pods["web/tolerant"].tier) == (0, 1)
    assert pods["web/agent"].protected
    assert not pods["web/web"].protected
    assert pods["web/wants-ssd"].allowed == ("a",)
    assert pods["web/tolerant"].allowed == ("a", "g")
    assert file.inventory is not None
    assert [(m.name, m.devices, m.zone) for m in file.inventory.machines] == [
        ("a", 0, "z1"), ("g", 2, ""), ("closed", 0, ""),
    ]  # fmt: skip
    assert len(file.notes) == 3
    assert pack(file.pods, file.inventory, seconds=1).outcome == "no call"


def test_required_affinity_and_starters_count(load) -> None:
    terms = [{"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["5"]}]}]
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}
        }
    }
    starter = {"name": "i", "resources": {"requests": {"cpu": "3"}}}
    file = load(
        {
            "kind": "PodList",
            "items": [
                pod_item("new", affinity=affinity, initContainers=[starter]),
                node_item("old", labels={"gen": "4"}),
                node_item("young", labels={"gen": "6"}),
            ],
        }
    )
    assert file.pods[0].allowed == ("young",)
    assert file.pods[0].cpus == 3


def test_a_file_of_our_own_holds_pods_and_machines(load) -> None:
    file = load(
        '[[pod]]\nname = "a"\ncpus = 2\nnode = "m-1"\n[[pod]]\nname = "b"\ncpus = 4\ntier = 1\n'
        '[[machine]]\nname = "m"\ncount = 2\ncpus = 4\n',
        "pods.toml",
    )
    assert [p.name for p in file.pods] == ["a", "b"]
    assert file.inventory is not None
    assert len(file.inventory.machines) == 2
    assert load({"pod": [{"name": "a"}]}).inventory is None


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a table of pods, got list"),
        ("{}", "pod is missing"),
        ({"pod": [{"name": "a", "cpu": 1}]}, "did you mean 'cpus'?"),
        ({"pod": [{"name": "a", "cpus": -1}]}, "must be greater than or equal to 0, got -1"),
        ({"items": 3}, "items must be a list of objects"),
        ({"items": []}, "no pod that runs or waits"),
        ({"items": [{"kind": "Pod"}]}, "no metadata.name"),
        ({"items": [pod_item("a", "1 core")]}, "pod 'web/a': cpu must be a quantity"),
        ({"items": [pod_item("a", priority="high")]}, "pod 'web/a': invalid literal"),
        ({"items": [pod_item("a"), node_item("n"), node_item("n")]}, "'n' stands twice"),
        (
            {"pod": [{"name": "a", "node": "x"}], "machine": [{"name": "m"}]},
            "pod 'a': no machine 'x'; known: m",
        ),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_line(load, tree, said) -> None:
    with pytest.raises(UserError) as caught:
        load(tree)
    assert str(caught.value).startswith("pods.json: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
