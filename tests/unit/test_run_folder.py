import errno
import json
import os
from pathlib import Path

import pytest

from agentsched.errors import StorageError, UserError
from agentsched.evolution import run as run_module
from agentsched.evolution.config import Budget, EvolveConfig
from agentsched.evolution.run import Run
from agentsched.evolution.seeds import Seeds


@pytest.fixture
def config(tmp_path):
    return EvolveConfig(
        scenario="single-machine", runs=tmp_path / "runs", seed=3, args={"--seed": 3}
    )


def created(config):
    return Run.create(config, {"scenario": {"digest": "d"}, "lessons": []})


def test_equal_numbers_give_equal_seeds_and_none_gives_a_fresh_secret():
    assert Seeds.make(3).of("test") == Seeds.make(3).of("test")
    assert Seeds.make(3).of("test") != Seeds.make(4).of("test")
    assert Seeds.make(None) != Seeds.make(None)


def test_uses_and_generations_have_unlike_seeds():
    seeds = Seeds.make(1)
    uses = [("train",), ("test",), ("validation", 0), ("validation", 1), ("validation", 11)]
    assert len({seeds.of(*use) for use in uses}) == len(uses)


def test_the_manifest_explains_the_run_and_keeps_the_secret(config):
    with created(config) as run:
        text = (run.path / "run.json").read_text()
        manifest = json.loads(text)
        assert manifest["args"] == {"--seed": 3}
        assert manifest["status"] == "running"
        assert manifest["seeds"]["commitment"] == Seeds.make(3).commitment
        assert Seeds.make(3).secret.hex() not in text
        assert (run.path / "secret").stat().st_mode & 0o077 == 0
        assert manifest["packages"]["numpy"]
        run.reveal()
        assert Seeds.make(3).secret.hex() in (run.path / "run.json").read_text()


def test_a_config_comes_back_from_the_manifest(config, tmp_path):
    with created(config) as run:
        path = run.path
    with Run.open(path) as run:
        assert run.config.budget == config.budget
        assert run.config.runs == config.runs.resolve()
        assert run.config.gate == config.gate


def test_events_come_back_in_order_without_their_times(config):
    with created(config) as run:
        run.append({"e": "a", "x": 0.1})
        run.append({"e": "b"}, durable=True)
        path = run.path
    with Run.open(path) as run:
        assert run.events == [{"e": "a", "x": 0.1}, {"e": "b"}]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_line_cut_in_half_by_a_kill_is_dropped_and_the_next_one_is_whole(config, cut):
    with created(config) as run:
        run.append({"e": "a"})
        run.append({"e": "b"})
        path = run.path
    events = path / "events.jsonl"
    data = events.read_bytes()
    events.write_bytes(data[:-cut])
    with Run.open(path) as run:
        assert run.events == [{"e": "a"}]
        run.append({"e": "c"})
    with Run.open(path) as run:
        assert run.events == [{"e": "a"}, {"e": "c"}]


def test_a_damaged_line_is_named(config):
    with created(config) as run:
        run.append({"e": "a"})
        path = run.path
    (path / "events.jsonl").write_bytes(b'{"e": "a"}\nnot json\n{"e": "b"}\n')
    with pytest.raises(UserError, match="line 2 is damaged"):
        Run.open(path)


def test_a_run_is_open_in_one_place_only(config):
    with created(config) as run, pytest.raises(UserError, match="open in another process"):
        Run.open(run.path)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="no run that can be resumed"):
        Run.open(tmp_path)


def test_the_seal_breaks_once_for_one_list_of_finalists(config):
    with created(config) as run:
        run.seal("these")
        run.seal("these")
        with pytest.raises(UserError, match="already used for other finalists"):
            run.seal("others")
        path = run.path
    with Run.open(path) as run, pytest.raises(UserError, match="already used"):
        run.seal("others")


def test_a_full_disk_is_one_line_and_the_file_ends_with_a_whole_event(config, monkeypatch):
    with created(config) as run:
        run.append({"e": "a"})
        write = os.write

        def full(handle, data):
            if data.startswith(b"{"):
                write(handle, data[: len(data) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(handle, data)

        monkeypatch.setattr(run_module.os, "write", full)
        with pytest.raises(StorageError, match=r"No space left on device.*--resume") as caught:
            run.append({"e": "b"})
        assert "\n" not in str(caught.value)
        monkeypatch.undo()
        run.append({"e": "c"})
        path = run.path
    with Run.open(path) as run:
        assert run.events == [{"e": "a"}, {"e": "c"}]


def test_a_runs_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    config = EvolveConfig(scenario="single-machine", runs=tmp_path / "file")
    with pytest.raises(StorageError, match="cannot write"):
        created(config)


def test_two_runs_of_one_second_get_two_folders(config):
    with created(config) as one, created(config) as two:
        assert one.path != two.path


def test_a_changed_scenario_is_refused_on_resume(config):
    with created(config) as run, pytest.raises(UserError, match="has changed"):
        run.expect_scenario("other")


@pytest.mark.parametrize(
    "bad",
    [
        {"evaluations": 0},  # >= 1
        {"tokens": 0},  # > 0
        {"minutes": -1.0},  # > 0
    ],
)
def test_a_budget_that_allows_nothing_is_refused(bad):
    with pytest.raises(UserError, match="must be"):
        Budget(**bad)


def test_paths_in_the_manifest_are_absolute(config, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    data = EvolveConfig(scenario="x.toml", runs=Path("r"), workload=Path("w.swf")).to_json()
    assert data["runs"] == str(tmp_path / "r")
    assert data["workload"] == str(tmp_path / "w.swf")
    assert data["scenario"] == str(tmp_path / "x.toml")
