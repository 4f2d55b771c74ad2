"""The loop over a world without simulation (fake_world.py): folding, killing, resuming, ending."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from agentsched.errors import ModelError, StorageError, UserError
from agentsched.evolution import loop
from agentsched.evolution.config import Breeding, Budget, EvolveConfig
from agentsched.evolution.loop import Incumbent, evolve, resume
from agentsched.evolution.proposal import Proposal
from agentsched.evolution.proposers import MutationProposer
from agentsched.evolution.run import Run
from agentsched.evolution.state import State
from agentsched.llm import Usage
from evaluator.cluster.scenario import load_scenario
from evaluator.gate import GateRules

HERE = Path(__file__).parent
SPLITS = {"smoke": 1, "train": 6, "validation": 8, "test": 20, "unseen": 6}


def small_scenario():
    return replace(load_scenario("single-machine"), splits=SPLITS)


@pytest.fixture(scope="module")
def scenario():
    return small_scenario()


@pytest.fixture(autouse=True)
def _no_simulation(monkeypatch):
    monkeypatch.setattr(loop, "HANDLER", "fake_world:open_runner")


def config(runs, evaluations=30, workers=0, **more):
    return EvolveConfig(
        scenario="single-machine",
        runs=runs,
        seed=5,
        workers=workers,
        budget=more.pop("budget", None) or Budget(evaluations=evaluations),
        breeding=Breeding(batch=4, migrate_every=2, capacity=4, **more),
        gate=GateRules(resamples=4000),
    )


def mutation(path, spent):
    return MutationProposer()


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the loop may catch it and tidy up."""


def test_a_run_ends_with_a_verdict_a_report_and_its_seeds_revealed(tmp_path, scenario):
    seen = []
    outcome = evolve(config(tmp_path), mutation, scenario=scenario, watcher=seen.append)
    manifest = json.loads((outcome.run / "run.json").read_text())
    assert outcome.stopped == "evaluations"
    assert outcome.state.spent.evaluations == 30
    assert manifest["status"] == "finished"
    assert manifest["proposer"] == "mutation"
    assert len(manifest["seeds"]["secret"]) == 32
    assert outcome.accepted is not None
    assert outcome.verdicts[outcome.accepted].accepted
    assert (outcome.run / "report.md").read_text().count(outcome.accepted) > 1
    assert (outcome.run / "report.html").is_file()
    assert seen[-1].phase == "done"
    assert seen[-1].evaluations == 30
    assert {p.phase for p in seen} >= {"known rules", "evolving", "validation", "sealed test"}
    for k, event in outcome.state.proposals.items():
        file = outcome.run / "candidates" / f"c{k:04d}.py"
        assert file.read_text() == event["text"]


def test_equal_seeds_give_equal_runs_whatever_the_number_of_processes(tmp_path, scenario):
    one = evolve(config(tmp_path), mutation, scenario=scenario)
    two = evolve(config(tmp_path, workers=2), mutation, scenario=scenario)
    assert one.state.digest() == two.state.digest()


def test_killed_after_any_event_and_resumed_it_ends_in_the_same_state(tmp_path, scenario):
    """A folder whose events end early is what a kill leaves behind; every third place is tried."""
    wanted = config(tmp_path, 8, finalists=1, front=1)
    whole = evolve(wanted, mutation, scenario=scenario)
    lines = (whole.run / "events.jsonl").read_text().splitlines(keepends=True)
    kinds = [json.loads(line)["e"] for line in lines]
    assert {"known", "proposed", "evaluated", "generation", "validated", "final"} <= set(kinds)
    opened = next(i for i, line in enumerate(lines) if '"part": "test"' in line)
    for count in range(0, len(lines), 3):
        path = tmp_path / f"killed-{count}"
        shutil.copytree(whole.run, path)
        (path / "events.jsonl").write_text("".join(lines[:count]))
        if count < opened:
            (path / "test.opened").unlink()
        (path / "candidates" / "c0001.py").unlink()
        again = resume(path, mutation, scenario=scenario)
        assert again.state.digest() == whole.state.digest(), f"killed after {kinds[:count][-1:]}"
        assert (path / "candidates" / "c0001.py").is_file()
        shutil.rmtree(path)


