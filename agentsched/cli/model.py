"""``agentsched model``: the embedded model's weights."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsched.cli.options import Json
from agentsched.cli.output import console, emit, note, show

if TYPE_CHECKING:
    from agentsched.llm.weights import WeightsStatus

app = typer.Typer(help="Fetch and check the embedded language model.", no_args_is_help=True)


@app.command("pull")
def pull_(
    path: Annotated[
        Path | None, typer.Option("--path", help="Take this file in place of a download.")
    ] = None,
    any_: Annotated[
        bool, typer.Option("--any", help="Take --path even if it is not the pinned file.")
    ] = False,
    json: Json = False,
) -> None:
    """Fetch the weights (1.1 GB, once), check their sha256, put them in place."""
    from agentsched.errors import UserError
    from agentsched.llm.pulling import pull
    from agentsched.llm.weights import QWEN
    from agentsched.settings import load_settings

    if any_ and path is None:
        raise UserError("--any needs --path FILE: only a file of your own may be another one")
    folder = load_settings().model.dir
    with _progress() as report:
        weights = pull(folder, path=path, any_model=any_, report=report)
    if weights.pinned:
        note(QWEN.notice)
    if json:
        emit({"name": weights.name, "path": weights.path, "sha256": weights.sha256,
              "size": weights.size, "pinned": weights.pinned})  # fmt: skip
        return
    show(f"{weights.name} is ready in {str(weights.path)!r} (sha256 {weights.sha256[:12]}…)")


@app.command("status")
def status_(json: Json = False) -> None:
    """Say which model would answer, and whether the embedded one is in place."""
    from agentsched.llm.weights import status
    from agentsched.settings import load_settings

    settings = load_settings().model
    found = status(settings.dir)
    if json:
        emit({"endpoint": settings.base_url, **facts(found)})
        return
    if settings.base_url is not None:
        show(f"endpoint   {settings.base_url} answers unless --proposer says otherwise")
    show(f"embedded   {found.state}: {found.message}")


def facts(found: WeightsStatus) -> dict[str, Any]:
    """Return the status of the weights as plain data."""
    weights = found.weights
    return {
        "state": found.state,
        "message": found.message,
        "folder": found.folder,
        "fetched": found.fetched,
        "name": weights.name if weights else None,
        "path": weights.path if weights else None,
        "sha256": weights.sha256 if weights else None,
        "pinned": weights.pinned if weights else None,
    }


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr; without a terminal, one line a step."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    terminal = console(stderr=True)
    if not terminal.is_terminal:
        seen: set[str] = set()

        def say(step: str, done: int, size: int) -> None:
            if step not in seen:
                seen.add(step)
                note(f"{step} ({size / 1e6:,.0f} MB)")

        yield say
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=terminal) as bar:
        task = bar.add_task("looking", total=None)

        def show_bar(step: str, done: int, size: int) -> None:
            bar.update(task, description=step, completed=done, total=size)

        yield show_bar
