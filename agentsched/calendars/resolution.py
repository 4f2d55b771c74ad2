"""What to do about a conflict: options with their feasibility, worth, cost and certainty.

Feasibility is exact: the slots offered have been checked by the code that finds conflicts. Worth
comes from the preference model, cost from how many people are moved how late. The assistant acts
alone only when it is sure, can take it back, and the user's standing rules allow it; else it asks,
with the two best options and what tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from agentsched.calendars.book import Book
from agentsched.calendars.conflicts import Busy, Conflict, Spacing
from agentsched.calendars.contacts import Contacts
from agentsched.calendars.errors import CalendarError
from agentsched.calendars.events import Viewer
from agentsched.calendars.features import describe, separating
from agentsched.calendars.free import Participant, Slot, Wanted, free_slots
from agentsched.calendars.journal import Entry
from agentsched.calendars.occurrences import Occurrence
from agentsched.calendars.preference import NoPreference, Preference, PreferenceModel, Reason
from agentsched.calendars.zones import named_zone, zone_name

Action = Literal["attend", "reschedule", "decline", "delegate", "ask"]
LOST = {"attend": 0.1, "reschedule": 0.15, "delegate": 0.4, "decline": 0.7}
"""Share of an event's worth that is lost when it gives way so."""
DESTRUCTIVE = frozenset({"decline"})
REVERSIBLE = frozenset({"attend", "reschedule"})
"""Nobody else has been asked or told anything that a second change does not mend."""
CROWD = 10.0
"""Disruption at which an option is worth half a unit less."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The user's standing rules about what may be done without asking."""

    may: frozenset[Action] = frozenset()
    """Actions granted; none by default."""
    at_most: int = 5
    """Other people an event may have for that."""
    never: tuple[Mapping[str, str], ...] = ()
    """Events of which all these features hold are never touched without asking."""
    threshold: float = 0.9
    """Least certainty (tau)."""

    def objection(self, option: Option, features: Mapping[str, str], others: int) -> str:
        """Return why an option may not be carried out unasked; empty if it may."""
        if option.p < self.threshold:
            return f"only {option.p:.0%} sure, {self.threshold:.0%} is needed"
        if not option.reversible:
            return f"to {option.action} cannot be taken back"
        if option.action not in self.may:
            return f"no standing rule allows to {option.action} unasked"
        if others > self.at_most:
            return f"{others} other people are in it, the standing rules allow {self.at_most}"
        for rule in self.never:
            if rule and all(features.get(name) == value for name, value in rule.items()):
                told = ", ".join(f"{name} {value}" for name, value in rule.items())
                return f"a standing rule protects events with {told}"
        return ""


@dataclass(frozen=True, slots=True)
class Option:
    """One way out."""

    action: Action
    occurrence: Occurrence
    """What gives way; for ``attend`` what stays although it collides."""
    kept: Occurrence | None
    """What stays as it is; None where there is only one event."""
    feasible: bool
    why: str
    """What it would do, or why it cannot be done."""
    utility: float = 0.0
    disruption: float = 0.0
    """Other people x moves x lateness."""
    p: float = 0.0
    """How sure it is that the user would rather keep ``kept``."""
    slots: tuple[Slot, ...] = ()
    """Checked times to move to, the best first."""
    delegate: str = ""

    @property
    def destructive(self) -> bool:
        """Whether it needs a person's yes, whatever else holds."""
        return self.action in DESTRUCTIVE

    @property
    def reversible(self) -> bool:
        """Whether undo brings back everything, people's minds included."""
        return self.action in REVERSIBLE


@dataclass(frozen=True, slots=True)
class Proposal:
    """All options for one conflict, and what shall happen."""

    conflict: Conflict
    options: tuple[Option, ...]
    """Feasible ones first, the best first."""
    decision: Option | None
    """To be done without asking; None: ask."""
    question: tuple[Option, ...]
    """The two best to choose from; empty when nothing is asked."""
    separating: str
    """The feature that tells the two apart: ``relation: manager / vendor``."""
    because: str
    """Why it is decided, or why it is asked."""
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Situation:
    """What is known when a conflict is to be resolved."""

    viewer: Viewer
    now: datetime
    occurrences: Sequence[Occurrence] = field(repr=False)
    """All that takes place until the end of the search."""
    spacing: Spacing = field(default_factory=Spacing)
    preferences: PreferenceModel = field(default_factory=NoPreference)
    authority: Authority = field(default_factory=Authority)
    contacts: Contacts = field(default_factory=Contacts.of)
    calendars: Mapping[str, Sequence[Occurrence]] = field(default_factory=dict, repr=False)
    """Of other people, by address, as far as they are known."""
    search: timedelta = timedelta(days=14)
    """How far an event may be moved."""
    slots: int = 3
    """How many times are offered."""

    @cached_property
    def busy(self) -> Busy:
        """What takes time, arranged for checks."""
        return Busy(self.occurrences, self.spacing)


