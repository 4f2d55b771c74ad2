"""``agentsched evolve``: propose, evaluate, judge, remember."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsched.cli.options import (
    Cluster,
    Format,
    Json,
    MemoryUrl,
    Runs,
    Unsafe,
    Workload,
)
from agentsched.cli.output import emit, note, show, table

if TYPE_CHECKING:
    from agentsched.evolution.config import Budget, EvolveConfig
    from agentsched.evolution.loop import Outcome
    from agentsched.evolution.proposal import Proposer
    from agentsched.evolution.proposers import ProposerKind
    from agentsched.learning import Evidence
    from agentsched.llm import Usage
    from agentsched.settings import Settings
    from memory.records import PolicyRecord


class Kind(StrEnum):
    """Who proposes."""

    OPENAI = "openai"
    LOCAL = "local"
    MUTATION = "mutation"
    RECORDED = "recorded"


def command(
    ctx: typer.Context,
    scenario: Annotated[
        str | None, typer.Argument(help="Built-in scenario, or path of a .toml file.")
    ] = None,
    workload: Workload = None,
    format: Format = None,
    cluster: Cluster = None,
    proposer: Annotated[
        Kind | None,
        typer.Option(help="Default: the configured endpoint, else the embedded model (local)."),
    ] = None,
    cassette: Annotated[
        Path | None,
        typer.Option(help="Where model calls are recorded; what 'recorded' answers from."),
    ] = None,
    evaluations: Annotated[int, typer.Option(help="Candidates to evaluate.")] = 200,
    minutes: Annotated[float | None, typer.Option(help="Wall time of the proposing.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Prompts and replies together.")] = None,
    money: Annotated[
        float | None, typer.Option(help="In the unit of the settings' prices.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="For a repeatable run; by default a secret one is drawn.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Evaluating processes; 0: in this one. Default: one a core.")
    ] = None,
    general: Annotated[
        bool, typer.Option("--general", help="Also ask for general policies (sandboxed).")
    ] = False,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run, as it was started.")
    ] = None,
    runs: Runs = None,
    memory: MemoryUrl = None,
    unsafe: Unsafe = False,
    json: Json = False,
) -> None:
    """Evolve a policy for a scenario; the gate decides whether it is better than what is known."""
    from agentsched.errors import Exit, UserError
    from agentsched.evolution.config import Budget, EvolveConfig
    from agentsched.settings import load_settings

    settings = load_settings({"memory.url": memory, "runs.directory": runs})
    source = Source(settings, proposer.value if proposer else None, cassette)
    over = False
    if resume is not None:
        given = _given(ctx, {"resume", "proposer", "cassette", "runs", "memory", "json"})
        if given:
            raise UserError(
                f"--resume goes on with what the run was started with; leave out {given[0]}"
            )
        over = _over(resume, settings.runs.directory)
        outcome = _resumed(resume, source)
    elif scenario is None:
        raise UserError(
            "name a SCENARIO (see: agentsched scenarios list), or a run to go on with: --resume RUN"
        )
    else:
        config = EvolveConfig(
            scenario=scenario,
            runs=settings.runs.directory,
            workload=workload,
            format=format,
            cluster=cluster,
            budget=Budget(evaluations, tokens, money, minutes),
            seed=seed,
            workers=workers,
            sandbox=settings.sandbox.minimum,
            unsafe=unsafe,
            general=general,
            args=_arguments(ctx, source),
        )
        outcome = _started(config, source)
    _conclude(outcome, source, json)
    if over:
        note("this run had ended before: its result is shown again; evolve SCENARIO starts another")
    elif outcome.stopped == "interrupt":
        raise typer.Exit(int(Exit.INTERRUPTED))


@dataclass(slots=True)
class Source:
    """Where proposals come from; also remembers which folder the run got."""

    settings: Settings
    kind: ProposerKind | None
    cassette: Path | None
    limit: Budget | None = None
    run: Path | None = None

    def resolved(self) -> ProposerKind:
        """Return the kind that was asked for, or the one that the settings mean."""
        from agentsched.llm.choosing import default_kind

        return self.kind or default_kind(self.settings.model)

    def check(self) -> None:
        """Find out what is missing before a run folder is made."""
        if self.resolved() == "mutation":
            if self.cassette is not None:
                from agentsched.errors import UserError

                raise UserError("--cassette: 'mutation' asks no model; leave it out")
        else:
            from agentsched.evolution.proposers import open_proposer

            # Opening starts and sends nothing; a cassette to record into is opened with the run.
            known = self.cassette if self.resolved() == "recorded" else None
            open_proposer(self.resolved(), self.settings.model, cassette=known).close()

    def open(self, folder: Path, spent: Usage) -> Proposer:
        """Make the proposer of a run; its calls are recorded in the run's folder."""
        from agentsched.evolution.proposers import open_proposer
        from agentsched.llm import Budget as Allowance

        self.run = folder
        allowance = None
        if self.limit is not None:
            allowance = Allowance(self.limit.tokens, self.limit.cost, spent)
        return open_proposer(
            self.resolved(),
            self.settings.model,
            budget=allowance,
            cassette=self.cassette or folder / "calls.jsonl",
            log_file=folder / "model.log",
        )


