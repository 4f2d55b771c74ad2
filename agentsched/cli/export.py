"""``agentsched export``: a plan for Kubernetes, Argo or a calendar."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentsched.cli.options import Json
from agentsched.cli.output import check_output, emit, note, write_output

if TYPE_CHECKING:
    from agentsched.planning import PlanFile

LEDGER = ".jsonl"


class Target(StrEnum):
    """What a plan can be written for."""

    KUBERNETES = "kubernetes"
    ARGO = "argo"
    ICAL = "ical"


def command(
    plan: Annotated[
        Path, typer.Argument(help="Plan file (docs/planning.md), or an execution's ledger.jsonl.")
    ],
    to: Annotated[Target, typer.Option("--to", help="What it is written for.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; else to stdout.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="Container image of every task (kubernetes, argo).")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Kubernetes namespace (kubernetes, argo).")] = "",
    pin: Annotated[
        bool, typer.Option("--pin", help="Demand the planned machines instead of preferring them.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Export a plan that breaks hard constraints as well.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a plan down for another system; nothing is started."""
    from agentsched.errors import UserError
    from agentsched.execution.exports import ClusterOptions, to_argo, to_ical, to_kubernetes

    check_output(output)
    found = _load(plan)
    # What is being carried out was checked when it was approved.
    broken = () if plan.suffix == LEDGER else found.check()
    for violation in broken[:8]:
        note(f"{violation.kind}: {violation.message}")
    if broken and not force:
        raise UserError(
            f"{plan}: the plan breaks {len(broken)} hard constraints; mend it, or --force"
        )
    options = ClusterOptions(
        namespace=namespace, pin=pin, **({} if image is None else {"image": image})
    )
    match to:
        case Target.KUBERNETES:
            text = to_kubernetes(found.graph, found.plan, found.inventory, options)
        case Target.ARGO:
            text = to_argo(found.graph, found.plan, found.inventory, options)
        case Target.ICAL:
            text = to_ical(found.graph, found.plan, datetime.now(UTC))
    if output is not None:
        write_output(output, text)
        note(f"written to {output}")
    if json:
        emit({"to": to.value, "file": output, "text": text, "broken": len(broken)})
    elif output is None:
        sys.stdout.write(text)


def _load(path: Path) -> PlanFile:
    """Read a plan file, or the plan in force of an execution."""
    from agentsched.errors import UserError
    from agentsched.execution import fold, read_records
    from agentsched.planning import PlanFile, load_plan_file

    if path.suffix != LEDGER:
        return load_plan_file(path)
    records = read_records(path)
    if not records:
        raise UserError(f"ledger {str(path)!r} holds nothing; name one of an execution that began")
    state = fold(records)
    return PlanFile(graph=state.graph, inventory=state.inventory, plan=state.plan)
