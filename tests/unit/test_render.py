"""Pictures are well-formed, self-contained, bounded in size, and say what they show."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from tracemaker import make_trace, worlds

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.cluster.workload import simple_workload
from evaluator.gantt import gantt, load_chart, queue_chart
from evaluator.render import (
    Axis,
    Line,
    Point,
    histogram,
    line_chart,
    scatter,
    tick,
    ticks,
)
from evaluator.trace import Trace

SVG = "{http://www.w3.org/2000/svg}"


def titles(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}title")]


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def many(nodes: int, tasks: int) -> tuple[Instance, Trace]:
    """Each node runs tasks of 1 s one after the other."""
    cluster = build_cluster("many", [NodeGroup(type="cpu", count=nodes)])
    instance = Instance(cluster, simple_workload("w", [0] * tasks, [SECOND] * tasks))
    at = np.arange(tasks) // nodes * SECOND
    trace = replace(
        make_trace([]), task=np.arange(tasks, dtype=np.int32),
        node=(np.arange(tasks) % nodes).astype(np.int32), start=at, end=at + SECOND,
        outcome=np.zeros(tasks, np.int8),
    )  # fmt: skip
    return instance, trace


def test_a_gantt_has_a_bar_for_every_segment_and_node() -> None:
    instance, trace = many(3, 12)
    svg = gantt(instance, trace)
    bars = [t for t in titles(svg) if "finished" in t]
    assert len(bars) == 12
    assert "j4 (user u0) on cpu-1: 1 s to 2 s, finished" in bars
    assert {"cpu-0", "cpu-1", "cpu-2", "time since the first release"} <= set(texts(svg))


def test_absences_are_hatched() -> None:
    for instance, trace in worlds(60):
        if np.any(trace.event_up == 0):
            svg = gantt(instance, trace)
            assert "url(#away)" in svg
            assert any(" away: " in t for t in titles(svg))
            return
    raise AssertionError("no world with an absence among the first 60")


@pytest.mark.parametrize("nodes", [30, 700])
def test_a_large_trace_is_drawn_as_load_in_bounded_size(nodes: int) -> None:
    instance, trace = many(nodes, 30_000)
    svg = gantt(instance, trace, colour="job")
    assert len(svg) < 3_000_000
    assert any("100% busy" in t for t in titles(svg))


def test_charts_over_time_draw_every_world() -> None:
    for instance, trace in worlds(8):
        for svg in (load_chart(instance, trace), queue_chart(instance, trace)):
            assert "nan" not in svg
            assert ElementTree.fromstring(svg).get("role") == "img"


def every_chart() -> list[str]:
    across, up = Axis("evaluations"), Axis("mean JCT", "time")
    return [
        line_chart("a <b> & 'c'", [Line("x & y", [0, 1, 2], [3.0, float("nan"), 5.0])], across, up),
        line_chart("flat", [Line("l", [0, 1], [2.0, 2.0]), Line("m", [0, 1], [2, 2])], across, up),
        line_chart("empty", [], across, up),
        scatter("front", [Point(1, 2, "p"), Point(2, 1, "q", front=True)], across, up),
        scatter("none", [], across, up),
        histogram("same", [4.0] * 9, up),
        histogram("none", [], up),
    ]


@pytest.mark.parametrize("row", range(7))
def test_charts_are_well_formed_and_self_contained(row: int) -> None:
    svg = every_chart()[row]
    ElementTree.fromstring(svg)
    assert not re.search(r"\b(nan|inf)\b", svg)
    assert not re.search(r"<script|https?://(?!www\.w3\.org/2000/svg)|@import|src=", svg)
    assert "prefers-color-scheme:dark" in svg


def test_tooltips_name_the_point() -> None:
    svg = scatter("s", [Point(90, 2, "candidate 7")], Axis("x", "time"), Axis("y"))
    assert titles(svg) == ["candidate 7: 90 s, 2"]


def test_histogram_counts_every_value() -> None:
    svg = histogram("h", [1.0, 1.0, 2.0, 9.0], Axis("v"), bins=4)
    assert sorted(int(t.rpartition(" ")[2]) for t in titles(svg)) == [1, 3]


def test_time_ticks_are_round_and_in_one_unit() -> None:
    values = ticks(0, 17.3 * 3600, "time", 9)
    assert [tick(v, "time", 17.3 * 3600) for v in values] == [
        "0", "2 h", "4 h", "6 h", "8 h", "10 h", "12 h", "14 h", "16 h",
    ]  # fmt: skip


@pytest.mark.parametrize("high", [1e-7, 0.3, 1.0, 7.7, 95, 3.2e5, 4.4e9])
def test_axes_have_a_handful_of_ticks(high: float) -> None:
    for scale in ("number", "time"):
        assert 3 <= len(ticks(0, high, scale, 9)) <= 11  # type: ignore[arg-type]
