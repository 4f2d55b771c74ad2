"""Spans of phrases in texts, zones, habits, assumptions, and times in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from agentsched.times import Habits, find_times, resolve, say, say_rule

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=NEW_YORK)


def found(text: str) -> list[str]:
    return [one.text for one in find_times(text, NOW, NEW_YORK)]


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("Lunch with Dana next Tuesday at 12:30.", ["next Tuesday at 12:30"]),
        ("Can we move the 1:1 with Priya to Thursday 4pm?", ["Thursday 4pm"]),
        ("Set up a 30 minute sync with Ana tomorrow at 10", ["30 minute", "tomorrow at 10"]),
        ("Book a room for 8 people on March 18 from 1pm to 3pm", ["on March 18 from 1pm to 3pm"]),
        ("Standup every weekday at 9:15 for 15 minutes", ["every weekday at 9:15 for 15 minutes"]),
        ("Meet Monday at 3pm and Tuesday at 4pm", ["Monday at 3pm", "Tuesday at 4pm"]),
        ("Send the draft on Monday, the final one by Friday 5pm", ["on Monday", "by Friday 5pm"]),
        ("Tuesday or Wednesday at 3?", ["Tuesday", "Wednesday at 3"]),
        ("Train it tonight. Report by 8am.", ["tonight", "by 8am"]),
        ("The dentist is 9-10 tomorrow, then 2 hours of work", ["9-10 tomorrow", "2 hours"]),
        ("Call Sam about the budget", []),
    ],
)
def test_each_phrase_of_a_text_is_found_with_its_words(text: str, phrases: list[str]) -> None:
    assert found(text) == phrases


def test_spans_are_offsets_in_the_text_as_given() -> None:
    text = "Träf — Ana   tomorrow at 3pm 🙂"
    (one,) = find_times(text, NOW, NEW_YORK)
    assert text[one.start : one.end] == one.text == "tomorrow at 3pm"
    assert one.value == resolve("tomorrow at 3pm", NOW, NEW_YORK)


def test_alternatives_share_the_hour_said_once() -> None:
    first, second = find_times("Tuesday or Wednesday at 3?", NOW, NEW_YORK)
    assert first.value.start == datetime(2026, 3, 10, 15, tzinfo=NEW_YORK)
    assert second.value.start == datetime(2026, 3, 11, 15, tzinfo=NEW_YORK)


def test_a_weekly_report_does_not_make_its_deadline_repeat() -> None:
    assert resolve("Send the weekly report by Friday", NOW, NEW_YORK).kind == "deadline"
    assert resolve("Weekly sync with Ana Thursday at 3pm", NOW, NEW_YORK).kind == "recurrence"


@pytest.mark.parametrize(
    ("phrase", "utc"),
    [
        ("tomorrow 3pm PST", "2026-03-05T23:00"),
        # In July the clocks of Los Angeles show daylight time, whatever people call it.
        ("July 10 at 3pm PST", "2026-07-10T22:00"),
        ("10:00 CET on Monday", "2026-03-09T09:00"),
        ("Friday 9am London time", "2026-03-06T09:00"),
        ("Monday 8am Pacific", "2026-03-09T15:00"),
        ("10:30 am Central Time on Tuesday", "2026-03-10T15:30"),
        ("tomorrow at 4pm Europe/Berlin", "2026-03-05T15:00"),
        ("9am in Tokyo on Friday", "2026-03-06T00:00"),
        ("3pm UTC+2 tomorrow", "2026-03-05T13:00"),
        ("14:00 GMT-3 on Monday", "2026-03-09T17:00"),
        ("9:30pm IST on Thursday", "2026-03-05T16:00"),
        ("2026-03-10T09:00Z", "2026-03-10T09:00"),
        ("2026-03-10T09:00:00-07:00", "2026-03-10T16:00"),
        ("March 12, 3pm São Paulo time", "2026-03-12T18:00"),
    ],
)
def test_a_zone_said_is_the_zone_meant(phrase: str, utc: str) -> None:
    start = resolve(phrase, NOW, NEW_YORK).start
    assert isinstance(start, datetime)
    assert f"{start.astimezone(UTC):%Y-%m-%dT%H:%M}" == utc


def test_days_are_counted_where_the_user_is() -> None:
    """At 23:30 in New York it is already the next day in Tokyo; tomorrow is still the user's."""
    late = datetime(2026, 3, 4, 23, 30, tzinfo=NEW_YORK)
    value = resolve("tomorrow 9am Tokyo time", late, NEW_YORK)
    assert value.start == datetime(2026, 3, 5, 9, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_now_may_come_in_any_zone() -> None:
    value = resolve("tomorrow", NOW.astimezone(timezone(timedelta(hours=14))), NEW_YORK)
    assert value.start == date(2026, 3, 5)


def test_a_range_with_hyphen_is_no_offset() -> None:
    value = resolve("tomorrow 09:00-10:30", NOW, NEW_YORK)
    assert value.end == datetime(2026, 3, 5, 10, 30, tzinfo=NEW_YORK)


def test_habits_move_what_depends_on_them() -> None:
    gulf = Habits(
        work_start=time(8), work_end=time(16), weekend=frozenset({4, 5}),
        holidays=frozenset({date(2026, 3, 9)}), day_first=True,
    )  # fmt: skip

    def start(phrase: str) -> object:
        value = resolve(phrase, NOW, NEW_YORK, habits=gulf)
        return value.due or value.start

    assert start("by EOD") == datetime(2026, 3, 4, 16, tzinfo=NEW_YORK)
    assert start("tomorrow morning") == datetime(2026, 3, 5, 8, tzinfo=NEW_YORK)
    assert start("3/12") == date(2026, 12, 3)
    # Thursday, Sunday, Monday the 9th is a holiday, Tuesday
    assert start("3 business days from now") == date(2026, 3, 10)
    every = resolve("every weekday at 9", NOW, NEW_YORK, habits=gulf)
    assert every.rrule == "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,SU"


@pytest.mark.parametrize(
    ("phrase", "assumed"),
    [
        ("March 12 at 14:00", ("no year: 2026",)),
        ("tomorrow at 9", ("9 means 09:00",)),
        ("tomorrow at 3", ("3 means 15:00",)),
        ("by EOD tomorrow", ("the end of the day is 17:00",)),
        ("next Friday", ("next Friday is the one in the following week",)),
        ("Wednesday at 3pm", ("Wednesday is the one in a week, not today",)),
        ("9am", ("no day: tomorrow, today's is past",)),
        ("July 10 at 3pm PST", ("no year: 2026", "PST is read as PDT, the clocks there then")),
        ("Monday, March 12, 2026 at 3pm",
         ("12 March 2026 is a Thursday, not a Monday; the date counts",)),
        ("tomorrow at 3pm", ()),
    ],
)  # fmt: skip
def test_what_is_taken_for_granted_is_told(phrase: str, assumed: tuple[str, ...]) -> None:
    assert resolve(phrase, NOW, NEW_YORK).assumed == assumed


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("every other Friday from 6 Mar 2026, 9:00-9:30",
         "every 2nd Friday from 6 Mar 2026, 09:00\N{EN DASH}09:30 America/New_York"),
        ("tomorrow at 3pm", "Thu 5 Mar 2026, 15:00 America/New_York"),
        ("March 9 to March 11", "Mon 9 Mar 2026 to Wed 11 Mar 2026"),
        ("10pm Thursday to 2am Friday",
         "Thu 5 Mar 2026, 22:00 until Fri 6 Mar 2026, 02:00 America/New_York"),
        ("after 3pm tomorrow", "from Thu 5 Mar 2026, 15:00 America/New_York on"),
        ("2h30m", "2 hours 30 minutes"),
        ("by Friday 5pm", "by Fri 6 Mar 2026, 17:00 America/New_York"),
        ("2 hours by Friday", "2 hours by Fri 6 Mar 2026"),
        ("first Monday of every month", "the 1st Monday of every month from 6 Apr 2026"),
        ("every weekday at 8:30 until March 20",
         "every weekday from 5 Mar 2026 until 20 Mar 2026, 08:30 America/New_York"),
        ("every Monday for 6 weeks", "every Monday from 9 Mar 2026, 6 times"),
        ("last working day of every month",
         "the last working day of every month from 31 Mar 2026"),
        ("every year on April 5", "every year on 5 April from 5 Apr 2026"),
        ("daily at 9am and 5pm", "every day from 5 Mar 2026, 09:00, 17:00 America/New_York"),
        ("1 hour tomorrow between 2 and 5pm",
         "1 hour within Thu 5 Mar 2026, 14:00\N{EN DASH}17:00 America/New_York"),
    ],
)  # fmt: skip
def test_a_time_in_words(phrase: str, words: str) -> None:
    assert say(resolve(phrase, NOW, NEW_YORK)) == words


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("every Monday at 10, 12 times", "every Monday, 12 times"),
        ("every other Friday at 9 until the end of June", "every 2nd Friday until 30 Jun 2026"),
        ("daily at 9:30am and 5:30pm", "every day at 09:30 and 17:30"),
        (
            "first and third Tuesday of every month",
            "the 1st Tuesday and 3rd Tuesday of every month",
        ),
    ],
)
def test_a_rule_in_words_without_its_beginning(phrase: str, words: str) -> None:
    value = resolve(phrase, NOW, NEW_YORK)
    assert value.rrule is not None
    assert value.start is not None
    assert say_rule(value.rrule, value.start, NEW_YORK) == words


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("every Tuesday at 10 until 1 March 2027", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270301T150000Z"),
        ("every Friday @ 4 till the 5th of June", "FREQ=WEEKLY;BYDAY=FR;UNTIL=20260605T200000Z"),
        ("every Tuesday at 10 through 1 March 2027", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270301T150000Z"),
        ("every Tuesday at 10 until 1.3.2027", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270301T150000Z"),
    ],
)
def test_a_number_after_at_is_an_hour_though_a_date_follows_until(text: str, rule: str) -> None:
    assert resolve(text, NOW, NEW_YORK).rrule == rule


def test_two_days_with_until_between_them_stay_a_range() -> None:
    value = resolve("10 until 12 June", NOW, NEW_YORK)
    assert (value.start, value.end) == (date(2026, 6, 10), date(2026, 6, 13))