def test_nothing_but_the_write_of_an_event_changes_what_a_kill_leaves(tmp_path, scenario):
    """Killed in the middle of the loop, not between two lines: the half-done step is done again."""
    whole = evolve(config(tmp_path / "whole", 10), mutation, scenario=scenario)
    append = Run.append
    for kind, nth in [("evaluated", 7), ("generation", 2), ("finalists", 1), ("verdict", 2)]:
        seen = 0

        def dying(run, event, *, durable=False, kind=kind, nth=nth):
            nonlocal seen
            seen += event["e"] == kind
            if seen == nth:
                raise Killed
            append(run, event, durable=durable)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Run, "append", dying)
            with pytest.raises(Killed):
                evolve(config(tmp_path / kind, 10), mutation, scenario=scenario)
        (path,) = (tmp_path / kind).iterdir()
        assert resume(path, mutation, scenario=scenario).state.digest() == whole.state.digest()


def test_events_alone_give_the_state(tmp_path, scenario):
    outcome = evolve(config(tmp_path, 12), mutation, scenario=scenario)
    with Run.open(outcome.run) as run:
        folded = State.start(scenario, run.config.breeding, run.events)
    assert folded.digest() == outcome.state.digest()


def test_a_finished_run_resumes_to_itself(tmp_path, scenario):
    outcome = evolve(config(tmp_path, 12), mutation, scenario=scenario)
    before = (outcome.run / "events.jsonl").read_bytes()
    again = resume(outcome.run, mutation, scenario=scenario)
    assert again.state.digest() == outcome.state.digest()
    assert (outcome.run / "events.jsonl").read_bytes() == before


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}]
from agentsched.evolution import loop
from agentsched.evolution.run import Run
import test_evolve
loop.HANDLER = "fake_world:open_runner"
runs = Path(sys.argv[1])
scenario = test_evolve.small_scenario()
test_evolve.evolve(test_evolve.config(runs, 40, workers=1), test_evolve.mutation, scenario=scenario)
"""


def started(runs):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(here=str(HERE)), str(runs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "FAKE_WORLD_SLEEP": "0.01"},
    )


def wait_for_events(runs, count, process):
    """Wait until the run has written so many events."""
    while process.poll() is None:
        files = list(runs.glob("*/events.jsonl"))
        if files and files[0].read_bytes().count(b"\n") >= count:
            return files[0].parent
        time.sleep(0.005)
    raise AssertionError(process.stderr.read().decode())


def test_a_real_sigkill_loses_only_what_was_in_flight_and_leaves_no_process(tmp_path, scenario):
    whole = evolve(config(tmp_path / "whole", 40), mutation, scenario=scenario)
    process = started(tmp_path / "runs")
    path = wait_for_events(tmp_path / "runs", 40, process)
    workers = [
        int(p.parent.name)
        for p in Path("/proc").glob("[0-9]*/stat")
        if p.exists() and f") S {process.pid} " in p.read_text().replace(") R ", ") S ")
    ]
    process.kill()
    process.communicate()
    again = resume(path, mutation, scenario=scenario)
    assert again.state.digest() == whole.state.digest()
    assert workers
    assert all(ends(pid) for pid in workers)


def ends(pid, patience=30.0):
    """Whether a process is gone, or dead and not yet reaped, before patience runs out."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_ctrl_c_once_ends_with_a_verdict_and_report(tmp_path):
    process = started(tmp_path)
    path = wait_for_events(tmp_path, 30, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    manifest = json.loads((path / "run.json").read_text())
    assert process.returncode == 0, errors.decode()
    assert manifest["status"] == "finished"
    assert "you pressed Ctrl-C" in (path / "report.md").read_text()


class Interrupting:
    """Presses Ctrl-C while it proposes."""

    name = "interrupting"
    digests: ClassVar = {}

    def __init__(self, at, times):
        self.at, self.times, self.inner, self.count = at, times, MutationProposer(), 0

    def propose(self, request):
        self.count += 1
        if self.count == self.at:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        return self.inner.propose(request)

    def close(self):
        pass


def test_ctrl_c_twice_stops_at_once_and_resumes_to_the_same_end(tmp_path, scenario):
    whole = evolve(config(tmp_path / "whole"), mutation, scenario=scenario)
    with pytest.raises(KeyboardInterrupt):
        evolve(config(tmp_path / "cut"), lambda *_: Interrupting(6, 2), scenario=scenario)
    (path,) = (tmp_path / "cut").iterdir()
    assert json.loads((path / "run.json").read_text())["status"] == "interrupted"
    assert resume(path, mutation, scenario=scenario).state.digest() == whole.state.digest()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_once_proposes_no_more(tmp_path, scenario):
    outcome = evolve(config(tmp_path), lambda *_: Interrupting(6, 1), scenario=scenario)
    assert outcome.stopped == "interrupt"
    assert len(outcome.state.proposals) == 6


def test_a_run_outside_the_main_thread_needs_no_signals(tmp_path, scenario):
    done = []
    thread = threading.Thread(
        target=lambda: done.append(evolve(config(tmp_path, 6), mutation, scenario=scenario))
    )
    thread.start()
    thread.join()
    assert done[0].stopped == "evaluations"


class Scripted:
    """Proposes given texts in turn, the last one for ever."""

    name = "scripted"
    digests: ClassVar = {"p": "d"}

    def __init__(self, *proposals):
        self.proposals = list(proposals)
        self.requests = []

    def propose(self, request):
        self.requests.append(request)
        return self.proposals.pop(0) if len(self.proposals) > 1 else self.proposals[0]

    def close(self):
        pass


def text(number):
    return f'"""p"""\ndef key(task):\n    return task.estimate * {number}\n'


def test_the_same_code_under_other_names_is_refused_before_it_runs(tmp_path, scenario):
    twin = '"""other words"""\ndef key(t):\n    # why\n    return t.estimate * 3.5\n'
    proposer = Scripted(Proposal(text(3.5), how="rewrite"), Proposal(twin, how="rewrite"))
    outcome = evolve(config(tmp_path, 10, fruitless=6), lambda *_: proposer, scenario=scenario)
    assert outcome.stopped == "fruitless"
    assert outcome.state.spent.evaluations == 1
    assert outcome.state.results[1]["result"] == {"kind": "duplicate", "of": "c0000"}


def test_failures_become_lessons_with_counts_and_reach_the_next_prompts(tmp_path, scenario):
    bad = Proposal(None, how="rewrite", error="line 3: while is not allowed")
    proposer = Scripted(bad)
    outcome = evolve(
        config(tmp_path, 10, fruitless=12),
        lambda *_: proposer,
        scenario=scenario,
        lessons=("earlier: do not divide by zero",),
    )
    (lesson,) = outcome.state.top_lessons(5)
    assert (lesson.kind, lesson.count, lesson.first) == ("reply", 12, "c0000")
    assert proposer.requests[0].lessons == ("earlier: do not divide by zero",)
    assert "reply (4 times): line 3" in proposer.requests[4].lessons[0]
    assert outcome.accepted is None
    assert not (outcome.run / "test.opened").exists()
    assert "not opened" in (outcome.run / "report.md").read_text()


def test_tokens_end_the_proposing_and_are_counted_once_over_a_resume(tmp_path, scenario):
    spent = []

    def paid(path, usage):
        spent.append(usage)
        return Paid()

    class Paid(MutationProposer):
        def propose(self, request):
            return replace(
                super().propose(request), usage=Usage(tokens_in=90, tokens_out=10, calls=1)
            )

    outcome = evolve(
        config(tmp_path, budget=Budget(evaluations=99, tokens=550)), paid, scenario=scenario
    )
    assert outcome.stopped == "tokens"
    assert len(outcome.state.proposals) == 6
    assert spent[0].tokens_in == 0
    assert outcome.state.spent.tokens_in + outcome.state.spent.tokens_out == 600


def test_a_dead_model_server_is_an_error_that_loses_nothing(tmp_path, scenario):
    class Dying(MutationProposer):
        count = 0

        def propose(self, request):
            Dying.count += 1
            if Dying.count == 7:
                raise ModelError("endpoint http://localhost:1: connection refused")
            return super().propose(request)

    whole = evolve(config(tmp_path / "whole"), mutation, scenario=scenario)
    with pytest.raises(ModelError):
        evolve(config(tmp_path / "cut"), lambda *_: Dying(), scenario=scenario)
    (path,) = (tmp_path / "cut").iterdir()
    manifest = json.loads((path / "run.json").read_text())
    assert manifest["status"] == "failed"
    assert "connection refused" in manifest["error"]
    assert resume(path, mutation, scenario=scenario).state.digest() == whole.state.digest()


def test_a_full_disk_loses_nothing(tmp_path, scenario):
    whole = evolve(config(tmp_path / "whole"), mutation, scenario=scenario)
    append, count = Run.append, 0

    def full(run, event, *, durable=False):
        nonlocal count
        count += 1
        if count == 25:
            raise StorageError("cannot write: No space left on device")
        append(run, event, durable=durable)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "append", full)
        with pytest.raises(StorageError):
            evolve(config(tmp_path / "cut"), mutation, scenario=scenario)
    (path,) = (tmp_path / "cut").iterdir()
    assert resume(path, mutation, scenario=scenario).state.digest() == whole.state.digest()


