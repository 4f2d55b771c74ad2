"""``agentsched calendar``: what is in it, what collides, when there is time, and changes of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsched.cli.options import Json
from agentsched.cli.output import emit, note, short, short_uid, show, table
from agentsched.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentsched.calendars import Occurrence
    from agentsched.calendars.conflicts import Conflict
    from agentsched.calendars.events import Problem
    from agentsched.calendars.free import Slot
    from agentsched.calendars.journal import Entry
    from agentsched.calendars.moments import Moment
    from agentsched.calendars.resolution import Option
    from agentsched.cli.calendar_session import Session

app = typer.Typer(
    help="A calendar: list, agenda, conflicts, free times; add, move, cancel, undo.",
    no_args_is_help=True,
)

PROPOSED = 25
"""Conflicts for which ways out are looked for at once; each takes some 15 ms."""

Calendar = Annotated[
    str | None,
    typer.Option(
        "--calendar", help="Folder, .ics file or CalDAV URL; by default AGENTSCHED_CALENDAR_URL."
    ),
]
Zone = Annotated[
    str | None, typer.Option("--zone", help="IANA time zone; by default this machine's.")
]
What = Annotated[
    str, typer.Argument(help="Id (or its beginning) or title of an event.", show_default=False)
]
When = Annotated[str, typer.Argument(help="In words: 'next week', 'tomorrow 9-10'.")]
Period = Annotated[
    str, typer.Argument(help="In words: 'next week', 'in December'; by default from today on.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Scope(StrEnum):
    """How much of a series."""

    THIS = "this"
    FUTURE = "future"
    SERIES = "series"


ScopeOption = Annotated[
    Scope, typer.Option(help="This occurrence, this and future ones, or the series.")
]


@app.command("list")
def list_(calendar: Calendar = None, zone: Zone = None, json: Json = False) -> None:
    """List events and series."""
    with opened(calendar, zone) as session:
        snapshot = session.book.read()
    rows = [
        {
            "uid": series.uid, "title": event.title, "start": _written(event.start),
            "rule": event.rules[0].text if event.rules else "", "location": event.location,
            "changed": len(series.overrides), "file": event.href,
        }
        for series in snapshot.series
        for event in series.events[:1]
    ]  # fmt: skip
    if json:
        emit({"events": rows, "problems": list(map(str, snapshot.problems))})
        return
    if not rows:
        show(f"no events in {snapshot.calendar}; agentsched calendar add puts one there")
    else:
        keys = ("title", "start", "rule", "location", "file")
        table(
            ("id", "title", "start", "rule", "where", "file"),
            [
                (short_uid(str(row["uid"])), *(_cut(row[key]) for key in keys))
                for row in sorted(rows, key=lambda row: str(row["start"]))
            ],
        )
    _tell(snapshot.problems)


@app.command()
def agenda(
    when: Period = "", calendar: Calendar = None, zone: Zone = None, json: Json = False
) -> None:
    """Show what takes place."""
    with opened(calendar, zone) as session:
        low, high = session.window(when)
        found = session.book.expand(low, high)
    if json:
        emit(
            {
                "occurrences": [_data(o, session) for o in found.occurrences],
                "problems": list(map(str, found.problems)),
            }
        )
        return
    if not found.occurrences:
        show(f"nothing {when or 'in 7 days from today'}")
    else:
        table(
            ("day", "time", "title", "kind", "where", "id"),
            [
                (*_times(o, session), _cut(o.title), o.kind, _cut(o.location), short(o))
                for o in found.occurrences
            ],
        )
    _tell(found.problems)


@app.command()
def conflicts(
    when: Period = "",
    propose: Annotated[
        bool, typer.Option("--propose", help="Say what can be done about each.")
    ] = False,
    hours: Annotated[
        str | None, typer.Option(help="Also what lies outside these hours, 'MO-FR 9-17'.")
    ] = None,
    calendar: Calendar = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Show what collides: overlaps, too little time in between."""
    from agentsched.calendars import Situation, find_conflicts, parse_hours, resolve

    with opened(calendar, zone) as session:
        low, high = session.window(when, days=90)
        found = session.book.expand(low, high)
        work = parse_hours(hours, session.zone) if hours else None
        clashes = find_conflicts(found.occurrences, replace(session.spacing, hours=work))
        options: list[tuple[Option, ...]] = []
        if propose and clashes:
            known = session.book.expand(low - timedelta(days=14), high + timedelta(days=28))
            situation = Situation(
                session.book.viewer, session.now, known.occurrences,
                replace(session.spacing, hours=work or session.hours), contacts=session.contacts,
            )  # fmt: skip
            options = [resolve(clash, situation).options for clash in clashes[:PROPOSED]]
    if json:
        emit(
            {
                "conflicts": [
                    _conflict(clash, session)
                    | (
                        {"options": [_option(o, session) for o in options[n]]}
                        if n < len(options)
                        else {}
                    )
                    for n, clash in enumerate(clashes)
                ],
                "problems": list(map(str, found.problems)),
            }
        )
        return
    if not clashes:
        show(f"no conflicts {when or 'in 90 days from today'}")
    else:
        table(
            ("kind", ">min", "day", "first", "second", "ids"),
            [_clash_row(clash, session) for clash in clashes],
        )
    if options and len(clashes) > PROPOSED:
        note(f"ways out are shown for the first {PROPOSED}; name a shorter time for the others")
    for clash, ways in zip(clashes, options, strict=False):
        show("", str(clash), *(f"  {line}" for line in _ways(ways, session)))
    _tell(found.problems)