def resolve(conflict: Conflict, situation: Situation) -> Proposal:
    """Return what can be done about a conflict, and whether it is done or asked."""
    events = conflict.occurrences
    features = [describe(o, situation.viewer, situation.contacts, situation.now) for o in events]
    preference = situation.preferences.prefer(features)
    options: list[Option] = []
    for index, occurrence in enumerate(events):
        kept = events[1 - index] if len(events) == 2 else None
        p = _chance(preference, 1 - index) if kept is not None else 0.5
        options += _options(conflict, occurrence, kept, p, situation)
    ranked = sorted(options, key=lambda o: (not o.feasible, -o.utility, o.action, o.occurrence.id))
    return _decided(conflict, ranked, features, preference, situation)


def carry_out(book: Book, option: Option, *, slot: int = 0, yes: str = "") -> Entry:
    """Do what an option says; the entry can be undone.

    Args:
        book: The calendar.
        option: A feasible one.
        slot: Which of its slots, for ``reschedule``.
        yes: For ``decline``: the book's token of the action, given for a person's yes.

    Raises:
        CalendarError: It is not feasible, or there is nothing to do.
        NeedsYes: A yes is needed.
        Stale: The event changed since.
    """
    occurrence = option.occurrence
    if not option.feasible or option.action == "ask":
        raise CalendarError(f"nothing can be done: {option.why}")
    match option.action:
        case "reschedule":
            zone = zone_name(occurrence.event.start.zone or book.viewer.zone)
            start = option.slots[slot].start.astimezone(named_zone(zone or "UTC"))
            return book.move(occurrence, start)
        case "delegate":
            return book.delegate(occurrence, option.delegate)
        case "decline" if _invited(occurrence, book.viewer):
            return book.reply(occurrence, "DECLINED", yes=yes)
        case "decline":
            return book.cancel(occurrence, yes=yes)
        case _ if _invited(occurrence, book.viewer):
            return book.reply(occurrence, "ACCEPTED")
    raise CalendarError(f"{occurrence.title[:60]!r} stays as it is; there is nothing to write")


def _chance(preference: Preference, index: int) -> float:
    """How likely the user would rather keep that one of two."""
    first = preference.order[0] == index
    p = preference.probability[0] if preference.probability else 0.5
    return p if first else 1 - p


def _options(
    conflict: Conflict, occurrence: Occurrence, kept: Occurrence | None, p: float,
    situation: Situation,
) -> Iterator[Option]:  # fmt: skip
    others = _others(occurrence, situation.viewer)
    late = _lateness(occurrence.start - situation.now)
    for option in (
        _attend(conflict, occurrence, kept),
        _reschedule(occurrence, kept, situation),
        _decline(occurrence, kept, situation.viewer),
        _delegate(occurrence, kept, situation),
    ):
        moves = 1 + min(occurrence.event.sequence, 5) if option.action == "reschedule" else 1
        # To decline or delegate troubles one organiser, to move an event all who are in it.
        people = len(others) if option.action == "reschedule" else min(1, len(others))
        disruption = 0.0 if option.action == "attend" else people * moves * late
        worth = 1 - p
        utility = 1 - LOST[option.action] * worth - disruption / (disruption + CROWD)
        yield replace(
            option, p=p, disruption=round(disruption, 6),
            utility=round(utility, 6) if option.feasible else 0.0,
        )  # fmt: skip


def _attend(conflict: Conflict, occurrence: Occurrence, kept: Occurrence | None) -> Option:
    possible = conflict.kind in ("soft", "work_hours") or not conflict.is_hard
    why = (
        "leave it as it is: the collision is not certain"
        if possible
        else f"nobody can do both: {conflict}"
    )
    return Option("attend", occurrence, kept, possible, why)


def _reschedule(occurrence: Occurrence, kept: Occurrence | None, situation: Situation) -> Option:
    viewer = situation.viewer
    if not occurrence.event.organised_by(viewer.addresses):
        organiser = occurrence.organiser
        name = organiser.address if organiser else "somebody else"
        return Option("reschedule", occurrence, kept, False, f"only {name} can move it")
    if occurrence.all_day:
        return Option("reschedule", occurrence, kept, False, "it takes whole days")
    if kept is not None and kept.marks_a_day:
        return Option(
            "reschedule", occurrence, kept, False, f"{kept.title[:60]!r} marks a day only"
        )
    slots = tuple(_checked_slots(occurrence, situation))
    if not slots:
        days = situation.search.days
        return Option(
            "reschedule", occurrence, kept, False, f"no free time for it within {days} days"
        )
    why = f"move it to one of {len(slots)} checked times"
    return Option("reschedule", occurrence, kept, True, why, slots=slots)