def test_the_incumbent_of_memory_must_be_beaten(tmp_path, scenario):
    outcome = evolve(
        config(tmp_path),
        mutation,
        scenario=scenario,
        incumbent=Incumbent("held", text(0.125)),
    )
    assert outcome.state.incumbent == "held"
    verdict = next(iter(outcome.verdicts.values()))
    assert "incumbent" in [c.role for c in verdict.comparisons]


def test_a_second_look_at_the_sealed_test_is_refused(tmp_path, scenario):
    outcome = evolve(config(tmp_path), mutation, scenario=scenario)
    assert len(outcome.state.finalists) > 1
    events = outcome.run / "events.jsonl"
    lines = events.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if '"e": "finalists"' in line)
    other = json.loads(lines[at])
    other["names"] = other["names"][:-1]
    events.write_text("".join(lines[:at]) + json.dumps(other) + "\n")
    with pytest.raises(UserError, match="second look is not allowed"):
        resume(outcome.run, mutation, scenario=scenario)


def test_validation_seeds_are_fresh_each_generation(tmp_path, scenario):
    outcome = evolve(config(tmp_path), mutation, scenario=scenario)
    reference = outcome.state.reference
    rows = [rows[reference] for rows in outcome.state.validated.values() if reference in rows]
    assert len(rows) >= 3
    assert len({str(row) for row in rows}) == len(rows)


def test_requests_hold_no_seed_and_no_time(tmp_path, scenario):
    proposer = Scripted(Proposal(text(2.5), how="rewrite"))
    outcome = evolve(config(tmp_path, 2, fruitless=4), lambda *_: proposer, scenario=scenario)
    secret = json.loads((outcome.run / "run.json").read_text())["seeds"]["secret"]
    for request in proposer.requests:
        assert secret not in repr(request)
    assert os.fspath(tmp_path) not in repr(proposer.requests)


def test_an_interval_without_a_bound_says_so() -> None:
    from agentsched.evolution.report import _between

    assert _between(-0.00001, 0.75) == "+0.00% … unbounded"
    assert _between(-3.0, 0.1) == "unbounded … +10.00%"
