"""A replayed trace as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from agentsched.cli.output import number
from evaluator.compare import Comparison
from evaluator.render import Axis, histogram
from evaluator.world import World

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em}
body{color:#222;background:#fff}h1{font-size:1.4em}h2{margin-top:2em}svg{max-width:100%}
table{border-collapse:collapse}td,th{padding:.1em 1em .1em 0;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1em 0}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}}
"""


def page(
    title: str,
    verdict: str,
    world: World,
    instance: Any,
    runs: Sequence[tuple[str, Any, Mapping[str, float]]],
    comparison: Comparison | None = None,
) -> str:
    """Return the page.

    Args:
        title: What was replayed.
        verdict: What came of it, in a sentence.
        world: Whose traces these are.
        instance: The problem all runs are of.
        runs: Policy, trace and metrics; the stored one first.
        comparison: Of the two runs, if there are two.
    """
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(verdict)}</p>", _metrics(runs)]
    if comparison is not None:
        change = comparison.change
        one, two = comparison.names
        parts += [
            f"<h2>Job by job: {escape(two)} against {escape(one)}</h2>",
            f"<p>{len(change)} jobs: {int((change < 0).sum())} faster, "
            f"{int((change > 0).sum())} slower, {int((change == 0).sum())} the same.</p>",
            _figure(histogram("Change of flow time", change.tolist(), Axis("change", "time"))),
        ]
    for name, trace, _ in runs:
        parts.append(f"<h2>{escape(name)}</h2>")
        parts += map(_figure, world.charts(instance, trace))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _metrics(runs: Sequence[tuple[str, Any, Mapping[str, float]]]) -> str:
    head = "".join(f'<th class="n">{escape(name)}</th>' for name, _, _ in runs)
    rows = [
        f"<tr><td>{escape(metric)}</td>"
        + "".join(f'<td class="n">{number(metrics[metric])}</td>' for _, _, metrics in runs)
        + "</tr>"
        for metric in runs[0][2]
        if any(metrics[metric] for _, _, metrics in runs)
    ]
    return f"<table><tr><th>metric</th>{head}</tr>{''.join(rows)}</table>"


def _figure(svg: str) -> str:
    return f"<figure>{svg}</figure>"
