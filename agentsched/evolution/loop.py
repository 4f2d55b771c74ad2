"""Evolution: propose, evaluate, select, generation after generation, then the gate."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentsched.errors import AgentSchedError, BudgetError, StorageError
from agentsched.evolution.cascade import Setup
from agentsched.evolution.charts import drawings
from agentsched.evolution.config import EvolveConfig
from agentsched.evolution.finals import conclude
from agentsched.evolution.pool import InlinePool, Pool, ProcessPool, Result
from agentsched.evolution.proposal import Proposal, Proposer
from agentsched.evolution.report_html import write_report
from agentsched.evolution.requests import ask
from agentsched.evolution.run import Run
from agentsched.evolution.session import Session, Task, Watcher, must_score
from agentsched.evolution.state import State, name_of
from agentsched.llm import Usage
from evaluator.errors import EvaluatorError, PolicyError
from evaluator.gate import Verdict
from evaluator.policy import PolicySource
from evaluator.world import Scenario, World
from evaluator.worlds import world_of

OpenProposer = Callable[[Path, Usage], Proposer]
"""Makes the proposer of a run: its folder (for recordings), and what it has already spent."""

HANDLER = "agentsched.evolution.cascade:open_runner"


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The policy that memory holds for this scenario; a candidate must beat it too."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    run: Path
    accepted: str | None
    """Name of the accepted candidate; None is an honest "nothing better was found"."""
    verdicts: Mapping[str, Verdict]
    stopped: str
    """What ended the proposing: evaluations, tokens, cost, minutes, fruitless, interrupt."""
    state: State
    scenario: Scenario


def evolve(
    config: EvolveConfig,
    open_proposer: OpenProposer,
    *,
    incumbent: Incumbent | None = None,
    lessons: tuple[str, ...] = (),
    watcher: Watcher | None = None,
    scenario: Scenario | None = None,
) -> Outcome:
    """Run evolution from the start to its verdict and report.

    Args:
        config: What to do.
        open_proposer: Makes whoever proposes.
        incumbent: What memory holds for this scenario.
        lessons: What earlier runs learnt, for prompts.
        watcher: Told where the run stands; may draw a progress bar.
        scenario: In place of the one ``config`` names.

    Raises:
        StorageError: The run folder cannot be written; the run can be resumed.
        ModelError: The model is out of reach; the run can be resumed.
        BudgetError: The budget does not allow the first proposal.
        KeyboardInterrupt: Ctrl-C came twice; the run can be resumed.
    """
    scenario = scenario or config.load()
    # says so before there is a folder, if this world has no general lane
    world_of(scenario).shapes(scenario, general=config.general)
    facts = {
        "scenario": {"name": scenario.name, "digest": scenario.digest, "text": scenario.text},
        "incumbent": None if incumbent is None else [incumbent.name, incumbent.text],
        "lessons": list(lessons),
    }
    with Run.create(config, facts) as run:
        return _work(run, open_proposer, watcher, scenario)


def resume(
    path: Path,
    open_proposer: OpenProposer,
    *,
    watcher: Watcher | None = None,
    scenario: Scenario | None = None,
) -> Outcome:
    """Go on with a run that was killed, interrupted or failed; see ``evolve``.

    Raises:
        UserError: It is no run folder, is open elsewhere, or its scenario has changed.
    """
    with Run.open(path) as run:
        scenario = scenario or run.config.load()
        run.expect_scenario(scenario.digest)
        return _work(run, open_proposer, watcher, scenario)


def _work(
    run: Run, open_proposer: OpenProposer, watcher: Watcher | None, scenario: Scenario
) -> Outcome:
    config = run.config
    state = State.start(scenario, config.breeding, run.events)
    run.mark("running")
    try:
        pool = _open_pool(config, scenario, run)
        try:
            session = Session(run, config, scenario, state, pool, watcher)
            with session.interrupts.listening():
                _Loop(session, open_proposer).run()
                conclude(session)
                charts = drawings(session)
                session.phase = "done"
                session.show()
        finally:
            pool.close()
    except KeyboardInterrupt:
        run.mark("interrupted")
        raise
    except StorageError:
        raise
    except (AgentSchedError, EvaluatorError) as error:
        run.mark("failed", error=str(error))
        raise
    run.reveal()
    outcome = Outcome(
        run.path, (state.finished or {}).get("accepted"), state.verdicts, state.stopping or "",
        state, scenario,
    )  # fmt: skip
    for k, event in state.proposals.items():
        if event["text"] is not None:
            run.note(f"candidates/{name_of(k)}.py", event["text"], again=False)
    write_report(run, state, scenario, charts)
    run.mark("finished")
    return outcome


def _open_pool(config: EvolveConfig, scenario: Scenario, run: Run) -> Pool:
    setup = Setup(scenario, run.seeds, config.sandbox, config.unsafe)
    if config.processes() == 0:
        return InlinePool(HANDLER, setup)
    return ProcessPool(
        HANDLER, setup, workers=config.processes(), seconds=config.evaluation_seconds,
        memory_mb=config.worker_memory_mb,
    )  # fmt: skip


class _Loop:
    """The proposing part: ends when something in the budget is used up."""

    def __init__(self, session: Session, open_proposer: OpenProposer) -> None:
        self._session = session
        self._state = session.state
        self._open_proposer = open_proposer
        self._world = world_of(session.scenario)

    def run(self) -> None:
        session, state = self._session, self._state
        if state.population is None:
            self._measure_known()
        if state.finalists is not None:
            return
        if state.stopping == "interrupt":
            # Whoever resumes after Ctrl-C wants more than the verdict that was cut short.
            session.record({"e": "reopened"})
        session.phase = "evolving"
        if state.generation:
            self._validate(state.generation)
        if state.stopping is not None and not self._open_slots():
            return
        spent = state.spent
        proposer = self._open_proposer(
            session.run.path,
            Usage(spent.tokens_in, spent.tokens_out, spent.model_seconds, spent.cost, spent.calls),
        )
        try:
            session.run.add_facts(proposer=proposer.name, prompts=dict(proposer.digests))
            while state.stopping is None or self._open_slots():
                self._generation(proposer)
        finally:
            proposer.close()

    def _open_slots(self) -> bool:
        """Whether a generation was begun and not closed, before a kill."""
        return any(k >= self._state.next for k in self._state.proposals)

    def _measure_known(self) -> None:
        """Measure the known rules and the incumbent on train: parents, bars and rivals."""
        session, state, scenario = self._session, self._state, self._session.scenario
        world = self._world
        session.phase = "known rules"
        names = list(dict.fromkeys([*scenario.known, scenario.start]))
        policies: list[tuple[str, dict[str, str], str]] = []
        for name in names:
            rule = world.load_rule(name)
            text = rule.text if isinstance(rule, PolicySource) else ""
            policies.append((name, {"rule": name}, text))
        kept = session.run.manifest["incumbent"]
        if kept is not None and normalised(world, kept[1]) not in {
            normalised(world, text) for _, _, text in policies if text
        }:
            policies.append((kept[0], {"name": kept[0], "text": kept[1]}, kept[1]))
        tickets = {
            name: session.pool.submit(
                {"do": "cascade", "policy": policy, "bar": [], "fingerprints": {}}, trusted=True
            )
            for name, policy, _ in policies
            if name not in state.known
        }
        for name, policy, text in policies:
            if name in state.known:
                continue
            result = must_score(name, session.pool.wait(tickets[name]))
            session.record(
                {
                    "e": "known", "who": name, "text": text, "result": result,
                    "code": normalised(world, text) if text else "",
                    "incumbent": "rule" not in policy,
                }
            )  # fmt: skip
            session.show(waiting=len(policies) - len(state.known))
        session.record({"e": "founded", "start": scenario.start}, durable=True)

    def _generation(self, proposer: Proposer) -> None:
        """Propose a batch from one state, evaluate it side by side, fold it in order."""
        session, state = self._session, self._state
        tickets: dict[int, int] = {}
        slots = running = 0
        for k in range(state.next, state.next + session.config.breeding.batch):
            if k not in state.proposals:
                reason = state.stopping or self._spent(running) or self._propose(proposer, k)
                if reason:
                    # Some of those under way may turn out to be duplicates, which are free.
                    if state.stopping is None and not (reason == "evaluations" and running):
                        session.record({"e": "stopping", "reason": reason}, durable=True)
                    break
            slots += 1
            if k not in state.results:
                self._enter(k, tickets)
            running += k in tickets or state.results[k]["ran"]
        for k in range(state.next, state.next + slots):
            if k in tickets:
                self._book(k, session.pool.wait(tickets[k]), ran=True)
        if slots:
            session.record({"e": "generation", "slots": slots, "elapsed": session.book()})
            self._validate(state.generation)
            session.run.sync()
        session.show()

    def _spent(self, under_way: int) -> str:
        """Return which limit is reached, or nothing."""
        session, spent, budget = self._session, self._state.spent, self._session.config.budget
        if session.interrupts.asked:
            return "interrupt"
        if spent.evaluations + under_way >= budget.evaluations:
            return "evaluations"
        if budget.tokens is not None and spent.tokens_in + spent.tokens_out >= budget.tokens:
            return "tokens"
        if budget.cost is not None and spent.cost >= budget.cost:
            return "cost"
        minutes = (spent.elapsed + session.elapsed()) / 60
        if budget.minutes is not None and minutes >= budget.minutes:
            return "minutes"
        if self._state.fruitless >= session.config.breeding.fruitless:
            return "fruitless"
        return ""

    def _propose(self, proposer: Proposer, k: int) -> str:
        """Ask for proposal k and write it down; a reason to stop when the budget forbids it."""
        session, state = self._session, self._state
        rng = session.run.seeds.rng("proposal", k)
        choice = state.grown.choose(k, rng)
        request = ask(
            session.scenario, state, choice, rng,
            earlier=session.run.manifest["lessons"], general=session.config.general,
        )  # fmt: skip
        try:
            proposal = proposer.propose(request)
        except BudgetError:
            if not state.proposals:
                raise
            return "model budget"
        parents = [choice.parent, *([choice.inspiration] if choice.inspiration else [])]
        session.record(
            {
                "e": "proposed", "k": k, "island": choice.island,
                "parents": [member.name for member in parents], "origin": proposal.how,
                **_reading(self._world, proposal, name_of(k)), **_cost(proposal.usage),
            },
            durable=proposal.usage.calls > 0,
        )  # fmt: skip
        if proposal.text is not None:
            session.run.note(f"candidates/{name_of(k)}.py", proposal.text)
        return ""

    def _enter(self, k: int, tickets: dict[int, int]) -> None:
        """Put a proposal into the cascade, unless it needs no process to be refused."""
        session, state = self._session, self._state
        proposal = state.proposals[k]
        if proposal["error"] is not None:
            self._book(k, {"kind": "failed", "stage": "parse", **proposal["error"]}, ran=False)
            return
        owner = state.owner(proposal["code"], k)
        if owner is not None:
            self._book(k, {"kind": "duplicate", "of": owner}, ran=False)
            return
        bar = state.grown.bar(proposal["island"])
        tickets[k] = session.pool.submit(
            {
                "do": "cascade", "policy": {"name": name_of(k), "text": proposal["text"]},
                "bar": [row[state.goal.metric] for row in bar.metrics],
                "fingerprints": state.fingerprints,
            }
        )  # fmt: skip

    def _book(self, k: int, result: Result, *, ran: bool) -> None:
        self._session.record({"e": "evaluated", "k": k, "ran": ran, "result": result})
        self._session.show()

    def _validate(self, generation: int) -> None:
        """Measure the front-runners on seeds that only this generation has."""
        session, state = self._session, self._state
        splits = session.scenario.splits
        front = [m.name for m in state.grown.best(session.config.breeding.front)]
        front = [name for name in front if name in state.members]
        done = state.validated.get(generation, {})
        count = min(splits["validation"], max(2, math.ceil(splits["validation"] / 4)))
        tasks = [
            Task(name, "validation", ("validation", generation), tuple(range(count)))
            for name in ([state.reference, *front] if front else [])
            if name not in done
        ]
        for task, result in session.score(tasks):
            good = result["kind"] == "scored"
            session.record(
                {
                    "e": "validated", "g": generation, "who": task.who,
                    "metrics": result["metrics"] if good else [],
                }
            )  # fmt: skip


def normalised(world: World, text: str) -> str:
    """Return the digest under which equal policies meet."""
    return hashlib.sha256(world.normalise(world.read_policy(text)).encode()).hexdigest()


def _reading(world: World, proposal: Proposal, name: str) -> dict[str, Any]:
    """Return text, code digest and error of a proposal, for its event."""
    if proposal.text is None:
        error = {"failure": "reply", "message": proposal.error or "no policy in the reply"}
        return {"text": None, "code": None, "error": error}
    try:
        read = world.read_policy(proposal.text, name)
        code = hashlib.sha256(world.normalise(read).encode()).hexdigest()
    except PolicyError as problem:
        return {
            "text": proposal.text, "code": None,
            "error": {"failure": "subset", "message": str(problem)},
        }  # fmt: skip
    return {"text": proposal.text, "code": code, "error": None}


def _cost(usage: Usage) -> dict[str, Any]:
    return {
        "tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out, "cost": usage.cost,
        "calls": usage.calls, "seconds": usage.seconds,
    }  # fmt: skip
