"""The report of a run: what was tried, what came out, and why the gate decided so."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agentsched.evolution.finals import VALIDATION
from agentsched.evolution.run import Run
from agentsched.evolution.state import State
from evaluator.gate import GateRules, Verdict
from evaluator.paired import LARGEST, gains, interval, share, worse_share
from evaluator.world import Scenario

STOPPED = {
    "evaluations": "the evaluations were used up",
    "tokens": "the tokens were used up",
    "cost": "the money was used up",
    "minutes": "the time was used up",
    "model budget": "the next model call would have exceeded the budget",
    "fruitless": "the proposer had nothing new",
    "interrupt": "you pressed Ctrl-C",
}


@dataclass(frozen=True, slots=True)
class Unopened:
    """What stands in the gate's place when nobody reached the sealed test."""

    line: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def headline(state: State) -> str:
    """Return the result in one sentence."""
    accepted = (state.finished or {}).get("accepted")
    if accepted:
        c = state.verdicts[accepted].comparisons[0]
        return (
            f"Accepted {accepted}: {c.gain:.2%} better than {c.rival}, the best known rule "
            f"(at least {c.lower:.2%}), on the sealed test."
        )
    if state.verdicts:
        return "Nothing better was found: no finalist passed the gate."
    if not shortlisted(state):
        return "Nothing better was found: no proposal came as far as validation."
    return "Nothing better was found: no candidate was ahead of the best known rule on validation."


def shortlisted(state: State) -> list[str]:
    """Return the candidates that were measured on the last validation, in order."""
    return [who for part, who in state.finals if part == VALIDATION and who not in state.known]


def subject(state: State) -> str:
    """Return whom the report looks at: the accepted one, else the best finalist or member."""
    accepted = (state.finished or {}).get("accepted")
    if accepted:
        return str(accepted)
    if state.finalists:
        return state.finalists[0]
    return state.grown.best(1)[0].name


def rival_of(state: State) -> str:
    """Return whom it is compared with: the incumbent, else the best known rule."""
    return state.incumbent or state.final_reference or state.reference


def code_diff(state: State) -> str:
    """Return the unified diff from the rival to the subject; empty if the rival has no source."""
    mine, rival = state.member(subject(state)), state.member(rival_of(state))
    if not rival.text or not mine.text:
        return ""
    lines = difflib.unified_diff(
        rival.text.splitlines(), mine.text.splitlines(), rival.name, mine.name, lineterm=""
    )
    return "\n".join(lines)


def markdown_report(run: Run, state: State, scenario: Scenario) -> str:
    """Return the report as Markdown."""
    goal, spent = state.goal, state.spent
    why = STOPPED.get(state.stopping or "", state.stopping)
    parts = [
        f"# {scenario.title or scenario.name}: {run.path.name}",
        headline(state),
        f"Objective: {goal.metric} ({goal.sense}). Proposer: {run.manifest.get('proposer', '?')}. "
        f"{spent.evaluations} evaluations of {len(state.results)} proposals in "
        f"{state.generation} generations, {spent.tokens_in + spent.tokens_out} tokens, cost "
        f"{spent.cost:.4f}; the proposing ended because {why}.",
        f"Seed commitment `{run.seeds.commitment}`; scenario `{scenario.digest[:16]}`.",
    ]
    parts += ["## Gate", *(_verdict(v, goal.metric) for v in state.verdicts.values())]
    if not state.verdicts:
        missed = unopened(state)
        parts += [missed.line, table(missed.head, _cells(missed.rows))]
    mean, against = f"mean {goal.metric}", f"against {state.reference}"
    parts += ["## Known rules on train", table(("rule", mean, against), known_rows(state))]
    head = ("candidate", mean, against, "guards", "how", "parents")
    rows = member_rows(state)
    none = "No proposal became a candidate."
    parts += ["## Best candidates on train", table(head, rows) if rows else none]
    parts += ["## What failed", _failures(state)]
    text = state.member(subject(state)).text
    parts += [f"## {subject(state)}", f"```python\n{text.strip()}\n```"]
    diff = code_diff(state)
    if diff:
        parts += [f"## Difference to {rival_of(state)}", f"```diff\n{diff}\n```"]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def gate_rows(verdict: Verdict, metric: str) -> list[tuple[str, str, str, str, str]]:
    """Return condition, gain, interval, requirement, and whether it holds."""
    rows = [
        (
            f"{metric} against {c.role} {c.rival}", f"{c.gain:+z.2%}",
            _between(c.lower, c.upper), f"lower > {c.required:.2%}", _tick(c.holds),
        )
        for c in verdict.comparisons
    ]  # fmt: skip
    rows += [
        (
            f"guard {g.metric} against {g.rival}", f"{g.worsening:+z.2%} worse",
            _between(g.lower, g.upper), f"≤ {g.margin:.0%}", _tick(g.holds),
        )
        for g in verdict.guards
    ]  # fmt: skip
    rows += [
        (
            f"setting {r.setting} ({r.instances} instances)", f"{r.gain:+z.2%}", f"rank {r.rank}",
            f"≥ {-verdict.rules.tolerance:.0%}", _tick(r.holds),
        )
        for r in verdict.robustness
    ]  # fmt: skip
    rows.append(("violations", str(verdict.violations), "", "0", _tick(not verdict.violations)))
    return rows


