"""``agentsched memory``: what was learned, and how to check, undo and carry it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsched.cli import preferences
from agentsched.cli.options import Cluster, Format, Json, MemoryUrl, ScenarioName, Workload
from agentsched.cli.output import emit, note, number, show, table

if TYPE_CHECKING:
    from memory.evidence import VerifyReport
    from memory.records import PolicyRecord
    from memory.store import MemoryStore

app = typer.Typer(
    help="What was learned: list, show, verify, retire, restore, carry, forget.",
    no_args_is_help=True,
)

app.add_typer(preferences.app, name="preferences")

Id = Annotated[str, typer.Argument(help="Id, or its beginning.", show_default=False)]


class State(StrEnum):
    """Status of a policy."""

    CANDIDATE = "candidate"
    ACCEPTED = "accepted"
    RETIRED = "retired"


@contextlib.contextmanager
def opened(url: str | None) -> Iterator[MemoryStore]:
    """Open the memory that the flag or the settings name, and close it after use."""
    from agentsched.settings import load_settings
    from memory import open_memory

    store = open_memory(load_settings({"memory.url": url}).memory.url)
    try:
        yield store
    finally:
        store.close()


def count_policies(url: str | None) -> tuple[str, int]:
    """Return where the memory is and how many policies it holds."""
    from memory import list_policies

    with opened(url) as store:
        return store.name, len(list_policies(store))


@app.command("list")
def list_(
    scenario: Annotated[str | None, typer.Option(help="Of this scenario only.")] = None,
    status: Annotated[State | None, typer.Option(help="Of this status only.")] = None,
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """List policies, the newest first."""
    from memory import list_policies

    with opened(memory) as store:
        found = list_policies(store, status=status.value if status else None, scenario=scenario)
        place = store.name
    if json:
        emit([_summary(policy) for policy in found])
        return
    if not found:
        show(f"no policies in {place}; agentsched evolve puts there what the gate accepts")
        return
    table(
        ("id", "name", "scenario", "status", ">gain", ">at least", "over", "evidence"),
        [
            (
                policy.id[:12],
                policy.name,
                policy.scenario,
                policy.status,
                f"{policy.gain:.1%}" if policy.rival else "",
                f"{policy.gain_low:.1%}" if policy.rival else "",
                policy.rival,
                _soundness(policy),
            )
            for policy in found
        ],
    )


@app.command("show")
def show_(id: Id, memory: MemoryUrl = None, json: Json = False) -> None:
    """Show a policy: source, where it was proven, evidence, history."""
    from memory import show as look_up

    with opened(memory) as store:
        found = look_up(store, id)
    policy = found.policy
    if json:
        emit(
            {
                **asdict(policy),
                "context": asdict(found.context),
                "evidence": [asdict(item) for item in found.evidence],
                "changes": [asdict(change) for change in found.changes],
            }
        )
        return
    gain = (
        f"{policy.gain:.1%} ({policy.gain_low:.1%} … {policy.gain_high:.1%}) over {policy.rival}, "
        f"{policy.pairs} pairs"
        if policy.rival
        else "not judged"
    )
    show(
        f"id         {policy.id}",
        f"name       {policy.name}",
        f"status     {policy.status}: {policy.reason}",
        f"scenario   {policy.scenario} ({policy.scenario_digest[:12]})",
        f"gain       {gain}",
        f"evidence   {len(found.evidence)} traces, {_soundness(policy)}",
        f"run        {policy.run or 'none'}",
        *([f"why        {policy.explanation}"] if policy.explanation else []),
        "",
        policy.text.strip(),
        "",
        "proven in  " + ", ".join(f"{k} {_value(v)}" for k, v in asdict(found.context).items()),
        *(f"{change.at:%Y-%m-%d %H:%M}  {change.verb}" for change in found.changes),
    )


@app.command("best")
def best_(
    scenario: ScenarioName,
    workload: Workload = None,
    format: Format = None,
    cluster: Cluster = None,
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Name the policy to use for a cluster and workload, and say why."""
    from evaluator.strongest import strongest_rule
    from evaluator.worlds import load_scenario
    from memory import best_policy, features

    found = load_scenario(scenario, workload=workload, format=format, cluster=cluster)
    # Any draw tells what the scenario is like; this one takes part in no run.
    draw = b"what is it like?"
    wanted = features(found.instance("train", 0, draw), found.objective)
    with opened(memory) as store:
        best = best_policy(store, wanted)
        if best.policy is None:
            measured = strongest_rule(found, draw)
            best = best_policy(store, wanted, fallback=measured.rule, because=measured.reason)
    if json:
        emit(
            {
                "policy": _summary(best.policy) if best.policy else None,
                "rule": best.rule or None,
                "reason": best.reason,
                "distance": best.distance,
            }
        )
        return
    show(best.policy.id if best.policy else best.rule, best.reason)


