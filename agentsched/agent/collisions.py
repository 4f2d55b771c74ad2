"""What collides with what a message wants, and the ways out; series that collide are told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from agentsched.agent.context import AgentContext
from agentsched.agent.desk import Desk
from agentsched.agent.settlement import Collision, Draft, Option
from agentsched.agent.wishes import preference_model
from agentsched.calendars import Occurrence, Situation, find_conflicts, parse_hours, resolve
from agentsched.calendars.conflicts import Busy, Conflict
from agentsched.calendars.errors import NoEvent
from agentsched.calendars.features import describe
from agentsched.calendars.resolution import Action, Authority, Proposal
from agentsched.calendars.resolution import Option as WayOut
from agentsched.understanding import ResolveConflicts

SETTLED = timedelta(days=30)
"""How far ahead "resolve my conflicts" looks where no time is named."""
MOST_COLLISIONS = 12
"""Conflicts that are told one by one, and occurrences of a series that are moved one by one."""
MOST_REMARKS = 3
"""Marked days that events are on, which are told."""
LETTERS = "abcdef"
WAKING = "MO-SU 8-20"
"""Within which something is moved, where no working hours are set."""


@dataclass(frozen=True, slots=True)
class Collided:
    """The conflicts of a turn, and what is only told."""

    collisions: tuple[Collision, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _View:
    """What ways out are looked for in."""

    desk: Desk
    situation: Situation
    """Everything, and what the ways out of earlier conflicts would take."""
    known: Sequence[Occurrence]
    """Everything."""
    staying: frozenset[str]
    """UIDs of the events the user spoke of: others give way."""
    added: frozenset[str]
    """UIDs of those that are new."""
    asked: Sequence[ResolveConflicts]
    context: AgentContext


def collisions(
    known: Sequence[Occurrence], staying: Iterable[str], added: frozenset[str],
    asked: Sequence[ResolveConflicts], desk: Desk, now: datetime, context: AgentContext,
) -> Collided:  # fmt: skip
    """Return what collides, each with its ways out.

    Args:
        known: Everything within the horizon, with the changes of the turn made.
        staying: UIDs of what the turn adds or moves.
        added: UIDs of what it adds.
        asked: Wishes to settle conflicts.
        desk: Zone, people, spacing.
        now: The time.
        context: Preferences, and what may be done unasked.
    """
    uids = frozenset(staying)
    clashes: list[Conflict] = []
    if uids:
        busy = Busy(known, desk.spacing)
        clashes += busy.conflicts_of(o for o in known if o.uid in uids)
    for one in asked:
        low, high = _asked_window(one, now)
        within = [o for o in known if o.start < high and o.end > low]
        clashes += find_conflicts(within, desk.spacing)
    clashes = _once(clashes)
    notes = _remarks(clashes, desk.zone)
    groups = _alike(clash for clash in clashes if not clash.is_remark)
    situation = Situation(
        viewer=desk.book.viewer,
        now=now,
        occurrences=known,
        spacing=replace(desk.spacing, hours=desk.hours or parse_hours(WAKING, desk.zone)),
        preferences=preference_model(context),
        contacts=desk.contacts,
        authority=_authority(context),
    )
    view = _View(desk, situation, known, uids, added, asked, context)
    found: list[Collision] = []
    for number, group in enumerate(groups[:MOST_COLLISIONS], start=1):
        several = len(group) > 1
        id = str(number)
        found.append(_several(id, group, view) if several else _one(id, group[0], view))
        # What one way out takes is taken for those of the next: a yes may choose any of each.
        taken = (*view.situation.occurrences, *_taken(found[-1], view))
        view = replace(view, situation=replace(situation, occurrences=taken))
    left = sum(map(len, groups[MOST_COLLISIONS:]))
    if left:
        notes.append(f"{left} more conflicts; agentsched calendar conflicts lists them")
    return Collided(tuple(found), tuple(notes))


def _alike(clashes: Iterable[Conflict]) -> list[list[Conflict]]:
    """Put the conflicts of one series with one other event or series together."""
    groups: dict[tuple[str, ...], list[Conflict]] = {}
    for clash in clashes:
        uids = sorted(o.uid for o in clash.occurrences)
        groups.setdefault((clash.kind, *uids), []).append(clash)
    return list(groups.values())


def _taken(one: Collision, view: _View) -> Iterator[Occurrence]:
    """Give what each way out of a conflict would put at another time."""
    drafts = (draft for option in one.options for draft in option.drafts if draft.verb == "move")
    for draft in drafts:
        here = next((o for o in view.known if o.id == draft.event), None)
        if here is None or draft.start is None:
            continue
        shift = _wall(draft.start, view.context.zone) - _wall(here.start, view.context.zone)
        moved = _later(here, view) if draft.scope == "future" else [here]
        yield from (_shifted(o, shift, view.context.zone) for o in moved)


def _later(here: Occurrence, view: _View) -> list[Occurrence]:
    return [o for o in view.known if o.uid == here.uid and o.start >= here.start]


def _remarks(clashes: Iterable[Conflict], zone: tzinfo) -> list[str]:
    """Tell of the days that events are on: nothing gives way to a birthday."""
    told = [
        f"{clash.occurrences[-1].start.astimezone(zone):%a %d %b}: {clash}"
        for clash in clashes
        if clash.is_remark
    ]
    more = [f"{len(told) - MOST_REMARKS} more like it"] if len(told) > MOST_REMARKS else []
    return told[:MOST_REMARKS] + more


def _one(id: str, clash: Conflict, view: _View) -> Collision:
    proposal = resolve(clash, view.situation)
    options = list(_options(_yielding(proposal, clash, view), view))
    zone, situation = view.context.zone, view.situation
    if not options or options[-1].drafts:
        options.append(Option(letter="a", words="leave both as they are"))
    lettered = _lettered(options)
    words = " and ".join(f"{o.title[:60]!r} {_span(o, zone)}" for o in clash.occurrences)
    features = tuple(
        dict(describe(o, situation.viewer, situation.contacts, situation.now))
        for o in clash.occurrences
    )
    return Collision(
        id=id,
        words=f"{words}: {clash}",
        options=lettered,
        titles=tuple(o.title[:300] for o in clash.occurrences),
        candidates=features if len(features) == 2 else (),
        sure=_sure(proposal, lettered[0], view.context),
        separates=proposal.separating,
    )


def _yielding(proposal: Proposal, clash: Conflict, view: _View) -> list[WayOut]:
    """Return the ways out; what the user just spoke of stays if the other one can give way."""
    staying = view.staying | _kept(view.asked, clash)
    ways = [way for way in proposal.options if way.feasible and _can_be_made(way, view)]
    return [way for way in ways if way.occurrence.uid not in staying] or ways


def _can_be_made(way: WayOut, view: _View) -> bool:
    """Whether a yes could make the change: it names an event that there is or will be then."""
    uid = way.occurrence.uid
    if way.action == "ask":
        return False
    if uid in view.added:  # not to be added at all is said in words
        return way.action in ("reschedule", "attend")
    try:
        view.desk.book.read().find(uid)
    except NoEvent:  # the rest of a series that the proposal itself would split off
        return way.action == "attend"
    return True


def _lettered(options: Sequence[Option]) -> tuple[Option, ...]:
    return tuple(
        option.model_copy(update={"letter": letter})
        for letter, option in zip(LETTERS, options, strict=False)
    )


def _several(id: str, group: Sequence[Conflict], view: _View) -> Collision:
    """Tell the conflicts of two series, or of a series with one event, as one."""
    zone = view.context.zone
    first = _one(id, group[0], view)
    days = [clash.occurrences[-1].start.astimezone(zone) for clash in group]
    options = [*_each_moved(id, group, view), *_series_moved(group[0], view)]
    options.append(Option(letter="a", words="leave all of them as they are"))
    words = f"{group[0]}, {len(group)} times from {days[0]:%a %d %b %H:%M} to {days[-1]:%a %d %b}"
    return first.model_copy(update={"words": words, "options": _lettered(options), "sure": ""})


def _each_moved(id: str, group: Sequence[Conflict], view: _View) -> Iterator[Option]:
    """Give the way out that moves each occurrence for itself; none if one cannot."""
    if len(group) > MOST_COLLISIONS:
        return
    drafts: list[Draft] = []
    for clash in group:
        taken = [draft.start for draft in drafts]
        moves = (
            draft
            for option in _one(id, clash, view).options
            for draft in option.drafts
            if draft.verb == "move" and draft.start not in taken
        )
        draft = next(moves, None)
        if draft is None or (drafts and draft.uid != drafts[0].uid):
            return
        drafts.append(draft)
    times = ", ".join(f"{d.start:%a %d %b %H:%M}" for d in drafts[:3] if d.start is not None)
    more = ", …" if len(drafts) > 3 else ""
    words = f"move {drafts[0].title!r} {len(drafts)} times ({times}{more})"
    yield Option(letter="a", words=words, drafts=tuple(drafts), why="checked: each is free then")


def _series_moved(clash: Conflict, view: _View) -> Iterator[Option]:
    """Give the way out that moves a whole series from now on, where it then meets nothing."""
    zone, known = view.context.zone, view.situation.occurrences
    for way in _yielding(resolve(clash, view.situation), clash, view):
        here = way.occurrence
        if way.action != "reschedule" or not here.in_series:
            continue
        later = _later(here, view)
        rest = Busy([o for o in known if o.uid != here.uid], view.situation.spacing)
        for slot in way.slots:
            shift = _wall(slot.start, zone) - _wall(here.start, zone)
            moved = [_shifted(o, shift, zone) for o in later]
            met = (one for one in rest.conflicts_of(moved) if one.second is not None)
            if any(one.kind != "soft" for one in met):
                continue
            start, end = slot.start.astimezone(zone), slot.end.astimezone(zone)
            title = here.title[:80]
            words = (
                f"move {title!r} from {here.start.astimezone(zone):%a %d %b} on to "
                f"{start:%a %d %b %H:%M}-{end:%H:%M}, and all after it alike"
            )
            draft = Draft(
                verb="move", event=here.id, scope="future", title=title, start=start, end=end,
                words=words,
            )  # fmt: skip
            why = f"checked: nothing is in the way of the next {len(moved)}"
            yield Option(letter="a", words=words, drafts=(draft,), why=why)
            return


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _shifted(occurrence: Occurrence, shift: timedelta, zone: tzinfo) -> Occurrence:
    """Move an occurrence by the clock on the wall, as an edit of its series does."""
    start = (_wall(occurrence.start, zone) + shift).replace(tzinfo=zone).astimezone(UTC)
    return replace(occurrence, start=start, end=start + (occurrence.end - occurrence.start))


def _options(ways: Sequence[WayOut], view: _View) -> Iterator[Option]:
    zone = view.context.zone
    count = 0
    for way in ways:
        title = way.occurrence.title[:80]
        for slot in way.slots[:2] if way.action == "reschedule" else (None,):
            if count == len(LETTERS) - 1:
                return
            draft = None
            why = ""
            match way.action:
                case "reschedule" if slot is not None:
                    start, end = slot.start.astimezone(zone), slot.end.astimezone(zone)
                    draft = Draft(
                        verb="move", event=way.occurrence.id, title=title, start=start, end=end,
                        words=f"move {title!r} to {start:%a %d %b %H:%M}-{end:%H:%M}",
                    )  # fmt: skip
                    why = "checked: free then"
                    if slot.perhaps_busy:
                        why = f"{', '.join(slot.perhaps_busy)} may be busy then"
                case "decline":
                    invited = way.why.startswith("decline")
                    verb: Literal["decline", "cancel"] = "decline" if invited else "cancel"
                    day = way.occurrence.start.astimezone(zone)
                    draft = Draft(
                        verb=verb, event=way.occurrence.id, title=title,
                        words=f"{verb} {title!r} on {day:%a %d %b}",
                        token=view.desk.book.token(verb, way.occurrence.id),
                    )  # fmt: skip
                case "delegate":
                    draft = Draft(
                        verb="delegate", event=way.occurrence.id, title=title,
                        people=(way.delegate,), words=f"delegate {title!r} to {way.delegate}",
                    )  # fmt: skip
                case _:
                    pass
            words = draft.words if draft else f"keep {title!r} as it is"
            count += 1
            yield Option(letter="a", words=words, drafts=(draft,) if draft else (), why=why)


def _span(occurrence: Occurrence, zone: tzinfo) -> str:
    start, end = occurrence.start.astimezone(zone), occurrence.end.astimezone(zone)
    return (
        f"{start:%a %d %b}, all day"
        if occurrence.all_day
        else f"{start:%a %d %b %H:%M}-{end:%H:%M}"
    )


def _kept(asked: Iterable[ResolveConflicts], clash: Conflict) -> set[str]:
    """UIDs that the user's words protect: what is to be kept, or is not what may move."""
    found: set[str] = set()
    for one in asked:
        for occurrence in clash.occurrences:
            title = occurrence.title.casefold()
            if one.keep and all(word in title for word in one.keep.casefold().split()):
                found.add(occurrence.uid)
    return found


