"""The tree of candidates as SVG: one column a generation, a line to each parent."""

from __future__ import annotations

from html import escape

from agentsched.evolution.state import State, name_of
from evaluator.paired import share

STEP_X, STEP_Y, MARGIN = 54, 18, 14


def lineage_svg(state: State) -> str:
    """Return the tree: known rules left, then each generation's new policies by gain.

    Colour says gain against the best known rule on train, a ring the accepted candidate. Proposals
    that were stopped, failed or repeated another are left out.
    """
    columns = _columns(state)
    places = {
        name: (MARGIN + x * STEP_X, MARGIN + y * STEP_Y)
        for x, names in enumerate(columns)
        for y, name in enumerate(names)
    }
    height = 2 * MARGIN + STEP_Y * max(len(names) for names in columns)
    width = 2 * MARGIN + STEP_X * len(columns)
    accepted = (state.finished or {}).get("accepted")
    lines, dots = [], []
    for name, (x, y) in places.items():
        member = state.member(name)
        for parent in member.parents[:1]:
            if parent in places:
                px, py = places[parent]
                lines.append(f'<path d="M{px} {py}C{px + 24} {py} {x - 24} {y} {x} {y}"/>')
        ring = ' stroke="#000" stroke-width="2"' if name == accepted else ""
        label = f"{name}: {share(member.gain):+z.2%}, {member.origin}, from {list(member.parents)}"
        dots.append(
            f'<circle cx="{x}" cy="{y}" r="5" fill="{_colour(member.gain)}"{ring}>'
            f"<title>{escape(label)}</title></circle>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="Candidate tree">'
        f'<g fill="none" stroke="#999" stroke-width="1">{"".join(lines)}</g>{"".join(dots)}</svg>'
    )


def _columns(state: State) -> list[list[str]]:
    """Names by generation, best first; the first column holds the known rules."""
    known = sorted(state.known.values(), key=lambda m: m.rank)
    columns = [[m.name for m in known]]
    batch = state.breeding.batch
    for first in range(0, state.next, batch):
        names = [name_of(k) for k in range(first, min(first + batch, state.next))]
        members = [state.members[name] for name in names if name in state.members]
        columns.append([m.name for m in sorted(members, key=lambda m: m.rank)])
    return columns


def _colour(gain: float) -> str:
    """Red for 10 % worse or more, grey for equal, green for 10 % better or more."""
    strength = min(1.0, abs(share(gain)) / 0.1)
    saturation = round(70 * strength)
    return f"hsl({140 if gain > 0 else 5} {saturation}% {60 - round(20 * strength)}%)"
