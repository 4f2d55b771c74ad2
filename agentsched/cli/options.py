"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON to stdout; messages stay on stderr.")
]
Workload = Annotated[
    Path | None, typer.Option("--workload", help="Trace file to take in place of the scenario's.")
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Format of --workload, e.g. swf (docs/scenario-format.md)."),
]
Cluster = Annotated[
    Path | None, typer.Option("--cluster", help="TOML file with the cluster to take instead.")
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Run general policies even without a working sandbox.")
]
Runs = Annotated[
    Path | None, typer.Option("--runs", help="Folder for runs; by default the settings' (runs).")
]
MemoryUrl = Annotated[
    str | None,
    typer.Option("--memory", help="Database URL; by default AGENTSCHED_MEMORY_URL, then SQLite."),
]
ScenarioName = Annotated[
    str, typer.Argument(help="Built-in scenario, or path of a .toml file.", show_default=False)
]
