"""Read, expand and check a year of a busy calendar: CPU seconds, beside recurring-ical-events.

python benchmarks/bench_calendars.py [--repeats N]

350 components as in the issue: 40 series in three zones, 10 whole days, 300 single events, one file
each or all in one. "Cold" starts from bytes: parse, expand a year, find every conflict.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from measuring import Row, cpu_seconds, machine, print_rows

from agentsched.calendars import Participant, Spacing, Viewer, Wanted, find_conflicts, free_slots
from agentsched.calendars.conflicts import Conflict
from agentsched.calendars.folder import FolderCalendar
from agentsched.calendars.hours import parse_hours
from agentsched.calendars.snapshot import CalendarReader, assemble, parse_resource
from agentsched.calendars.store import Resource
from agentsched.calendars.travel import Travel

SEED = 20260101
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo")
LOW, HIGH = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
VIEWER = Viewer(ZoneInfo("Europe/Berlin"))
SPACING = Spacing(
    timedelta(minutes=5),
    Travel({("Office", "Client"): 30}, otherwise=10),
    parse_hours("MO-FR 8-19", VIEWER.zone),
)
RULES = (
    "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "FREQ=WEEKLY;BYDAY=TU,TH", "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=YEARLY",
)  # fmt: skip
WEIGHTS = (1, 2, 8, 14, 9, 4, 1, 1)


def events() -> list[str]:
    """The year's components as text, the same on every machine."""
    rng = Random(SEED)
    rules = [rule for rule, n in zip(RULES, WEIGHTS, strict=True) for _ in range(n)]
    made = []
    for n in range(350):
        zone = rng.choice(ZONES)
        # Half of the series began years ago, as they do in real calendars.
        year = rng.choice((2012, 2019, 2025, 2026)) if n < len(rules) else 2026
        day = datetime(year, 1, 1) + timedelta(days=rng.randrange(364))
        lines = [f"UID:{n}@bench", "DTSTAMP:20260101T000000Z", f"SUMMARY:Event {n}"]
        if n >= 340:
            lines += [f"DTSTART;VALUE=DATE:{day:%Y%m%d}", "DTEND;VALUE=DATE:"
                      f"{day + timedelta(days=rng.randint(1, 3)):%Y%m%d}"]  # fmt: skip
        else:
            start = day + timedelta(hours=rng.randint(8, 17), minutes=rng.choice((0, 30)))
            end = start + timedelta(minutes=rng.choice((15, 30, 60, 90)))
            lines += [f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}",
                      f"DTEND;TZID={zone}:{end:%Y%m%dT%H%M%S}"]  # fmt: skip
        if n < len(rules):
            lines.append(f"RRULE:{rules[n]}")
        lines.append(f"LOCATION:{rng.choice(('Office', 'Client', 'Zoom', ''))}")
        lines += [f"ATTENDEE;CN=P{k};PARTSTAT=ACCEPTED:mailto:p{k}@example.com" for k in range(3)]
        made.append("\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT", "")))
    return made


def wrapped(parts: list[str]) -> str:
    return "".join(("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", *parts, "END:VCALENDAR\r\n"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    parts = events()
    text = wrapped(parts)

    def read(resource: str = text):  # type: ignore[no-untyped-def]
        return assemble("bench", [parse_resource(Resource("bench.ics", "1", resource), "bench")])

    def cold() -> tuple[Conflict, ...]:
        return find_conflicts(read().expand(LOW, HIGH, VIEWER).occurrences, SPACING)

    def library() -> int:
        calendar = icalendar.Calendar.from_ical(text)
        return len(recurring_ical_events.of(calendar).between(LOW, HIGH))

    found = read().expand(LOW, HIGH, VIEWER).occurrences
    week = (datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 8, tzinfo=UTC))
    parsed = icalendar.Calendar.from_ical(text)
    theirs = recurring_ical_events.of(parsed)
    assert len(found) == len(theirs.between(LOW, HIGH)), "the two expansions differ"
    people = [
        Participant(f"p{n}", found[n::3], parse_hours("MO-FR 9-17", ZoneInfo(zone)))
        for n, zone in enumerate(ZONES[:2])
    ]
    wanted = Wanted(timedelta(minutes=45), week[0], week[0] + timedelta(days=28))
    name = f"{len(parts)} components, {len(found)} occurrences"

    def row(what: str, action, goal: float | None = None, note: str = "") -> Row:  # type: ignore[no-untyped-def]
        seconds = sorted(cpu_seconds(action, repeats))
        middle = seconds[len(seconds) // 2]
        return Row(what, name, SEED, len(seconds), seconds[0], middle, "s", goal, True, note)

    with tempfile.TemporaryDirectory() as folder:
        for n, part in enumerate(parts):
            Path(folder, f"{n}.ics").write_text(wrapped([part]))
        store = FolderCalendar(Path(folder))
        rows = [
            row("cold: parse, expand a year, conflicts", cold, 0.5, f"{len(cold())} conflicts"),
            row("parse one file", read),
            row("expand a year", lambda: read_once(read()), None, "with parsing"),
            row("find conflicts", lambda: find_conflicts(found, SPACING)),
            row("expand one week", lambda: read().expand(*week, VIEWER), None, "with parsing"),
            row("350 files: read, expand", lambda: read_once(CalendarReader(store).read())),
            row("45 min, two zones, four weeks", lambda: free_slots(people, wanted, SPACING)),
            row("recurring-ical-events: parse, expand", library),
        ]
    print(machine())
    print_rows(rows)


def read_once(snapshot):  # type: ignore[no-untyped-def]
    return snapshot.expand(LOW, HIGH, VIEWER)


if __name__ == "__main__":
    main()
