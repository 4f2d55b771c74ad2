"""How far a run is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentsched.cli.output import console, note

if TYPE_CHECKING:
    from rich.console import Console

    from agentsched.evolution.session import Progress, Watcher


@contextlib.contextmanager
def watching() -> Iterator[Watcher]:
    """Give a watcher that shows progress on stderr."""
    terminal = console(stderr=True)
    if terminal.is_terminal:
        with _bar(terminal) as watcher:
            yield watcher
    else:
        yield _lines()


def summary(progress: Progress) -> str:
    """Return where a run stands in one line: best so far, acceptance, failures by kind."""
    from evaluator.paired import share

    parts = [f"best {progress.best} {share(progress.gain):+z.2%}" if progress.best else "no best"]
    parts.append(f"{progress.accepted} of {progress.proposals} kept")
    failures = sorted(progress.failures.items(), key=lambda item: (-item[1], item[0]))
    parts += [f"{kind} {count}" for kind, count in failures[:4]]
    if progress.tokens:
        parts.append(f"{progress.tokens:,} tokens")
    if progress.cost:
        parts.append(f"cost {progress.cost:.4g}")
    return ", ".join(parts)


@contextlib.contextmanager
def _bar(terminal: Console) -> Iterator[Watcher]:
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.fields[phase]}"),
        bars.BarColumn(bar_width=24),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("{task.fields[said]}"),
    )
    with bars.Progress(*columns, console=terminal) as bar:
        task = bar.add_task("", total=None, phase="starting", said="")

        def show(progress: Progress) -> None:
            waiting = f", {progress.waiting} to go" if progress.waiting else ""
            bar.update(
                task,
                completed=min(progress.evaluations, progress.budget),
                total=progress.budget,
                phase=progress.phase + waiting,
                said=summary(progress),
            )

        yield show


def _lines() -> Watcher:
    """A line whenever the phase changes, and at each tenth of the budget."""
    last: list[tuple[str, int]] = [("", -1)]

    def say(progress: Progress) -> None:
        tenth = 10 * progress.evaluations // max(1, progress.budget)
        if (progress.phase, tenth) != last[0]:
            last[0] = (progress.phase, tenth)
            done = f"{progress.evaluations}/{progress.budget}"
            note(f"{progress.phase}: {done} evaluations, {summary(progress)}")

    return say
