"""``agentsched pack``: pods that wait for a machine, and what would have to move for them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentsched.cli.options import Json
from agentsched.cli.output import emit, note, show, table
from agentsched.errors import Exit, UserError

if TYPE_CHECKING:
    from agentsched.planning.packing import Packing


def command(
    pods: Annotated[
        Path,
        typer.Argument(
            help="Pods as TOML or JSON, or kubectl get pods,nodes -A -o json.", show_default=False
        ),
    ],
    inventory: Annotated[
        Path | None, typer.Option(help="Machines, where the file of pods names none.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time for the solver.")] = 10.0,
    json: Json = False,
) -> int:
    """Propose machines for pods that wait: stay before move before evict; nothing is done."""
    from agentsched.planning.inventory_file import load_inventory
    from agentsched.planning.packing import pack
    from agentsched.planning.packing.pod_file import load_pods

    file = load_pods(pods)
    machines = load_inventory(inventory) if inventory is not None else file.inventory
    if machines is None:
        raise UserError(f"{pods}: names no machines; give them with --inventory FILE")
    found = pack(file.pods, machines, seconds=seconds)
    if json:
        emit({**asdict(found), "certificate": found.certificate, "notes": list(file.notes)})
    else:
        _tell(found)
        for line in file.notes:
            note(line)
    return Exit.INFEASIBLE if found.waiting else Exit.OK


def _tell(found: Packing) -> None:
    rows = [("place", placed.pod, "", placed.node) for placed in found.placed]
    rows += [("move", move.pod, move.source, move.target) for move in found.moves]
    rows += [("evict", gone.pod, gone.node, "") for gone in found.evictions]
    rows += [("waits", pod, "", "") for pod in found.waiting]
    if rows:
        table(("what", "pod", "from", "to"), rows)
    if found.tiers:
        table(
            (">tier", ">pods", ">default scheduler", ">here", "proved"),
            [
                (str(t.tier), str(t.pods), str(t.by_default), str(t.placed),
                 "yes" if t.proved else "")
                for t in found.tiers
            ],
        )  # fmt: skip
    show(f"{found.outcome}: {found.certificate}")
