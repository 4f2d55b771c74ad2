"""The tree of commands; each loads what it needs when it runs, so that help is quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agentsched import __version__
from agentsched.cli import (
    calendar,
    chat,
    doctor,
    evolve,
    export,
    memory,
    model,
    pack,
    plan,
    policies,
    replay,
    scenarios,
    score,
)

app = typer.Typer(
    name="agentsched",
    help="Plan and carry out work from plain words; evolve, gate and replay scheduling policies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: docs/exit-codes.md. Settings: agentsched.toml and AGENTSCHED_* variables.",
)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"agentsched {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Plan and carry out work from plain words; evolve, gate and replay scheduling policies."""


app.command("chat")(chat.command)
app.command("plan")(plan.command)
app.command("check")(plan.check)
app.command("pack")(pack.command)
app.command("export")(export.command)
app.command("evolve")(evolve.command)
app.command("score")(score.command)
app.command("replay")(replay.command)
app.command("doctor")(doctor.command)
app.add_typer(scenarios.app, name="scenarios")
app.add_typer(policies.app, name="policies")
app.add_typer(model.app, name="model")
app.add_typer(memory.app, name="memory")
app.add_typer(calendar.app, name="calendar")
