"""The scenario schema: what a file can say, and one line for what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from evaluator.cluster.scenario import load_scenario
from evaluator.cluster.scenario_file import Metric
from evaluator.errors import InputError
from evaluator.metrics import METRICS
from evaluator.workloads import load_workload

BASE = """
title = "T"
known = ["fifo", "sjf"]
start = "fifo"

[objective]
metric = "mean_jct"

[[guard]]
metric = "utilisation"
margin = 0.02

[rules]
restart_cost = 1.5

[workload]
source = "lublin"
jobs = 10
rate = 5.0

[cluster]

[[cluster.node]]
type = "cpu"
count = 2
cpus = 64
"""

RICH = """
title = "Everything"
description = "All tables."
known = ["fifo"]
start = "fifo"
[objective]
metric = "carbon_kg"
[workload]
source = "gavel"
jobs = 5
load = 0.5
[estimates]
model = "over_request"
[rules]
preemptive = true
round = 0.5
restart_cost = 60
start_cost = 1
checkpoint = 600
oracle = true
[failures]
law = "weibull"
shape = 0.489
scale = 2.97e6
[[outage]]
node = "K80-2"
start = 10
end = 20.5
[[outage]]
node = 0
start = 1
end = 2
[[price]]
region = "west"
times = [0, 3600]
values = [1.0, 2.5]
[[carbon]]
region = "east"
file = "carbon.csv"
time_column = "when"
value_column = "g"
factor = 0.5
[cluster]
name = "two regions"
[cluster.links.node]
bandwidth = 1e10
[cluster.links.zone]
bandwidth = 1e9
latency = 0.001
[[cluster.node]]
type = "K80"
count = 2
devices = 4
region = "east"
speed = [0.5, 2.0]
labels = ["old"]
[[cluster.node]]
type = "V100"
count = 1
devices = 8
cpus = 1.5
memory = 2
region = "west"
bandwidth = 5e8
idle_watts = 100
busy_watts = 300
price = 3.5
[[cluster.node]]
type = "K80"
count = 1
devices = 4
region = "west"
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_every_table_finds_its_place(tmp_path: Path) -> None:
    (tmp_path / "carbon.csv").write_text("when,g\n2024-01-01 00:00:00,400\n2024-01-01 01:00,300\n")
    s = load_scenario(write(tmp_path, RICH))
    c = s.cluster
    assert c.types == ("K80", "V100")
    assert c.names == ("K80-0", "K80-1", "K80-2", "V100-0")
    assert c.capacity.tolist()[3] == [1500, 2048, 8000]
    assert c.region.tolist() == [0, 0, 1, 1]
    assert c.speed.tolist() == [1.25, 1.25, 1.0, 1.0]
    # rack takes the node's link, region and world the zone's
    assert c.links.bandwidth.tolist() == [1e10, 1e10, 1e9, 1e9, 1e9]
    assert c.links.latency.tolist() == [0, 0, 1000, 1000, 1000]
    i = s.instance("train", 0, b"x" * 16)
    assert (i.rules.round, i.rules.restart_cost, i.rules.checkpoint) == (
        500_000,
        60_000_000,
        600_000_000,
    )
    assert i.failures is not None
    assert (i.failures.law, i.failures.shape) == ("weibull", 0.489)
    assert [(o.node, o.start, o.end) for o in i.outages] == [
        (2, 10_000_000, 20_500_000),
        (0, 1_000_000, 2_000_000),
    ]
    assert [(p.region, p.times.tolist(), p.values.tolist()) for p in i.price] == [
        (1, [0, 3_600_000_000], [1.0, 2.5])
    ]
    assert [(p.region, p.times.tolist(), p.values.tolist()) for p in i.carbon] == [
        (0, [0, 3_600_000_000], [200.0, 150.0])
    ]


def test_ranges_of_speed_are_drawn_for_every_instance(tmp_path: Path) -> None:
    (tmp_path / "carbon.csv").write_text("when,g\n0,400\n3600,300\n")
    s = load_scenario(write(tmp_path, RICH))
    drawn = [s.instance("train", i, b"x" * 16).cluster.speed for i in range(4)]
    assert len({tuple(speed) for speed in drawn}) == 4
    assert all(np.all((speed[:2] >= 0.5) & (speed[:2] <= 2.0)) for speed in drawn)
    assert all(speed[2:].tolist() == [1.0, 1.0] for speed in drawn)


def test_metrics_of_the_schema_are_those_that_are_measured() -> None:
    assert set(Metric.__args__) == set(METRICS)  # type: ignore[attr-defined]