def _checked_slots(occurrence: Occurrence, situation: Situation) -> Iterator[Slot]:
    length = occurrence.end - occurrence.start
    low = max(situation.now, occurrence.start - situation.search)
    high = max(situation.now, occurrence.start) + situation.search
    if length <= timedelta(0) or high - low < length:
        return
    wanted = Wanted(length, low, high, occurrence.location, near=occurrence.start)
    rest = [o for o in situation.occurrences if o.id != occurrence.id]
    own = Participant("you", rest, situation.spacing.hours, situation.viewer.zone)
    people = [own] + [
        Participant(address, [o for o in known if o.uid != occurrence.uid])
        for address, known in situation.calendars.items()
        if address in _others(occurrence, situation.viewer)
    ]
    found = 0
    for slot in free_slots(people, wanted, situation.spacing, limit=situation.slots * 4):
        moved = replace(occurrence, start=slot.start, end=slot.end)
        if all(conflict.kind == "soft" for conflict in situation.busy.conflicts(moved)):
            found += 1
            yield slot
        if found == situation.slots:
            return


def _decline(occurrence: Occurrence, kept: Occurrence | None, viewer: Viewer) -> Option:
    if _invited(occurrence, viewer):
        return Option("decline", occurrence, kept, True, "decline the invitation")
    if occurrence.event.organised_by(viewer.addresses):
        return Option("decline", occurrence, kept, True, "cancel it, as it is yours")
    return Option("decline", occurrence, kept, False, "none of your addresses is invited to it")


def _delegate(occurrence: Occurrence, kept: Occurrence | None, situation: Situation) -> Option:
    if not _invited(occurrence, situation.viewer):
        return Option("delegate", occurrence, kept, False, "you are not invited to it")
    present = {a.address for a in occurrence.attendees}
    for address in situation.contacts.deputies:
        if address in present or address in situation.viewer.addresses:
            continue
        known = situation.calendars.get(address)
        if known is None:
            why = f"ask {address} to go (their calendar is not known)"
            return Option("delegate", occurrence, kept, True, why, delegate=address)
        theirs = Busy(known, replace(situation.spacing, hours=None))
        if not any(c.is_hard for c in theirs.conflicts(occurrence)):
            why = f"ask {address} to go, who is free then"
            return Option("delegate", occurrence, kept, True, why, delegate=address)
    rule = "no deputy is free then" if situation.contacts.deputies else "no contact is a deputy"
    return Option("delegate", occurrence, kept, False, rule)


def _decided(
    conflict: Conflict, ranked: Sequence[Option], features: Sequence[Mapping[str, str]],
    preference: Preference, situation: Situation,
) -> Proposal:  # fmt: skip
    possible = [option for option in ranked if option.feasible]
    if not possible:
        why = "nothing can be done about it here"
        ask = Option("ask", conflict.first, conflict.second, True, why)
        return Proposal(conflict, (*ranked, ask), None, (), "", why, preference.reasons)
    best = possible[0]
    index = conflict.occurrences.index(best.occurrence)
    others = len(_others(best.occurrence, situation.viewer))
    objection = situation.authority.objection(best, features[index], others)
    told = _told(features, preference.reasons)
    if not objection:
        return Proposal(conflict, tuple(ranked), best, (), told, best.why, preference.reasons)
    two = (best, *_alternative(best, possible))
    return Proposal(conflict, tuple(ranked), None, two, told, objection, preference.reasons)


def _alternative(best: Option, possible: Sequence[Option]) -> tuple[Option, ...]:
    """The best way out in which the other event gives way, else the next best of any kind."""
    rest = [option for option in possible if option is not best]
    turned = [option for option in rest if option.occurrence is not best.occurrence]
    return tuple((turned or rest)[:1])


def _told(features: Sequence[Mapping[str, str]], reasons: Sequence[Reason]) -> str:
    if len(features) < 2:
        return ""
    weights: dict[str, float] = {}
    for reason in reasons:
        weights[reason.feature] = weights.get(reason.feature, 0.0) + reason.weight
    name = separating(features[0], features[1], weights)
    return f"{name}: {features[0][name]} / {features[1][name]}" if name else ""


def _others(occurrence: Occurrence, viewer: Viewer) -> list[str]:
    return [a.address for a in occurrence.attendees if a.address not in viewer.addresses]


def _invited(occurrence: Occurrence, viewer: Viewer) -> bool:
    own = occurrence.organiser is not None and occurrence.organiser.address in viewer.addresses
    return not own and any(a.address in viewer.addresses for a in occurrence.attendees)


def _lateness(notice: timedelta) -> float:
    """From 1 a week ahead or earlier to 3 when it is about to start."""
    week = timedelta(days=7)
    return 3 - 2 * min(max(notice, timedelta(0)), week) / week