def _asked_window(one: ResolveConflicts, now: datetime) -> tuple[datetime, datetime]:
    if one.within is None or one.within.start is None:
        return now, now + SETTLED
    start = one.within.start
    return start, one.within.end or start + timedelta(days=1)


def _once(clashes: Iterable[Conflict]) -> list[Conflict]:
    seen: dict[tuple[str, ...], Conflict] = {}
    for clash in clashes:
        if clash.second is not None:
            seen.setdefault(tuple(sorted(o.id for o in clash.occurrences)), clash)
    return sorted(seen.values(), key=lambda c: (c.occurrences[-1].start, c.first.id))


def _authority(context: AgentContext) -> Authority:
    """What may be done unasked: by default nothing, else moves that can be undone."""
    may: frozenset[Action] = frozenset()
    if context.settings.agent.autonomy == "reversible":
        may = frozenset({"reschedule"})
    return Authority(may=may, threshold=context.settings.agent.tau)


def _sure(proposal: Proposal, first: Option, context: AgentContext) -> str:
    """Why the option shown first may be taken unasked: it is what the resolution decided."""
    decided = proposal.decision
    if decided is None or not first.drafts or first.drafts[0].verb != "move":
        return ""
    if first.drafts[0].event != decided.occurrence.id:
        return ""
    return f"{proposal.because} (autonomy is {context.settings.agent.autonomy!r})"[:1000]
