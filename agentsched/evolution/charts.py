"""The drawings of a report: score curve, Pareto front, traces as their world draws them."""

from __future__ import annotations

from agentsched.evolution.finals import FINAL, TEST, VALIDATION
from agentsched.evolution.report import subject
from agentsched.evolution.session import Session
from agentsched.evolution.state import State
from evaluator.paired import share, worse_share
from evaluator.render import Axis, Line, Point, line_chart, scatter


def score_curve(state: State) -> str:
    """Draw the best gain on train over evaluations."""
    best = Line(
        "best so far",
        [0.0, *(float(p.evaluations) for p in state.curve)],
        [100 * share(gain) for gain in (_start(state), *(p.gain for p in state.curve))],
        stepped=True,
    )
    y = Axis(f"gain over {state.reference} on train, %")
    return line_chart("Best candidate", [best], Axis("evaluations", low=0.0), y)


def pareto_chart(state: State) -> list[str]:
    """Draw objective against each guard, both relative to the best known rule, on train."""
    front = {member.name for member in state.grown.archive}
    everyone = [*state.known.values(), *state.members.values()]
    drawings = []
    for row, (metric, _, margin) in enumerate(state.goal.guards):
        points = [
            Point(
                100 * share(m.gain), 100 * worse_share(m.guards[row]),
                title=m.name, group=int(m.name in state.known), front=m.name in front,
            )
            for m in everyone
        ]  # fmt: skip
        drawings.append(
            scatter(
                f"{state.goal.metric} against {metric}", points,
                Axis(f"gain in {state.goal.metric}, %"),
                Axis(f"{metric} worse by, % (margin {100 * margin:g})"),
            )
        )  # fmt: skip
    return drawings


def drawings(session: Session) -> list[str]:
    """Draw the first judged instance under the run's subject and under the best known rule."""
    state = session.state
    split, labels = (TEST, (TEST,)) if state.verdicts else (VALIDATION, (VALIDATION, FINAL))
    names = dict.fromkeys([subject(state), state.final_reference or state.reference])
    tickets = [
        session.pool.submit(
            {
                "do": "draw", "policy": session.policy(name), "split": split, "index": 0,
                "labels": list(labels), "title": f"{name} on {split} instance 0",
            }
        )
        for name in names
    ]  # fmt: skip
    drawn = [session.pool.wait(ticket).get("svg", "") for ticket in tickets]
    return [svg for svg in drawn if svg]


def _start(state: State) -> float:
    """Gain of the best parent there was before the first proposal."""
    return max(member.gain for member in state.known.values() if member.text)
