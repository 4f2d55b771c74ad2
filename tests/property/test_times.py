"""Properties of time phrases: nothing but our error ever escapes; rules, spans and clocks agree."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsched.times import Habits, Resolved, TimePhraseError, find_times, resolve, say

ZONES = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Sydney", "UTC", "Asia/Kolkata"]
).map(ZoneInfo)
NOWS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC, microsecond=0)
)
VOCABULARY = """
at on in by before after until from to between and or for every each other the a of next last
this first second third last except starting due within since - , . 9 10 15 3 30 2026 00 1st
15th 3pm 9:30 14:00 noon midnight EOD morning evening night tonight today tomorrow Monday Friday
Tuesdays weekday weekend weekends day days week weeks month months quarter year hour hours
minutes min April May March 12/3 24.12. 2026-03-10 PST London time Europe/Berlin +02:00 Q3 daily
weekly monthly twice couple half past quarter times end start early late business Easter
Christmas
"""
WORDS = st.sampled_from(VOCABULARY.split())
MUDDLES = st.lists(WORDS, min_size=1, max_size=14).map(" ".join)
ANYTHING = st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1"))


def meaning(phrase: str, now: datetime, zone: ZoneInfo) -> Resolved | None:
    try:
        return resolve(phrase, now, zone)
    except TimePhraseError:
        return None


@given(ANYTHING | MUDDLES, NOWS, ZONES)
@settings(max_examples=200, deadline=None)
def test_any_text_has_a_meaning_in_words_or_is_refused_with_a_sentence(
    text: str, now: datetime, zone: ZoneInfo
) -> None:
    value = meaning(text, now, zone)
    if value is not None:
        assert say(value)
        check_kind(value)


def check_kind(value: Resolved) -> None:
    """What the kind promises is there, moments are aware, ends come after starts."""
    wanted = {
        "moment": value.start, "date": value.start, "range": value.start,
        "duration": value.duration, "deadline": value.due, "recurrence": value.rrule,
    }  # fmt: skip
    assert wanted[value.kind] is not None
    for moment in (value.start, value.end, value.due):
        if isinstance(moment, datetime):
            assert moment.utcoffset() is not None
    if value.start is not None and value.end is not None:
        assert isinstance(value.start, datetime) == isinstance(value.end, datetime)
        assert value.start < value.end


@given(MUDDLES, NOWS, ZONES)
@settings(max_examples=150, deadline=None)
def test_spans_are_in_order_and_hold_the_words(text: str, now: datetime, zone: ZoneInfo) -> None:
    try:
        found = find_times(text, now, zone)
    except TimePhraseError:
        return
    last = 0
    for one in found:
        assert last <= one.start < one.end <= len(text)
        assert one.text == text[one.start : one.end] == one.text.strip()
        check_kind(one.value)
        last = one.end


@given(MUDDLES, NOWS, ZONES)
@settings(max_examples=150, deadline=None)
def test_the_first_occurrence_is_the_first_of_the_rule(
    text: str, now: datetime, zone: ZoneInfo
) -> None:
    """Another implementation of RFC 5545 agrees on the start of each series."""
    value = meaning(f"every {text}", now, zone)
    if value is None or value.rrule is None or "INTERVAL=3;BY" in value.rrule:
        return
    start = value.start
    assert start is not None
    aware = isinstance(start, datetime)
    begin = start if isinstance(start, datetime) else datetime.combine(start, datetime.min.time())
    first = next(iter(rrulestr(value.rrule, dtstart=begin)), None)
    if aware and value.rrule.startswith(("FREQ=HOURLY", "FREQ=MINUTELY")):
        return  # they begin now, whatever the rule says of hours
    assert first == begin


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    NOWS,
    ZONES,
)
@settings(max_examples=80, deadline=None)
def test_iso_moments_mean_themselves(
    naive: datetime, minutes: int, now: datetime, zone: ZoneInfo
) -> None:
    sign = "+" if minutes >= 0 else "-"
    offset = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    text = f"{naive:%Y-%m-%dT%H:%M:%S}{offset}"
    assert resolve(text, now, zone).start == datetime.fromisoformat(text)


@given(NOWS, ZONES, st.integers(1, 400), st.integers(0, 23), st.integers(0, 59))
@settings(max_examples=80, deadline=None)
def test_days_ahead_at_an_hour_are_shown_by_the_clocks_there(
    now: datetime, zone: ZoneInfo, days: int, hour: int, minute: int
) -> None:
    """The moment is on the wanted day at the wanted wall time, or its absence is the error."""
    day = now.astimezone(zone).date() + timedelta(days=days)
    naive = datetime(day.year, day.month, day.day, hour, minute)
    shown = naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    value = meaning(f"in {days} days at {hour:02}:{minute:02}", now, zone)
    if shown != naive:
        assert value is None
    else:
        assert value is not None
        assert value.start == naive.replace(tzinfo=zone)


@given(NOWS, ZONES, st.integers(1, 5000))
@settings(max_examples=100, deadline=None)
def test_minutes_from_now_are_true_minutes(now: datetime, zone: ZoneInfo, minutes: int) -> None:
    start = resolve(f"in {minutes} minutes", now, zone).start
    assert isinstance(start, datetime)
    assert start.astimezone(UTC) - now == timedelta(minutes=minutes)


@given(NOWS, ZONES, st.integers(1, 60), st.frozensets(st.dates(), max_size=20))
@settings(max_examples=60, deadline=None)
def test_business_days_skip_weekends_and_holidays(
    now: datetime, zone: ZoneInfo, count: int, holidays: frozenset[date]
) -> None:
    habits = Habits(holidays=holidays)
    found = resolve(f"in {count} business days", now, zone, habits=habits).start
    assert found is not None
    day, left = now.astimezone(zone).date(), count
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5 and day not in holidays
    assert found == day
