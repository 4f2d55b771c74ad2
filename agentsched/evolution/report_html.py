"""Writes the report of a run, as Markdown and as one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from agentsched.evolution.charts import pareto_chart, score_curve
from agentsched.evolution.lineage import lineage_svg
from agentsched.evolution.report import (
    code_diff,
    failure_rows,
    gate_rows,
    headline,
    known_rows,
    markdown_report,
    member_rows,
    rival_of,
    subject,
    unopened,
)
from agentsched.evolution.run import Run
from agentsched.evolution.state import State
from evaluator.world import Scenario
from evaluator.worlds import world_of

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.5em}h2{margin-top:2em;border-bottom:1px solid #ddd}
table{border-collapse:collapse;margin:.5em 0}td,th{padding:.2em .8em .2em 0;text-align:left}
th{border-bottom:1px solid #999}tr.no td{color:#b00}
pre{background:#f6f6f6;padding:1em;overflow:auto}.scroll{overflow:auto}
.add{color:#070}.del{color:#b00}.at{color:#777}.yes{color:#070;font-weight:600}
.small{color:#666;font-size:.9em}figure{margin:1em 0}svg{max-width:100%;height:auto}
.scroll svg{max-width:none}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#222}
tr.no td,.del{color:#f77}.add,.yes{color:#7c7}svg{background:#eee}}
"""

LEGEND = (
    "Dots: blue a candidate, orange a known rule, large and joined the Pareto front over the "
    "objective and all guards."
)


def write_report(run: Run, state: State, scenario: Scenario, charts: Sequence[str] = ()) -> None:
    """Write ``report.md`` and ``report.html`` into the run folder; ``charts`` are more SVG."""
    figures = [score_curve(state), *pareto_chart(state), *charts]
    run.write("report.md", markdown_report(run, state, scenario))
    run.write("report.html", html_report(run, state, scenario, figures))


def html_report(run: Run, state: State, scenario: Scenario, figures: Sequence[str] = ()) -> str:
    """Return the page.

    Args:
        run: Folder and manifest.
        state: What happened.
        scenario: What it was about.
        figures: SVG drawings, each with its own title: curve, Pareto front, Gantt chart.
    """
    goal = state.goal
    body = [
        f"<h1>{escape(scenario.title or scenario.name)}</h1>",
        f"<p><strong>{escape(headline(state))}</strong></p>",
        f'<p class="small">Run {escape(run.path.name)}, proposer '
        f"{escape(str(run.manifest.get('proposer', '?')))}, {state.spent.evaluations} evaluations; "
        f"objective {escape(goal.metric)} ({goal.sense}); seed commitment "
        f"<code>{run.seeds.commitment}</code></p>",
        *(f"<figure>{figure}</figure>" for figure in figures),
        f'<p class="small">{LEGEND} {escape(world_of(scenario).legend)}</p>' if figures else "",
        "<h2>Gate</h2>",
    ]
    for verdict in state.verdicts.values():
        said = "accepted" if verdict.accepted else "not accepted"
        body.append(
            f"<h3>{escape(verdict.candidate)}: {said}</h3><p>{verdict.finalists} finalists, "
            f"one-sided bounds at {verdict.level:.2%} (Bonferroni); first in "
            f"{verdict.rank_stability:.0%} of the settings.</p>"
        )
        rows = gate_rows(verdict, goal.metric)
        body.append(_table(("condition", "value", "interval", "required", "holds"), rows))
        body += [f"<p>{escape(reason)}</p>" for reason in verdict.reasons]
    if not state.verdicts:
        missed = unopened(state)
        body += [f"<p>{escape(missed.line)}</p>", _table(missed.head, missed.rows)]
    mean = f"mean {goal.metric}"
    against = f"against {state.reference}"
    body += [
        "<h2>Candidate tree</h2>", f'<div class="scroll">{lineage_svg(state)}</div>',
        "<h2>Known rules on train</h2>", _table(("rule", mean, against), known_rows(state)),
        "<h2>Best candidates on train</h2>",
        _table(("candidate", mean, against, "guards", "how", "parents"), member_rows(state)),
        "<h2>What became of the others</h2>",
        _table(("kind", "count", "message"), failure_rows(state)),
        f"<h2>Code of {escape(subject(state))}</h2>",
        f"<pre>{escape(state.member(subject(state)).text.strip())}</pre>",
    ]  # fmt: skip
    diff = code_diff(state)
    if diff:
        body.append(f"<h2>Difference to {escape(rival_of(state))}</h2><pre>{_diff(diff)}</pre>")
    facts = {key: run.manifest[key] for key in ("args", "git", "packages", "machine", "created")}
    body.append(f"<h2>Made with</h2><pre>{escape(json.dumps(facts, indent=1))}</pre>")
    title = escape(run.path.name)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>None.</p>"
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = []
    for row in rows:
        broken = ' class="no"' if row[-1] == "no" else ""
        lines.append(f"<tr{broken}>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>")
    return f'<div class="scroll"><table><tr>{cells}</tr>{"".join(lines)}</table></div>'


def _diff(diff: str) -> str:
    kinds = {"+": "add", "-": "del", "@": "at"}
    return "\n".join(
        f'<span class="{kinds[line[0]]}">{escape(line)}</span>'
        if line[:1] in kinds
        else escape(line)
        for line in diff.splitlines()
    )