def _between(lower: float, upper: float) -> str:
    """Return an interval of relative gains or losses.

    A bound at the most that one instance may claim says nothing about the mean.
    """
    claims = [abs(share(sign * LARGEST)) for sign in (-1, 1)]
    ends = [
        "unbounded" if any(math.isclose(abs(end), claim) for claim in claims) else f"{end:+z.2%}"
        for end in (lower, upper)
    ]
    return " … ".join(ends)


def unopened(state: State) -> Unopened:
    """Return why the sealed test was not opened: the shortlist on validation, row by row.

    A row is one candidate against the best known rule or the incumbent. If no candidate came so
    far, the rows are the known rules on train.
    """
    names = shortlisted(state)
    if not names:
        return Unopened(
            "The sealed test was not opened: no candidate survived training. "
            "The known rules on train:",
            ("rule", f"mean {state.goal.metric}", f"against {state.reference}"),
            list(known_rows(state)),
        )
    rivals = [("best known", state.final_reference)]
    rivals += [("incumbent", state.incumbent)] if state.incumbent else []
    return Unopened(
        "The sealed test was not opened: no candidate on the shortlist leads the best known rule "
        "on validation with its guards kept. Lower bounds are one-sided, at "
        f"{GateRules().alpha:.0%} each.",
        ("candidate", "against", "gain", "lower bound", "guards", "leads"),
        [_contest(state, name, role, rival) for name in names for role, rival in rivals],
    )


def _contest(state: State, name: str, role: str, rival: str) -> tuple[str, ...]:
    """Return one candidate against one rival on validation; a failed one has no numbers."""
    goal, event = state.goal, state.finals[VALIDATION, name]
    against = f"{role} {rival}"
    if failed := event["failed"]:
        return (name, against, "", "", "", f"no: {failed['stage']}: {failed['message']}")
    mine, other = event["metrics"], state.finals[VALIDATION, rival]["metrics"]
    columns = [np.array([row[goal.metric] for row in rows]) for rows in (mine, other)]
    bound = interval(gains(columns[0], columns[1], goal.sense), GateRules().alpha)
    checks = [
        (metric, worse_share(gain), margin)
        for gain, (metric, _, margin) in zip(
            goal.guard_gains(mine, other), goal.guards, strict=True
        )
    ]
    why = [] if bound.mean > 0 else ["no gain"]
    why += [f"guard {metric} broken" for metric, worse, margin in checks if worse > margin]
    return (
        name, against, f"{share(bound.mean):+z.2%}", f"{share(bound.lower):+z.2%}",
        ", ".join(f"{what} {worse:+z.2%} worse (≤ {margin:.0%})" for what, worse, margin in checks),
        f"no: {', '.join(why)}" if why else "yes",
    )  # fmt: skip


def failure_rows(state: State) -> list[tuple[str, str, str]]:
    """Return what became of proposals, then the commonest failures in words."""
    rows = [(kind, str(count), "") for kind, count in sorted(state.failures.items())]
    rows += [(x.kind, str(x.count), x.message) for x in state.top_lessons(12)]
    return rows


def _verdict(verdict: Verdict, metric: str) -> str:
    said = "accepted" if verdict.accepted else "not accepted: " + "; ".join(verdict.reasons)
    head = (
        f"**{verdict.candidate}**: {said}. One-sided bounds at {verdict.level:.2%} "
        f"({verdict.finalists} finalists, Bonferroni); first in {verdict.rank_stability:.0%} of "
        "the settings."
    )
    rows = gate_rows(verdict, metric)
    return f"{head}\n\n" + table(("condition", "value", "interval", "required", "holds"), rows)


def known_rows(state: State) -> list[tuple[str, str, str]]:
    """Return known rules with mean objective and gain on train, best first."""
    rules = sorted(state.known.values(), key=lambda m: -m.gain)
    return [(m.name, _mean(state, m.name), f"{share(m.gain):+z.2%}") for m in rules]


def member_rows(state: State, count: int = 10) -> list[tuple[str, str, str, str, str, str]]:
    """Return the best candidates on train."""
    best = sorted(state.members.values(), key=lambda m: m.rank)[:count]
    return [
        (
            m.name, _mean(state, m.name), f"{share(m.gain):+z.2%}",
            "kept" if m.feasible else "broken", m.origin, ", ".join(m.parents),
        )
        for m in best
    ]  # fmt: skip


def _failures(state: State) -> str:
    rows = _cells(failure_rows(state))
    return table(("kind", "count", "message"), rows) if rows else "Nothing."


def _cells(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return rows whose text cannot break a Markdown table."""
    return [tuple(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]


def _mean(state: State, name: str) -> str:
    column = [row[state.goal.metric] for row in state.member(name).metrics]
    return f"{sum(column) / len(column):.6g}"


def _tick(holds: bool) -> str:
    return "yes" if holds else "no"