def _started(config: EvolveConfig, source: Source) -> Outcome:
    from agentsched.cli.memory import opened
    from agentsched.cli.progress import watching
    from agentsched.evolution.loop import evolve
    from agentsched.learning import recall

    scenario = config.load()
    source.limit = config.budget
    source.check()
    with opened(source.settings.memory.url) as store:
        known = recall(store, scenario)
    with _way_on(source), watching() as watcher:
        return evolve(
            config,
            source.open,
            incumbent=known.incumbent,
            lessons=known.lessons,
            watcher=watcher,
            scenario=scenario,
        )


def _resumed(run: Path, source: Source) -> Outcome:
    from agentsched.cli.progress import watching
    from agentsched.evolution.config import EvolveConfig
    from agentsched.evolution.loop import resume

    path = _folder(run, source.settings.runs.directory)
    manifest = _manifest(path)
    arguments = manifest["args"]
    source.kind = source.kind or arguments.get("proposer")
    if source.cassette is None and arguments.get("cassette"):
        source.cassette = Path(arguments["cassette"])
    source.limit = EvolveConfig.from_json(manifest["config"]).budget
    source.run = path
    with _way_on(source), watching() as watcher:
        return resume(path, source.open, watcher=watcher)


def _over(run: Path, runs: Path) -> bool:
    """Return whether a run has its result already: to go on with it is to read it again."""
    return _manifest(_folder(run, runs)).get("status") == "finished"


def _folder(run: Path, runs: Path) -> Path:
    """Return the folder that was meant: a path, or the name of one of our runs."""
    return runs / run if not run.exists() and (runs / run).is_dir() else run


def _manifest(path: Path) -> dict[str, Any]:
    import json

    from agentsched.errors import UserError

    try:
        found: dict[str, Any] = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{str(path)!r} is no run that can be resumed: run.json: {reason}"
        ) from error
    return found


@contextlib.contextmanager
def _way_on(source: Source) -> Iterator[None]:
    """Whatever ends a run early, say how it goes on: everything so far is on disk."""
    try:
        yield
    except BaseException as error:
        if source.run is not None and not any(
            said in str(error) for said in ("--resume", "can be resumed")
        ):
            error.add_note(f"go on with: agentsched evolve --resume {source.run}")
        raise


def _conclude(outcome: Outcome, source: Source, json: bool) -> None:
    """Store the evidence, remember, replay it, and say how it ended."""
    from agentsched.cli.memory import opened
    from agentsched.cli.replay import play
    from agentsched.errors import Exit
    from agentsched.learning import remember, store_traces

    source.run = outcome.run
    with _way_on(source):
        evidence = store_traces(outcome)
        with opened(source.settings.memory.url) as store:
            kept = remember(store, outcome, evidence)
    played = [play(one.path) for one in evidence]
    holds = all(one.holds for one in played)
    if json:
        emit(_facts(outcome, kept, evidence, holds))
    else:
        _print(outcome, kept, evidence, holds)
    if not holds:
        raise typer.Exit(int(Exit.TRACE))