@app.command("verify")
def verify_(
    id: Annotated[
        str | None, typer.Argument(help="Id, or its beginning; left out: every accepted policy.")
    ] = None,
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Replay the evidence of policies; exit code 6 if one no longer holds."""
    from agentsched.errors import Exit
    from memory import list_policies, verify

    with opened(memory) as store:
        ids = [id] if id else [policy.id for policy in list_policies(store, status="accepted")]
        reports = [verify(store, one) for one in ids]
    if json:
        emit([_report(report) for report in reports])
    else:
        for report in reports:
            state = "holds" if report.holds else "BROKEN"
            show(
                f"{report.policy.id[:12]} {report.policy.name!r}: {state}, "
                f"{len(report.checks)} checks",
                *(f"  {check.subject}: {check.problem}" for check in report.problems),
            )
        if not reports:
            note("nothing to verify: no accepted policy in memory")
    if not all(report.holds for report in reports):
        raise typer.Exit(int(Exit.TRACE))


@app.command("retire")
def retire_(
    id: Id,
    reason: Annotated[str, typer.Option(help="Why.")] = "retired by the user",
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Take a policy out of use; it stays, with its evidence."""
    from memory import retire

    with opened(memory) as store:
        _answer(retire(store, id, reason), json)


@app.command("restore")
def restore_(id: Id, memory: MemoryUrl = None, json: Json = False) -> None:
    """Take a retired policy back into use."""
    from memory import restore

    with opened(memory) as store:
        _answer(restore(store, id), json)


@app.command("forget")
def forget_(
    id: Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Delete a policy, lesson or run for good, and the evidence only it needed."""
    import sys

    from agentsched.errors import UserError
    from memory import forget
    from memory.records import table_of

    if not yes:
        if json or not sys.stdin.isatty():
            raise UserError("forget cannot be undone: add --yes to do it without being asked")
        typer.confirm(f"Delete {id} for good?", abort=True, err=True)
    with opened(memory) as store:
        gone = forget(store, id)
    if json:
        emit({"forgotten": gone.id, "kind": table_of(type(gone))})
        return
    show(f"forgotten: {table_of(type(gone))} {gone.id[:12]}")


@app.command("export")
def export_(
    path: Annotated[Path, typer.Argument(help="A new folder, or a .tar.gz file.")],
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Write everything, evidence included, to one file or folder."""
    from agentsched.errors import UserError
    from memory import export

    if not path.absolute().parent.is_dir():
        raise UserError(f"{str(path)!r}: no folder {str(path.parent)!r}; make it first")
    with opened(memory) as store:
        done = export(store, path)
    if json:
        emit(asdict(done))
    else:
        show(f"{done.path}: {done.records} records, {done.traces} traces")
    if done.missing:
        note(f"{len(done.missing)} traces are lost or damaged here and not in it")


@app.command("import")
def import_command(
    path: Annotated[Path, typer.Argument(help="What export wrote.")],
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Take in what export wrote: all of it, or nothing when anything is wrong."""
    from agentsched.errors import UserError
    from memory import import_

    if not path.exists():
        raise UserError(f"no file {str(path)!r}; agentsched memory export writes one")
    with opened(memory) as store:
        done = import_(store, path)
    if json:
        emit(asdict(done))
        return
    show(
        f"{done.added} records added, {done.updated} updated, {done.kept} kept, "
        f"{done.traces} traces"
    )


def _answer(policy: PolicyRecord, json: bool) -> None:
    if json:
        emit(_summary(policy))
        return
    show(f"{policy.id[:12]} {policy.name!r} is {policy.status}: {policy.reason}")


def _report(report: VerifyReport) -> dict[str, Any]:
    return {
        "policy": report.policy.id,
        "holds": report.holds,
        "checks": [asdict(check) for check in report.checks],
    }


def _summary(policy: PolicyRecord) -> dict[str, Any]:
    full: Mapping[str, Any] = asdict(policy)
    return {name: value for name, value in full.items() if name not in ("text", "verdict")}


def _soundness(policy: PolicyRecord) -> str:
    if policy.broken:
        return f"BROKEN: {policy.broken}"
    return f"verified {policy.verified:%Y-%m-%d}" if policy.verified else "not yet verified here"


def _value(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)
