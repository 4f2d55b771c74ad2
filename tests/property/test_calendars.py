"""What must hold for any calendar: our expansion is the libraries', undo is exact, free is free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentsched.calendars import (
    Book,
    CalendarError,
    Journal,
    Participant,
    Spacing,
    Viewer,
    Wanted,
    find_conflicts,
    free_slots,
    open_calendar,
    parse_hours,
)
from agentsched.calendars.conflicts import Busy
from agentsched.calendars.lines import escape, make_line, read_lines, unescape
from agentsched.calendars.recurrence import wall_times
from agentsched.calendars.rules import parse_rule
from agentsched.calendars.snapshot import assemble, parse_resource
from agentsched.calendars.store import Resource
from agentsched.calendars.travel import Travel
from agentsched.calendars.tree import parse

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Sydney", "Australia/Lord_Howe", "UTC")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


@st.composite
def rules(draw, ends=True):  # type: ignore[no-untyped-def]
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(2, 4))}")
    if ends and draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 30))}")
    days = draw(st.lists(st.sampled_from(DAYS), max_size=3, unique=True))
    if days:
        nth = frequency in ("MONTHLY", "YEARLY") and draw(st.booleans())
        n = draw(st.sampled_from([1, 2, 3, -1, -2])) if nth else ""
        parts.append("BYDAY=" + ",".join(f"{n}{day}" for day in days))
    if frequency != "WEEKLY" and draw(st.integers(0, 3)) == 0:
        # Between 1 and 28, or dateutil looks for 31 February until the year 9999.
        monthdays = draw(
            st.lists(st.integers(1, 28) | st.integers(-28, -1), min_size=1, max_size=3)
        )
        parts.append("BYMONTHDAY=" + ",".join(map(str, monthdays)))
    if draw(st.integers(0, 4)) == 0:
        parts.append(f"BYMONTH={draw(st.integers(1, 12))}")
    # Where a week begins before DTSTART, dateutil counts BYSETPOS from DTSTART and RFC 5545 does
    # not.
    if frequency in ("MONTHLY", "YEARLY") and days and draw(st.integers(0, 4)) == 0:
        parts.append(f"BYSETPOS={draw(st.sampled_from([1, 2, -1]))}")
    if draw(st.integers(0, 4)) == 0:
        parts.append(f"WKST={draw(st.sampled_from(DAYS))}")
    return ";".join(parts)


walls = st.datetimes(datetime(2015, 1, 1), datetime(2026, 12, 1)).map(
    lambda when: when.replace(minute=when.minute // 15 * 15, second=0, microsecond=0)
)


@settings(max_examples=40, deadline=None)
@given(rule=rules(), first=walls, days=st.integers(-20, 800), span=st.sampled_from([3, 40, 400]))
def test_rules_yield_what_dateutil_yields(rule: str, first: datetime, days: int, span: int) -> None:
    low = first + timedelta(days=days)
    high = low + timedelta(days=span)
    theirs = []
    # COUNT and UNTIL exclude each other, and without either dateutil needs an end.
    endless = rrulestr(rule, dtstart=first)
    for when in endless if "COUNT" in rule else endless.replace(until=high):
        if when > high:
            break
        if when >= low:
            theirs.append(when)
    # A setpos period that begins before DTSTART is dateutil's own reading.
    assume("BYSETPOS" not in rule or first.day == 1)
    assert wall_times(parse_rule(rule), first, low, high) == theirs


@given(rule=rules())
def test_a_rule_survives_being_written(rule: str) -> None:
    parsed = parse_rule(rule)
    assert parse_rule(parsed.text) == parsed


@st.composite
def calendars(draw):  # type: ignore[no-untyped-def]
    """Single events and series, with exceptions and moved occurrences, in several zones."""
    events = []
    for number in range(draw(st.integers(1, 4))):
        zone = draw(st.sampled_from(ZONES))
        start = draw(walls.filter(lambda wall: (wall.month, wall.day) != (2, 29))).replace(
            year=2026
        )
        # Between 01:00 and 04:00 a clock may be set; lengths across a change are told apart below.
        start = start.replace(hour=draw(st.integers(5, 20)))
        minutes = draw(st.sampled_from([15, 30, 60, 90]))
        stamp = f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}"
        end = f"DTEND;TZID={zone}:{start + timedelta(minutes=minutes):%Y%m%dT%H%M%S}"
        if zone == "UTC":
            stamp = f"DTSTART:{start:%Y%m%dT%H%M%SZ}"
            end = f"DTEND:{start + timedelta(minutes=minutes):%Y%m%dT%H%M%SZ}"
        lines = [f"UID:e{number}", "DTSTAMP:20260101T000000Z", f"SUMMARY:Event {number}",
                 stamp, end]  # fmt: skip
        body = []
        if draw(st.booleans()):
            rule = draw(rules())
            lines.append(f"RRULE:{rule}")
            found = wall_times(parse_rule(rule), start, start, start + timedelta(days=200))
            suffix = "Z" if zone == "UTC" else ""
            tz = "" if zone == "UTC" else f";TZID={zone}"
            for when in draw(st.lists(st.sampled_from(found), max_size=2)) if found else []:
                lines.append(f"EXDATE{tz}:{when:%Y%m%dT%H%M%S}{suffix}")
            for when in (
                draw(st.lists(st.sampled_from(found), max_size=2, unique=True)) if found else []
            ):
                if any(f"{when:%Y%m%dT%H%M%S}" in line for line in lines if "EXDATE" in line):
                    continue
                moved = when + timedelta(hours=draw(st.sampled_from([-2, 3, 26])))
                body.append([
                    f"UID:e{number}", "DTSTAMP:20260101T000000Z", "SUMMARY:Moved", "SEQUENCE:1",
                    f"RECURRENCE-ID{tz}:{when:%Y%m%dT%H%M%S}{suffix}",
                    f"DTSTART{tz}:{moved:%Y%m%dT%H%M%S}{suffix}", "DURATION:PT45M",
                ])  # fmt: skip
        for part in [lines, *body]:
            events.append("\r\n".join(["BEGIN:VEVENT", *part, "END:VEVENT", ""]))
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + "".join(events) + "END:VCALENDAR\r\n"


def expand(text: str):  # type: ignore[no-untyped-def]
    parsed = parse_resource(Resource("x.ics", "1", text), "x")
    assert parsed.problems == ()
    return assemble("x", [parsed]).expand(*YEAR, Viewer())


@settings(max_examples=40, deadline=None)
@given(text=calendars())
def test_expansion_is_that_of_recurring_ical_events(text: str) -> None:
    ours = sorted((o.uid, o.start, o.end) for o in expand(text).occurrences)
    calendar = icalendar.Calendar.from_ical(text)
    theirs = sorted(
        (str(e["UID"]), e.start.astimezone(UTC), e.end.astimezone(UTC))
        for e in recurring_ical_events.of(calendar).between(*YEAR)
    )
    assert ours == theirs


@settings(max_examples=30, deadline=None)
@given(text=calendars())
def test_a_calendar_is_written_as_it_was_read(text: str) -> None:
    assert parse(text, "x.ics").text == text


@given(st.text(max_size=300))
def test_any_text_at_all_is_kept_by_the_line_reader(text: str) -> None:
    assert "".join(line.raw for line in read_lines(text)) == text


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"]) | st.just("\n"), max_size=300))
def test_text_survives_escaping_and_folding(text: str) -> None:
    line = make_line("SUMMARY", escape(text))
    (read,) = read_lines(line.raw)
    assert read.text == text == unescape(escape(text))
    assert all(len(part.encode()) <= 75 for part in line.raw.split("\r\n"))


@st.composite
def edits(draw):  # type: ignore[no-untyped-def]
    action = draw(st.sampled_from(["move", "cancel", "change"]))
    scope = draw(st.sampled_from(["this", "future", "series"]))
    return (
        action,
        scope,
        draw(st.integers(0, 50)),
        draw(st.integers(-4, 8)),
        draw(st.integers(5, 20)),
    )


@settings(max_examples=25, deadline=None)
@given(text=calendars(), steps=st.lists(edits(), min_size=1, max_size=3))
def test_undoing_edits_restores_every_byte(text: str, steps) -> None:  # type: ignore[no-untyped-def]
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.ics")
        path.write_bytes(text.encode())
        now = datetime(2026, 1, 1, tzinfo=UTC)
        journal = Journal(Path(folder, "journal"))
        book = Book(open_calendar(folder), journal, Viewer(), lambda: now)
        before = _bytes(folder)
        done = []
        for action, scope, pick, days, hour in steps:
            found = book.expand(*YEAR).occurrences
            assume(found)
            one = found[pick % len(found)]
            when = one.start.astimezone(one.event.start.zone).replace(hour=hour)
            try:
                match action:
                    case "move":
                        entry = book.move(one, when + timedelta(days=days), scope=scope)
                    case "cancel":
                        token = book.token("cancel", one, scope=scope)
                        entry = book.cancel(one, scope=scope, yes=token)
                    case _:
                        entry = book.change(one, scope=scope, title="Other")
            except CalendarError:
                # A rule that cannot be moved so is refused, and nothing may have been written.
                continue
            done.append(entry)
            if action == "move":
                _check_moved(book, one, when + timedelta(days=days))
        for entry in reversed(done):
            book.undo(entry.id)
        assert _bytes(folder) == before


def _check_moved(book: Book, one, when: datetime) -> None:  # type: ignore[no-untyped-def]
    at = when.astimezone(UTC)
    wide = timedelta(days=400)
    assert at in [o.start for o in book.expand(at - wide, at + wide).occurrences]


def _bytes(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.ics")}


SPACINGS = st.builds(
    lambda buffer, way: Spacing(timedelta(minutes=buffer), Travel(otherwise=way)),
    st.sampled_from([0, 5, 15]),
    st.sampled_from([0, 20]),
)


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(calendars(), min_size=1, max_size=3),
    spacing=SPACINGS,
    minutes=st.sampled_from([15, 45, 120]),
    day=st.integers(0, 300),
    zone=st.sampled_from(ZONES[:4]),
)
def test_no_free_slot_is_busy(texts, spacing, minutes: int, day: int, zone: str) -> None:  # type: ignore[no-untyped-def]
    hours = parse_hours("MO-SA 7-22", ZoneInfo(zone))
    people = [
        Participant(str(n), expand(text).occurrences, hours if n else None)
        for n, text in enumerate(texts)
    ]
    low = YEAR[0] + timedelta(days=day)
    wanted = Wanted(timedelta(minutes=minutes), low, low + timedelta(days=3))
    for slot in free_slots(people, wanted, spacing, limit=8):
        assert wanted.low <= slot.start < slot.end <= wanted.high
        assert slot.end - slot.start == wanted.length
        for person in people:
            for o in person.busy:
                gap = spacing.buffer
                assert o.end + gap <= slot.start or o.start - gap >= slot.end
        if len(people) > 1:
            assert hours.minutes_outside(slot.start, slot.end) == 0


@settings(max_examples=40, deadline=None)
@given(text=calendars(), spacing=SPACINGS)
def test_the_sweep_finds_what_comparing_all_pairs_finds(text: str, spacing: Spacing) -> None:
    found = expand(text).occurrences[:120]
    swept = {(c.first.id, c.second.id if c.second else "") for c in find_conflicts(found, spacing)}
    pairs = set()
    for i, a in enumerate(found):
        for b in found[i + 1 :]:
            gap = spacing.gap(a, b)
            if a.uid != b.uid and b.start < a.end + gap:
                pairs.add((a.id, b.id))
    assert swept == pairs
    busy = Busy(found, spacing)
    for one in found[:20]:
        told = {c.occurrences for c in busy.conflicts(one)}
        expected = {
            pair
            for a in found
            for pair in [(a, one) if (a.start, a.end) <= (one.start, one.end) else (one, a)]
            if a is not one and a.id != one.id and pair[1].start < pair[0].end + spacing.gap(*pair)
        }
        assert {frozenset(o.id for o in pair) for pair in told} == {
            frozenset(o.id for o in pair) for pair in expected
        }


PIECES = (
    "BEGIN:VEVENT\r\n", "END:VEVENT\r\n", "99999999", "-1", ";", "=", ":", "\r\n", " ", "\udcff",
    "DTSTART:00010101T000000\r\n", "DTSTART;TZID=Europe/Berlin:99991231T235959\r\n",
    "RRULE:FREQ=SECONDLY\r\n", "DURATION:P999999D\r\n", "RECURRENCE-ID;VALUE=DATE:20260303\r\n",
    "RDATE;VALUE=PERIOD:20260101T000000Z/P1D,x/y\r\n", "X-WR-TIMEZONE:America/New_York\r\n",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    text=calendars(),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES)), max_size=5
    ),
)
def test_a_damaged_file_is_a_problem_and_never_an_error(text: str, cuts) -> None:  # type: ignore[no-untyped-def]
    for where, gone, piece in cuts:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + gone :]
    parsed = parse_resource(Resource("x.ics", "1", text), "x")
    if parsed.document is None:
        assert parsed.problems
    else:
        assert parsed.document.text == text
    found = assemble("x", [parsed]).expand(*YEAR, Viewer())
    find_conflicts(found.occurrences)