@app.command()
def free(
    when: When,
    length: Annotated[str, typer.Option("--for", help="How long: '45 minutes'.")] = "1 hour",
    others: Annotated[
        list[str] | None, typer.Option("--with", help="Calendar of someone else; repeatable.")
    ] = None,
    hours: Annotated[
        str | None, typer.Option(help="Working hours, 'MO-FR 9-17'; by default as set.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many times.")] = 5,
    calendar: Calendar = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Find times at which you, and others, can meet."""
    from agentsched.calendars import Participant, Wanted, free_slots, parse_hours

    with opened(calendar, zone) as session:
        low, high = session.window(when)
        low = max(low, session.now)
        own = parse_hours(hours, session.zone) if hours else session.hours
        reach = timedelta(days=1)
        mine = session.book.expand(low - reach, high + reach)
        problems = list(mine.problems)
        people = [Participant("you", mine.occurrences, own, session.zone)]
        for place in others or []:
            with opened(place, zone) as other:
                theirs = other.book.expand(low - reach, high + reach)
                people.append(Participant(place, theirs.occurrences, own, session.zone))
                problems += theirs.problems
        wanted = Wanted(_length(session, length), low, high)
        slots = free_slots(people, wanted, session.spacing, limit)
    if json:
        emit(
            {
                "slots": [_slot(slot, session) for slot in slots],
                "problems": list(map(str, problems)),
            }
        )
        return
    if not slots:
        show(f"no free time of {length} {when}; widen the window or the hours")
    else:
        table(
            ("day", "from", "to", "perhaps busy"),
            [
                (
                    f"{slot.start.astimezone(session.zone):%a %Y-%m-%d}",
                    f"{slot.start.astimezone(session.zone):%H:%M}",
                    f"{slot.end.astimezone(session.zone):%H:%M}",
                    ", ".join(slot.perhaps_busy),
                )
                for slot in slots
            ],
        )
    _tell(problems)


@app.command()
def add(
    title: Annotated[str, typer.Argument(help="What it is.", show_default=False)],
    when: When,
    length: Annotated[str | None, typer.Option("--for", help="How long.")] = None,
    where: Annotated[str, typer.Option("--where", help="Location.")] = "",
    invite: Annotated[
        list[str] | None, typer.Option("--invite", help="Mail address; repeatable.")
    ] = None,
    tentative: Annotated[bool, typer.Option("--tentative", help="It is not certain.")] = False,
    takes_no_time: Annotated[bool, typer.Option("--free", help="It takes no time.")] = False,
    calendar: Calendar = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Add an event or a series: add Standup 'every weekday at 9:30 for 15 minutes'."""
    with opened(calendar, zone) as session:
        new = session.event(
            title, when, _length(session, length) if length else None, location=where,
            attendees=tuple(invite or ()), tentative=tentative, free=takes_no_time,
        )  # fmt: skip
        entry = session.book.add(new)
        clashes = _clashes(session, entry)
    _done(entry, clashes, session, json)


@app.command()
def move(
    what: What,
    when: When,
    scope: ScopeOption = Scope.THIS,
    length: Annotated[str | None, typer.Option("--for", help="New length.")] = None,
    calendar: Calendar = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Move an event, an occurrence or a series; a day without a time keeps the time."""
    with opened(calendar, zone) as session:
        found = session.resolve(when)
        if found.start is None or found.kind not in ("moment", "date", "range"):
            raise UserError(f"{when!r} is no time to move to; say 'Friday 10:00' or 'tomorrow'")
        span = _length(session, length) if length else None
        if span is None and found.kind == "range" and isinstance(found.start, datetime):
            span = found.duration
        target = session.occurrence(what)
        entry = session.book.move(target, found.start, scope=scope.value, length=span)
        clashes = _clashes(session, entry)
    _done(entry, clashes, session, json)


@app.command()
def cancel(
    what: What,
    scope: ScopeOption = Scope.THIS,
    yes: Yes = False,
    calendar: Calendar = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Take an event, an occurrence or the rest of a series out; undo brings it back."""
    import sys

    with opened(calendar, zone) as session:
        target = session.occurrence(what)
        token = session.book.token("cancel", target, scope=scope.value)
        title = target if isinstance(target, str) else f"{target.title} ({short(target)})"
        if not yes:
            if json or not sys.stdin.isatty():
                raise UserError(f"cancel {title!r}: add --yes to do it without being asked")
            typer.confirm(f"Cancel {title}, scope {scope.value}?", abort=True, err=True)
        entry = session.book.cancel(target, scope=scope.value, yes=token)
    _done(entry, (), session, json)


@app.command()
def undo(
    action: Annotated[
        str, typer.Argument(help="Id of an action in history; by default the last one.")
    ] = "",
    calendar: Calendar = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Restore what an action changed, exactly."""
    with opened(calendar, zone) as session:
        if not action:
            last = [e for e in session.book.history() if e.state == "done" and not e.undoes]
            if not last:
                raise UserError("nothing was done to this calendar that could be undone")
            action = last[-1].id
        entry = session.book.undo(action)
    _done(entry, (), session, json)


@app.command()
def history(calendar: Calendar = None, zone: Zone = None, json: Json = False) -> None:
    """Show what was done to the calendar, and what can be undone."""
    with opened(calendar, zone) as session:
        entries = session.book.history()
    if json:
        emit([_entry(entry) for entry in entries])
        return
    if not entries:
        show("nothing was done to this calendar yet")
        return
    table(
        ("id", "when", "state", "what"),
        [
            (e.id, f"{e.at.astimezone(session.zone):%Y-%m-%d %H:%M}", e.state, e.words)
            for e in entries
        ],
    )


@contextmanager
def opened(calendar: str | None, zone: str | None) -> Iterator[Session]:
    """Open the calendar that the flag or the settings name, and close it after use."""
    # Other commands need none of this, and should not wait for it.
    from agentsched.calendars.own import own_zone
    from agentsched.calendars.zones import named_zone
    from agentsched.cli.calendar_session import Session
    from agentsched.settings import load_settings

    if zone is not None:
        named_zone(zone)
    settings = load_settings({"calendar.url": calendar, "calendar.zone": zone}).calendar
    here = own_zone(settings)
    with Session.open(settings, here, datetime.now(UTC).astimezone(here)) as session:
        yield session


def _length(session: Session, words: str) -> timedelta:
    found = session.resolve(words)
    if found.duration is None:
        raise UserError(f"{words!r} is no length; say '45 minutes'")
    return found.duration


def _clashes(session: Session, entry: Entry) -> tuple[Conflict, ...]:
    """What the events of an action now collide with, over a year."""
    from agentsched.calendars.conflicts import Busy

    low = session.now
    known = session.book.expand(low, low + timedelta(days=366)).occurrences
    uids = {uid for change in entry.changes for uid in change.uids}
    busy = Busy(known, session.spacing)
    found = busy.conflicts_of(o for o in known if o.uid in uids)
    return tuple(sorted(found, key=lambda clash: clash.occurrences[-1].start))


def _done(entry: Entry, clashes: Iterable[Conflict], session: Session, json: bool) -> None:
    clashes = tuple(clashes)
    if json:
        emit(_entry(entry) | {"conflicts": [_conflict(clash, session) for clash in clashes]})
        return
    show(f"{entry.words}; agentsched calendar undo {entry.id} takes it back")
    for clash in clashes[:5]:
        day = f"{clash.occurrences[-1].start.astimezone(session.zone):%a %Y-%m-%d}"
        note(f"conflict on {day}: {clash}")
    if len(clashes) > 5:
        note(f"and {len(clashes) - 5} more; see: agentsched calendar conflicts")


def _tell(problems: Iterable[Problem]) -> None:
    for problem in problems:
        note(str(problem))


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id, "at": entry.at.isoformat(), "action": entry.action, "words": entry.words,
        "state": entry.state, "undoes": entry.undoes,
        "uids": sorted({uid for change in entry.changes for uid in change.uids}),
    }  # fmt: skip


def _data(o: Occurrence, session: Session) -> dict[str, Any]:
    return {
        "id": o.id, "title": o.title, "start": o.start.astimezone(session.zone).isoformat(),
        "end": o.end.astimezone(session.zone).isoformat(), "all_day": o.all_day, "kind": o.kind,
        "location": o.location, "series": o.in_series, "calendar": o.calendar,
        "organiser": o.organiser.address if o.organiser else "",
        "attendees": [{"address": a.address, "status": a.status} for a in o.attendees],
    }  # fmt: skip


def _conflict(clash: Conflict, session: Session) -> dict[str, Any]:
    return {
        "kind": clash.kind, "minutes": clash.minutes, "text": str(clash),
        "first": _data(clash.first, session),
        "second": _data(clash.second, session) if clash.second else None,
    }  # fmt: skip


def _option(option: Option, session: Session) -> dict[str, Any]:
    return {
        "action": option.action, "event": option.occurrence.id, "feasible": option.feasible,
        "why": option.why, "utility": option.utility, "disruption": option.disruption,
        "p": option.p, "delegate": option.delegate,
        "slots": [slot.start.astimezone(session.zone).isoformat() for slot in option.slots],
    }  # fmt: skip


def _slot(slot: Slot, session: Session) -> dict[str, Any]:
    return {
        "start": slot.start.astimezone(session.zone).isoformat(),
        "end": slot.end.astimezone(session.zone).isoformat(),
        "cost": slot.cost,
        "perhaps_busy": slot.perhaps_busy,
    }


def _ways(options: Iterable[Option], session: Session) -> list[str]:
    lines = []
    for option in [option for option in options if option.feasible][:3]:
        times = ", ".join(
            f"{s.start.astimezone(session.zone):%a %d %b %H:%M}" for s in option.slots
        )
        at = f": {times}" if times else ""
        lines.append(f"{option.action} {option.occurrence.title[:50]!r}: {option.why}{at}")
    return lines or ["nothing can be done about it here"]


def _clash_row(clash: Conflict, session: Session) -> tuple[str, ...]:
    second = clash.second
    return (
        clash.kind,
        str(clash.minutes),
        f"{(second or clash.first).start.astimezone(session.zone):%a %Y-%m-%d %H:%M}",
        _cut(clash.first.title),
        _cut(second.title) if second else "",
        " ".join(map(short, clash.occurrences)),
    )


def _times(o: Occurrence, session: Session) -> tuple[str, str]:
    start, end = o.start.astimezone(session.zone), o.end.astimezone(session.zone)
    day = f"{start:%a %Y-%m-%d}"
    if o.all_day:
        days = round((end - start) / timedelta(days=1))
        return day, "all day" if days == 1 else f"{days} days"
    return day, f"{start:%H:%M}-{end:%H:%M}"


def _written(start: Moment) -> str:
    """A start as its file has it, with its zone."""
    if start.is_date:
        return f"{start.wall:%Y-%m-%d}"
    zone = (start.params.get("TZID") or ("UTC",) if start.zone else ("",))[0]
    return f"{start.wall:%Y-%m-%d %H:%M} {zone}".rstrip()


def _cut(text: object, width: int = 44) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"
