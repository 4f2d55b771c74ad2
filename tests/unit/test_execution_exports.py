"""Exports: valid for those who read them, and true to plan, hints and commands."""

from __future__ import annotations

import re
import string
import warnings
from datetime import time
from typing import Any

import kubernetes_validate
import pytest
import yaml
from execution_plans import START, Placed, graph_of, plan_of, task
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from agentsched.errors import UserError
from agentsched.execution.exports import ClusterOptions, to_argo, to_ical, to_kubernetes
from agentsched.execution.exports.names import dns_label, dns_names, label_key, label_value
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    DeviceMemoryHint,
    Hint,
    LabelHint,
    LeastHint,
    MemoryHint,
    NearDataHint,
    PlaceHint,
    SpotHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import DataSet, Inventory, Machine

INVENTORY = Inventory(
    machines=(
        Machine(name="gpu1", cpus=64, memory=512, devices=8, device="A100-SXM4-80GB",
                zone="east", price=3),
        Machine(name="gpu2", cpus=64, memory=256, devices=8, device="V100", zone="west", price=1),
        Machine(name="cpu1", cpus=64, memory=64, zone="east", labels=("ssd",)),
    ),
    data=(DataSet(name="images", zone="east"),),
)  # fmt: skip
PLACES: dict[str, Placed] = {
    "train": ("gpu1", 0, 3600),
    "evaluate": ("gpu2", 3600, 4000),
    "rest": ("", 4000, 4600),
    "report": ("cpu1", 4600, 4700),
}
ALL_HINTS: tuple[Hint, ...] = (
    DeviceHint(tasks=("train",), names=("A100", "gpu"), hard=True),
    DeviceHint(tasks=("report",), names=("V100", "gpu"), avoid=True),
    DeviceMemoryHint(tasks=("train",), at_least=40, hard=True),
    MemoryHint(tasks=("train",), at_least=100, hard=True),
    LabelHint(names=("cpu1", "disk=fast", "example.org/ssd"), hard=False, weight=7),
    LabelHint(tasks=("report",), names=("old one",), avoid=True, hard=True),
    PlaceHint(tasks=("train",), level="zone", names=("east", "north"), hard=True),
    SpotHint(hard=True),
    TogetherHint(tasks=("train", "evaluate"), level="zone"),
    SpreadHint(tasks=("train", "evaluate"), level="node", hard=True),
    SpreadHint(level="rack"),
    NearDataHint(tasks=("train",), data="images", hard=True),
    CeilingHint(quantity="price", limit=2, per_hour=True, tasks=("evaluate",), hard=True),
    CeilingHint(quantity="price", limit=9),
    LeastHint(quantity="carbon"),
    WindowHint(start=time(22), end=time(6)),
)


def graph(hints: tuple[Hint, ...] = ALL_HINTS, **train: Any) -> TaskGraph:
    more = {"command": ("python", "train.py", "--lr", "0.1"), **train}
    return graph_of(
        task("train", title="Train: the big one", gang=2, retries=3,
             demand=Demand(cpus=2.5, memory=10.25, devices=2), **more),
        task("evaluate", "train", command=("python", "eval.py")),
        task("rest", "evaluate", command=(), demand=Demand(cpus=0), people=("ann@example.org",)),
        task("report", "rest", command=("sh", "-c", "echo \"$(date)\" > 'x y'; true")),
        hints=hints,
    )  # fmt: skip


def jobs(made: TaskGraph, **options: Any) -> dict[str, dict[str, Any]]:
    text = to_kubernetes(made, plan_of(made, PLACES), INVENTORY, ClusterOptions(**options))
    found = list(yaml.safe_load_all(text))
    for job in found:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kubernetes_validate.validate(job, "1.37", strict=True)
    return {job["metadata"]["labels"]["agentsched.io/task"]: job for job in found}