def test_a_metric_brings_its_own_sense(tmp_path: Path) -> None:
    s = load_scenario(write(tmp_path, BASE))
    assert s.objective.sense == "min"
    assert [(g.metric, g.sense) for g in s.guards] == [("utilisation", "max")]
    for guard in ("utilisation", "jain_index", "mean_wait"):
        text = BASE.replace('metric = "utilisation"', f'metric = "{guard}"')
        assert load_scenario(write(tmp_path, text)).guards[0].sense == METRICS[guard].sense


def swap(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (swap("jobs = 10", "jobs = 0"), ("workload.jobs", "greater than or equal to 1", "got 0")),
        (swap("jobs = 10", 'jobs = "x"'), ("workload.jobs", "valid integer", "got 'x'")),
        (swap("jobs = 10", "job = 10"), ("workload.job is not a field", "did you mean 'jobs'?")),
        (swap('"lublin"', '"lubin"'), ("workload.source", "lublin, ", "got 'lubin'")),
        (swap('source = "lublin"\n', ""), ("workload needs 'source'", "or 'file'")),
        (swap("rate = 5.0", ""), ("workload:", "one of 'rate'", "'load'")),
        (swap("rate = 5.0", "rate = 5.0\nload = 1.0"), ("workload:", "not both")),
        (swap("restart_cost = 1.5", "restart_cost = -1"), ("rules.restart_cost", "got -1")),
        (swap("restart_cost", "restartcost"), ("rules.restartcost", "'restart_cost'?")),
        (swap('metric = "mean_jct"', 'metric = "jct"'), ("objective.metric", "got 'jct'")),
        (swap("margin = 0.02", ""), ("guard[0].margin is missing",)),
        (swap("count = 2", "count = 0"), ("cluster.node[0].count", "got 0")),
        (swap("cpus = 64", "speed = [2, 1]"), ("cluster.node[0]", "[low, high]", "[2.0, 1.0]")),
        (swap('start = "fifo"', 'start = "las"'), ("start must be one of known", "got 'las'")),
        (swap('title = "T"', "title = "), ("not valid TOML", "line 2")),
        (swap('title = "T"', ""), ("title is missing",)),
        # the misspelt field says more than the missing one
        (swap('title = "T"', 'titel = "T"'), ("titel is not a field", "'title'?", "1 more")),
        (BASE + "\n[splits]\ntrain = 0\n", ("splits.train", "got 0")),
        (BASE + '\n[[outage]]\nnode = "n9"\nstart = 0\nend = 1\n', ("outage[0].node", "'n9'")),
        (BASE + "\n[[outage]]\nnode = 2\nstart = 0\nend = 1\n", ("row below 2", "got 2")),
        (BASE + "\n[[outage]]\nnode = 0\nstart = 5\nend = 5\n", ("outage[0]", "after start 5")),
        (BASE + "\n[[price]]\ntimes = [1]\nvalues = [1]\n", ("price[0]", "begin with 0")),
        (
            BASE + '\n[[price]]\nregion = "x"\ntimes = [0]\nvalues = [1]\n',
            ("price[0].region must be a region of the cluster", "got 'x'"),
        ),
        (
            swap('source = "lublin"\njobs = 10\nrate = 5.0', 'file = "x.swf"'),
            ("unseen is missing",),
        ),
        (
            BASE + '\n[unseen]\nsource = "gavel"\nload = 1.0\n',
            ("know node types V100, P100, K80", "got 'cpu'"),
        ),
    ],
)
def test_a_wrong_scenario_is_one_line_with_field_and_value(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(write(tmp_path, text))
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


@pytest.mark.parametrize("mistake", ["count = 0", "count = 2\ncpus = 'x'\n#"])
def test_one_mistake_in_a_list_is_counted_once(tmp_path: Path, mistake: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(write(tmp_path, swap("count = 2", mistake)))
    assert "more)" not in str(caught.value)


def test_a_rule_about_the_whole_file_names_no_field_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^[^:]*\.toml: start must be"):
        load_scenario(write(tmp_path, swap('start = "fifo"', 'start = "las"')))


def test_the_examples_of_the_documentation_load(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "scenario-format.md").read_text()
    whole, world = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)[:2]
    (tmp_path / "carbon.csv").write_text("time,value\n0,400\n3600,300\n")
    s = load_scenario(write(tmp_path, whole + world))
    assert s.instance("unseen", 11, b"x" * 16).carbon[0].values.tolist() == [400.0, 300.0]
    (tmp_path / "t.csv").write_text(re.findall(r"```csv\n(.*?)```", page, re.DOTALL)[0])
    table = load_workload(tmp_path / "t.csv", None, s.cluster)
    assert (table.job_names, table.edges.bytes.tolist()) == (("etl", "report"), [4_000_000])