def _facts(
    outcome: Outcome, kept: PolicyRecord | None, evidence: Sequence[Evidence], holds: bool
) -> dict[str, Any]:
    from agentsched.evolution.report import headline, subject, unopened

    state = outcome.state
    missed = None if outcome.verdicts else unopened(state)
    return {
        "run": outcome.run,
        "scenario": outcome.scenario.name,
        "accepted": outcome.accepted,
        "policy": kept.id if kept else None,
        "headline": headline(state),
        "stopped": outcome.stopped,
        "best": subject(state),
        "reference": state.final_reference or state.reference,
        "evaluations": state.spent.evaluations,
        "proposals": len(state.results),
        "failures": state.failures,
        "tokens": state.spent.tokens_in + state.spent.tokens_out,
        "cost": state.spent.cost,
        "verdicts": {name: verdict.to_json() for name, verdict in outcome.verdicts.items()},
        "shortlist": None
        if missed is None
        else {
            "why": missed.line,
            "rows": [dict(zip(missed.head, row, strict=True)) for row in missed.rows],
        },
        "report": outcome.run / "report.md",
        "html": outcome.run / "report.html",
        "traces": [one.path for one in evidence],
        "replays": holds,
        "digest": state.digest(),
    }


def _print(
    outcome: Outcome, kept: PolicyRecord | None, evidence: Sequence[Evidence], holds: bool
) -> None:
    from agentsched.evolution.report import STOPPED, gate_rows, headline, unopened

    state = outcome.state
    for verdict in outcome.verdicts.values():
        said = "accepted" if verdict.accepted else "not accepted"
        table(
            ("condition", ">value", ">interval", ">required", "holds"),
            [
                tuple(cell.replace("*", "") for cell in row)
                for row in gate_rows(verdict, state.goal.metric)
            ],
            title=f"{verdict.candidate}: {said}",
        )
        show(*(f"  {reason}" for reason in verdict.reasons))
    if not outcome.verdicts:
        missed = unopened(state)
        show(missed.line)
        table(missed.head, missed.rows)
    why = STOPPED.get(outcome.stopped, outcome.stopped)
    show(
        headline(state),
        f"{state.spent.evaluations} evaluations of {len(state.results)} proposals; the proposing "
        f"ended because {why}",
    )
    if kept is not None:
        show(f"memory   {kept.id[:12]} ({kept.status}); see: agentsched memory show {kept.id[:12]}")
    show(f"report   {outcome.run / 'report.md'} and report.html")
    again = "the same scores to the last bit" if holds else "NOT the same scores"
    show(f"traces   {len(evidence)} in {outcome.run / 'traces'}, replayed: {again}")


def _arguments(ctx: typer.Context, source: Source) -> dict[str, Any]:
    """Return the arguments as they were passed, and the proposer they came to mean."""
    passed = {
        name: value if isinstance(value, int | float | str | None) else str(value)
        for name, value in ctx.params.items()
        if _was_passed(ctx, name)
    }
    cassette = {} if source.cassette is None else {"cassette": str(source.cassette.resolve())}
    return {**passed, "proposer": source.resolved(), **cassette}


def _given(ctx: typer.Context, allowed: set[str]) -> list[str]:
    """Return what was passed beyond what is allowed, as it is written."""
    names = [name for name in ctx.params if name not in allowed and _was_passed(ctx, name)]
    return ["SCENARIO" if name == "scenario" else f"--{name}" for name in names]


def _was_passed(ctx: typer.Context, name: str) -> bool:
    found = ctx.get_parameter_source(name)
    return found is not None and found.name == "COMMANDLINE"