def pod(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def required(job: dict[str, Any]) -> list[set[tuple[str, ...]]]:
    affinity = pod(job)["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return [
        {(e["key"], e["operator"], *e.get("values", ())) for e in term["matchExpressions"]}
        for term in terms
    ]


def test_jobs_are_valid_and_say_what_the_task_asks_for() -> None:
    found = jobs(graph(), namespace="lab", image="example.org/lab/train:3")
    assert list(found) == ["train", "evaluate", "report"]
    train = found["train"]
    assert train["metadata"]["name"] == "test-train"
    assert train["metadata"]["namespace"] == "lab"
    assert train["spec"]["backoffLimit"] == 3
    assert (train["spec"]["parallelism"], train["spec"]["completionMode"]) == (2, "Indexed")
    container = pod(train)["containers"][0]
    assert container["image"] == "example.org/lab/train:3"
    assert container["resources"] == {
        "requests": {"cpu": "2500m", "memory": "10496Mi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "10496Mi", "nvidia.com/gpu": "2"},
    }


def test_what_waits_is_suspended_and_names_what_it_waits_for() -> None:
    found = jobs(graph())
    assert found["train"]["spec"]["suspend"] is False
    assert found["evaluate"]["spec"]["suspend"] is True
    notes = found["evaluate"]["metadata"]["annotations"]
    assert notes["agentsched.io/after-jobs"] == "test-train"
    assert notes["agentsched.io/planned-start"] == "2026-11-26T10:00:00+00:00"


def test_hard_hints_are_required_alternatives_multiplied() -> None:
    """On any GPU or an A100, with 40 GiB each, on a host with memory, in the east, never spot."""
    same = {
        ("nvidia.com/gpu.memory", "Gt", "40959"),
        ("kubernetes.io/hostname", "In", "gpu1", "gpu2"),
        ("topology.kubernetes.io/zone", "In", "east", "north"),
        ("karpenter.sh/capacity-type", "NotIn", "spot"),
        ("kubernetes.io/hostname", "In", "gpu1", "cpu1"),
    }
    assert required(jobs(graph())["train"]) == [
        {("nvidia.com/gpu.product", "Exists"), *same},
        {("nvidia.com/gpu.product", "In", "A100-SXM4-80GB", "A100"), *same},
    ]


def test_hints_of_one_task_do_not_bind_another() -> None:
    assert required(jobs(graph())["report"]) == [
        {("old-one", "DoesNotExist"), ("karpenter.sh/capacity-type", "NotIn", "spot")}
    ]


def test_soft_hints_and_the_planned_machine_are_preferred_by_weight() -> None:
    affinity = pod(jobs(graph())["report"])["affinity"]["nodeAffinity"]
    soft = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    said = [
        (one["weight"], tuple(e["key"] for e in one["preference"]["matchExpressions"]))
        for one in soft
    ]
    assert (100, ("kubernetes.io/hostname",)) in said
    assert (7, ("disk",)) in said
    assert (7, ("example.org/ssd",)) in said
    assert (1, ("nvidia.com/gpu.product", "nvidia.com/gpu.product")) in said


def test_together_and_spread_become_pod_rules_and_topology_spread() -> None:
    spec = pod(jobs(graph())["train"])
    (near,) = spec["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert near["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
    (apart,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    (spread,) = spec["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
        "topology.kubernetes.io/rack", "ScheduleAnyway"
    )  # fmt: skip
    labels = jobs(graph())["train"]["spec"]["template"]["metadata"]["labels"]
    for rule in (near["podAffinityTerm"], apart, spread):
        assert rule["labelSelector"]["matchLabels"].items() <= labels.items()


def test_what_only_the_plan_can_keep_is_told() -> None:
    notes = jobs(graph())["train"]["metadata"]["annotations"]
    assert notes["agentsched.io/settled-by-plan"] == (
        "price at most 9; least carbon; within 22:00 to 06:00"
    )


def test_pinned_machines_are_required() -> None:
    made = graph(hints=())
    assert required(jobs(made, pin=True)["train"]) == [{("kubernetes.io/hostname", "In", "gpu1")}]


def expanded(argument: str) -> str:
    """As Kubernetes does before it starts a container: $(NAME) by its value, $$ by one dollar."""
    return re.sub(
        r"\$(\$|\((\w*)\))", lambda m: "$" if m[1] == "$" else f"<value of {m[2]}>", argument
    )


def test_commands_are_arguments_that_nothing_replaces() -> None:
    nasty = (
        "run",
        "$(HOME)",
        "$$(HOME)",
        "$$$",
        "$HOME",
        "a: b # c",
        "'\"",
        "- x",
        "{[",
        "é\n\ttab",
        "!!python/object",
    )
    container = pod(jobs(graph(command=nasty))["train"])["containers"][0]
    assert tuple(map(expanded, container["command"])) == nasty
    assert expanded("$(HOME) $$(HOME)") == "<value of HOME> $(HOME)"


def test_a_hard_hint_that_no_machine_keeps_is_an_error() -> None:
    made = graph(hints=(MemoryHint(at_least=9999, hard=True),))
    with pytest.raises(UserError, match="'train': no machine of the inventory keeps"):
        jobs(made)


def workflow(made: TaskGraph, **options: Any) -> dict[str, Any]:
    from hera.workflows.models import Workflow

    text = to_argo(made, plan_of(made, PLACES), INVENTORY, ClusterOptions(**options))
    data = yaml.safe_load(text)
    Workflow.model_validate(data)
    return data  # type: ignore[no-any-return]


def test_the_workflow_is_valid_and_keeps_the_order() -> None:
    made = workflow(graph())
    first, *templates = made["spec"]["templates"]
    assert first["name"] == made["spec"]["entrypoint"]
    assert [(t["name"], t.get("dependencies", [])) for t in first["dag"]["tasks"]] == [
        ("train", []), ("evaluate", ["train"]), ("rest", ["evaluate"]), ("report", ["rest"])
    ]  # fmt: skip
    assert {t["template"] for t in first["dag"]["tasks"]} == {t["name"] for t in templates}
    by_name = {template["name"]: template for template in templates}
    assert by_name["task-train"]["retryStrategy"]["limit"] == "3"
    assert by_name["task-rest"]["suspend"] == {"duration": "600s"}
    assert first["dag"]["tasks"][0]["withSequence"] == {"count": "2"}
    assert "nodeAffinity" in by_name["task-train"]["affinity"]


def test_argo_would_replace_braces_so_they_are_refused() -> None:
    with pytest.raises(UserError, match=r"'train': argument '\{\{workflow.name\}\}'"):
        workflow(graph(command=("echo", "{{workflow.name}}")))


def test_the_calendar_loads_and_bears_the_order() -> None:
    made = graph()
    calendar = Calendar.from_ical(to_ical(made, plan_of(made, PLACES), START))
    events = calendar.walk("VEVENT")
    assert [str(event["summary"]) for event in events] == [
        "Train: the big one", "evaluate", "rest", "report"
    ]  # fmt: skip
    train, evaluate, rest, _ = events
    assert train.decoded("dtstart") == START
    assert (train["transp"], rest["transp"]) == ("TRANSPARENT", "OPAQUE")
    assert str(rest["attendee"]) == "mailto:ann@example.org"
    assert str(evaluate["related-to"]) == str(train["uid"])
    assert evaluate["related-to"].params["RELTYPE"] == "FINISHTOSTART"


def test_a_later_plan_moves_the_same_events() -> None:
    made = graph()
    later = {**PLACES, "train": ("gpu1", 60, 3660)}
    texts = [to_ical(made, plan_of(made, places), START) for places in (PLACES, later)]
    uids = [[str(e["uid"]) for e in Calendar.from_ical(t).walk("VEVENT")] for t in texts]
    assert uids[0] == uids[1]


def test_titles_cannot_break_out_of_a_calendar_line() -> None:
    made = graph_of(task("a", title="x\r\nEND:VEVENT\r\nBEGIN:VEVENT;,\\"))
    text = to_ical(made, plan_of(made, {"a": ("cpu1", 0, 10)}), START)
    assert len(Calendar.from_ical(text).walk("VEVENT")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": ""}, "image ''"),
        ({"image": "a b"}, "image 'a b'"),
        ({"namespace": "Big_One"}, "namespace 'Big_One'"),
    ],
)
def test_options_say_what_is_wrong(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ClusterOptions(**options)


IDS = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,59}", fullmatch=True)
LABEL = set(string.ascii_lowercase + string.digits + "-")


@given(st.lists(IDS, min_size=1, max_size=30, unique=True), st.text(max_size=120))
@settings(max_examples=200, deadline=None)
def test_names_are_dns_labels_and_differ(ids: list[str], prefix: str) -> None:
    names = dns_names(prefix, ids)
    assert len(set(names.values())) == len(ids)
    for name in (*names.values(), dns_label(prefix)):
        assert 1 <= len(name) <= 52
        assert set(name) <= LABEL
        assert name[0] != "-" != name[-1]


@given(st.text(max_size=200))
def test_labels_are_valid_whatever_they_are_made_of(text: str) -> None:
    value, key = label_value(text), label_key(text)
    allowed = set(string.ascii_letters + string.digits + "._-")
    for part in (value, key.rpartition("/")[2]):
        assert len(part) <= 63
        assert set(part) <= allowed
        assert part == part.strip("._-")


def test_ids_that_look_alike_after_cleaning_get_different_names() -> None:
    names = dns_names("", ["a.b", "a-b", "a_b"])
    assert len(set(names.values())) == 3


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
                min_size=1, max_size=4).filter(lambda c: bool(c[0])))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_command_survives_the_way_into_yaml(command: list[str]) -> None:
    made = graph_of(Task(id="a", command=tuple(command)))
    plan = plan_of(made, {"a": ("cpu1", 0, 10)})
    (job,) = yaml.safe_load_all(to_kubernetes(made, plan, INVENTORY))
    said = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert [expanded(argument) for argument in said] == command
