"""What the user is shown before anything happens, in sentences; pictures are the front end's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo

from agentsched.agent.context import AgentContext
from agentsched.agent.settlement import Collision, Draft, Settlement
from agentsched.agent.state import Ask, Section
from agentsched.execution import Report
from agentsched.planning import Infeasible, Plan, TaskGraph
from agentsched.planning.hint_words import say_hint
from agentsched.planning.wording import listed

MANY_UNDOS = 3
"""Actions whose undos are told one by one."""
SHOWN = 12
"""Tasks, wishes or notes that are told one by one."""


def plan_sections(graph: TaskGraph, plan: Plan, zone: tzinfo) -> list[Section]:
    """Return the plan in words: when it ends, how good it is, what was wished and what assumed."""
    last = max(place.end for place in plan.assignments)
    count = len(plan.assignments)
    lines = [
        f"{count} task{'s' if count > 1 else ''}, done by {moment(last, zone)}; {quality(plan)}"
    ]
    if count <= SHOWN:
        lines += [
            f"{place.task}: {', '.join(dict.fromkeys(place.machines)) or 'no machine'}, "
            f"{moment(place.start, zone)} to {place.end.astimezone(zone):%H:%M}"
            for place in sorted(plan.assignments, key=lambda p: (p.start, p.task))
        ]
    sections = [Section(title="Plan", lines=tuple(lines))]
    wishes = [f"{say_hint(hint)}, from {hint.phrase!r}" for hint in graph.hints if hint.phrase]
    lost = [
        f"not kept: {wish.hint}" + (f", in favour of {wish.lost_to}" if wish.lost_to else "")
        for wish in plan.wishes
        if not wish.kept
    ]
    if wishes or lost:
        sections.append(Section(title="Placement", lines=short([*wishes, *lost])))
    notes = list(dict.fromkeys((*_stretches(graph, zone), *graph.notes, *plan.notes)))
    if notes:
        sections.append(Section(title="Assumed", lines=short(notes)))
    return sections


def _stretches(graph: TaskGraph, zone: tzinfo) -> Iterator[str]:
    """Say within which stretch tasks must begin ("tonight")."""
    of: dict[tuple[datetime | None, datetime], list[str]] = {}
    for task in graph.tasks:
        if task.latest_start is not None:
            of.setdefault((task.release, task.latest_start), []).append(repr(task.id))
    for (first, last), ids in of.items():
        some = [*ids[:4], f"{len(ids) - 4} more"] if len(ids) > 5 else ids
        who = f"{listed(some)} {'begins' if len(ids) == 1 else 'begin'}"
        by = moment(last, zone)
        yield f"{who} between {moment(first, zone)} and {by}" if first else f"{who} by {by}"


def at_once_note(plan: Plan, context: AgentContext) -> list[Section]:
    """Say so where a yes starts work before its planned time."""
    first = min(place.start for place in plan.assignments)
    wait = (first - context.clock.now()).total_seconds()
    if not context.eager or wait < 120:
        return []
    line = (
        f"a yes starts this at once, not at {moment(first, context.zone)}: [execution] eager is "
        "set (--on-time waits)"
    )
    return [Section(title="Note", lines=(line,))]


def infeasible_sections(found: Infeasible) -> list[Section]:
    """Return why there is no plan, and the cheapest ways to one."""
    words = found.conflict.words
    lines = [words[:1].upper() + words[1:] + "."]
    lines += [f"Possible if {way.words}." for way in found.relaxations[:3]]
    return [Section(title="No plan", lines=tuple(lines))]


def settlement_sections(settlement: Settlement, zone: tzinfo) -> list[Section]:
    """Return what would be done to the calendar, and each conflict with its ways out.

    Occurrences of one series that change alike are told in one line.
    """
    sections: list[Section] = []
    if settlement.drafts:
        lines = list(_grouped(settlement.drafts, zone))
        sections.append(Section(title="Calendar", lines=tuple(lines)))
    for one in settlement.collisions:
        lines = [one.words]
        lines += [
            f"{one.id}{option.letter}) {option.words}" + (f" ({option.why})" if option.why else "")
            for option in one.options
        ]
        if one.separates:
            lines.append(f"what tells the first two apart: {one.separates}")
        sections.append(Section(title=f"Conflict {one.id}", lines=tuple(lines)))
    if settlement.lessons:
        lines = [f"unlearn: {lesson.words}" for lesson in settlement.lessons]
        sections.append(Section(title="Preferences", lines=tuple(lines)))
    if settlement.notes:
        sections.append(Section(title="Calendar notes", lines=short(settlement.notes)))
    return sections


def approval(sections: Sequence[Section], settlement: Settlement | None, work: bool) -> Ask:
    """Return what is asked before anything is done."""
    collisions = settlement.collisions if settlement else ()
    parts = []
    if work:
        parts.append("run it")
    if settlement is not None and not settlement.empty:
        lessons_only = settlement.lessons and not settlement.drafts and not collisions
        parts.append("unlearn it" if lessons_only else "change the calendar")
    what = " and ".join(parts) or "go on"
    hint = ""
    if choice := next((one for one in collisions if len(one.options) > 1), None):
        hint = f"; another way out as in 'yes {choice.id}{choice.options[1].letter}'"
    return Ask(
        kind="approval",
        question=f"Shall I {what}? (yes{hint}, no, or say what to change)",
        sections=tuple(sections),
        choices={one.id: tuple(option.letter for option in one.options) for one in collisions},
    )


def report_sections(report: Report, zone: tzinfo) -> list[Section]:
    """Return what became of an execution."""
    total = len(report.tasks)
    if report.completed:
        ended = f" at {moment(report.ended, zone)}" if report.ended else ""
        delay = report.delay
        how = "as planned"
        if delay > 60:
            how = f"{delay / 60:.0f} min later than planned"
        elif delay < -60:
            how = f"{-delay / 60:.0f} min earlier than planned"
        lines = [f"All {total} tasks are done{ended}, {how}; {report.attempts} starts."]
    else:
        lines = [f"{report.done} of {total} tasks are done; {report.attempts} starts."]
        lines += [
            f"{task.task}: {task.standing.replace('_', ' ')}"
            + (f", {task.reason}" if task.reason else "")
            for task in report.tasks
            if task.standing != "done"
        ]
    return [Section(title="Done" if report.completed else "Not finished", lines=short(lines))]


def _grouped(drafts: Sequence[Draft], zone: tzinfo) -> Iterator[str]:
    groups: dict[tuple[object, ...], list[Draft]] = {}
    for number, draft in enumerate(drafts):
        groups.setdefault(_alike(draft, drafts, zone) or (number,), []).append(draft)
    for group in groups.values():
        yield draft_words(group[0]) if len(group) == 1 else _several(group, zone)


def _alike(draft: Draft, drafts: Sequence[Draft], zone: tzinfo) -> tuple[object, ...] | None:
    """Return what changes of single occurrences of a series have in common; None: it is alone."""
    if draft.verb == "undo" and len(drafts) > MANY_UNDOS:
        return ("undo",)
    if not draft.single or draft.at is None:
        return None
    if draft.start is None or draft.end is None:
        return (draft.verb, draft.uid)
    # What is moved to another day, or each to another time, is told one by one.
    start, end = draft.start.astimezone(zone), draft.end.astimezone(zone)
    same_day = start.date() == draft.at.astimezone(zone).date()
    return (draft.verb, draft.uid, start.time(), end.time()) if same_day else None


def _several(group: Sequence[Draft], zone: tzinfo) -> str:
    if group[0].verb == "undo":
        return f"{group[0].words}, and {len(group) - 1} changes before it"
    times = [draft.at.astimezone(zone) for draft in group if draft.at is not None]
    which = (
        ", ".join(f"{at:%a %d %b %H:%M}" for at in times)
        if len(times) <= 3
        else f"from {times[0]:%a %d %b %H:%M} to {times[-1]:%a %d %b %H:%M}"
    )
    first = group[0]
    to = ""
    if first.start is not None and first.end is not None:
        start, end = first.start.astimezone(zone), first.end.astimezone(zone)
        to = f", each to {start:%H:%M}-{end:%H:%M}"
    words = f"{first.verb} {first.title[:80]!r} {len(group)} times ({which}{to})"
    return f"{words} (takes something away)" if first.destructive else words


def draft_words(draft: Draft) -> str:
    """Return a change in words; a destructive one says so."""
    return f"{draft.words} (takes something away)" if draft.destructive else draft.words


def collision_words(one: Collision, choices: dict[str, str]) -> str:
    """Return what was chosen for a conflict."""
    return f"conflict {one.id}: {one.option(choices.get(one.id, '')).words}"


def quality(plan: Plan) -> str:
    """Return how good a plan is: proved best, or how far from the bound, and by which method."""
    if plan.status == "optimal":
        return f"proved to be the best ({plan.method})"
    if plan.bound > 0 and plan.objective > plan.bound:
        gap = (plan.objective - plan.bound) / plan.bound
        return f"at most {gap:.0%} from the best possible ({plan.method})"
    return f"feasible ({plan.method})"


def moment(when: datetime, zone: tzinfo) -> str:
    """Return a time as people say it."""
    return f"{when.astimezone(zone):%a %d %b %H:%M}"


def text_of(sections: Iterable[Section]) -> str:
    """Return sections as plain text."""
    blocks = []
    for section in sections:
        title = [section.title] if section.title else []
        indent = "  " if section.title else ""
        blocks.append("\n".join([*title, *(indent + line for line in section.lines)]))
    return "\n".join(blocks)


def short(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the first of many lines, and how many more there are."""
    if len(lines) <= SHOWN:
        return tuple(lines)
    return (*lines[:SHOWN], f"and {len(lines) - SHOWN} more")
