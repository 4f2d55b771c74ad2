"""Worlds are found by name, by what belongs to them, and by their files."""

from __future__ import annotations

import importlib.metadata
import inspect
from pathlib import Path

import pytest

from evaluator import worlds
from evaluator.calendar import CONFLICTS
from evaluator.cluster.scenario import load_scenario as load_cluster_scenario
from evaluator.errors import InputError, TraceError
from evaluator.world import World
from evaluator.worlds import find_world, load_scenario, read_trace, scenario_names, world_of


@pytest.fixture(autouse=True)
def _fresh() -> None:
    worlds.find_world.cache_clear()
    worlds.world_names.cache_clear()


def test_the_built_in_worlds_need_no_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: ())
    assert worlds.world_names() == ("cluster", "calendar")
    assert [world.name for world in worlds.worlds()] == ["cluster", "calendar"]


@pytest.mark.parametrize("name", ["cluster", "calendar"])
def test_a_world_offers_all_of_the_protocol(name: str) -> None:
    world = find_world(name)
    for member in vars(World):
        if not member.startswith("_"):
            assert hasattr(world, member), member
    for member, wanted in inspect.getmembers(World, inspect.isfunction):
        if not member.startswith("_"):
            got = inspect.signature(getattr(world, member)).parameters
            assert list(got) == list(inspect.signature(wanted).parameters)[1:], member
    assert set(world.briefing.entries) <= {"key", "prefer", "score", "doubt"}


def test_another_package_adds_a_world_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """``json:decoder`` stands for somebody's object."""
    point = importlib.metadata.EntryPoint("spot", "json:decoder", worlds.GROUP)
    taken = importlib.metadata.EntryPoint("cluster", "json:decoder", worlds.GROUP)
    everyone = (point, taken)

    def points(group: str, name: str | None = None) -> tuple[importlib.metadata.EntryPoint, ...]:
        assert group == worlds.GROUP
        return tuple(p for p in everyone if name in (None, p.name))

    monkeypatch.setattr(importlib.metadata, "entry_points", points)
    assert worlds.world_names() == ("cluster", "calendar", "spot")
    assert find_world("spot") is importlib.import_module("json").decoder
    # the built-in names cannot be taken
    assert find_world("cluster").name == "cluster"


def test_a_world_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("spot", "no.such.module:WORLD", worlds.GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: (point,))
    with pytest.raises(InputError, match=r"world 'spot': no\.such\.module:WORLD cannot be loaded"):
        find_world("spot")


def test_scenarios_and_instances_say_whose_they_are() -> None:
    single = load_cluster_scenario("single-machine")
    seed = b"sixteen bytes ok"
    assert world_of(single).name == "cluster"
    assert world_of(single.instance("smoke", 0, seed)).name == "cluster"
    assert world_of(CONFLICTS).name == "calendar"
    assert world_of(CONFLICTS.instance("smoke", 0, seed)).name == "calendar"
    with pytest.raises(InputError, match="no world has a str"):
        world_of("single-machine")


def test_unknown_names_are_answered_with_what_there_is() -> None:
    assert set(scenario_names()) >= {"single-machine", "calendar-conflicts"}
    with pytest.raises(InputError, match="did you mean 'calendar-conflicts'"):
        load_scenario("calendar-conflict")
    with pytest.raises(InputError, match="no world 'serving'; known: cluster, calendar"):
        find_world("serving")


def test_a_file_names_its_world(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('world = "calendar"\n[rules]\nrounds = 30\n')
    found = load_scenario(str(path))
    assert (found.name, world_of(found).name) == ("mine", "calendar")
    path.write_text('world = "moon"\n')
    with pytest.raises(InputError, match="no world 'moon'"):
        load_scenario(str(path))


def test_a_trace_of_an_unknown_world_is_refused_with_its_path(tmp_path: Path) -> None:
    from evaluator.sealed import pack

    path = tmp_path / "x.trace"
    path.write_bytes(pack({"world": "moon", "header": {}}, {})[0])
    with pytest.raises(TraceError, match=r"x\.trace: .*no world 'moon'"):
        read_trace(path)
