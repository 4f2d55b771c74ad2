"""What is no time, or a time that does not exist, is refused with value, rule and way out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from agentsched.errors import UserError, exit_code
from agentsched.times import Habits, TimePhraseError, find_times, resolve

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=NEW_YORK)

WITHOUT = """
Call Sam about the budget
Discuss plan B with team 4
I may come
One may ask a question
This may take longer
Jan will call Sue
The cat sat on the mat
The sun is bright
Wed them
March on to victory
Meet 3 people from team 7
Book a room for 8 people
Version 2.3 of the second draft
Review chapter 12-14
Read pages 10 to 20
The minutes of the meeting
a second opinion
one day we will see
Fix bug 1234
Submit PR #1200
Use 4 A100s with 80 GB
Mortgages were at 6.45 percent
The team of 12 is over budget by 15 percent
Move server 10 to rack 12
the 2nd floor
Talk to April about the new design
plan for the new year
Second attempt at the March report
There are two to four people in the room
Good morning Paul
Lunch with Dana
Keep them on one rack if you can
Set the ratio to 16:9 or 1:1
Send the weekly report
The first thing we discuss is the budget
The last thing we need is another meeting
Scale 20 to 8 nodes
The last two days of testing were hard
Find alternate routes
This time we do better
""".strip().splitlines()


@pytest.mark.parametrize("text", WITHOUT)
def test_words_without_a_time_are_refused_and_nothing_is_found_in_them(text: str) -> None:
    assert find_times(text, NOW, NEW_YORK) == ()
    with pytest.raises(TimePhraseError, match=r"no time in .*; say when"):
        resolve(text, NOW, NEW_YORK)


@pytest.mark.parametrize("text", ["", " ", "\n", "\x00", "?", "\u200b", "🙂", "at", "every", "-"])
def test_nothing_is_no_time(text: str) -> None:
    with pytest.raises(TimePhraseError, match="no time in"):
        resolve(text, NOW, NEW_YORK)


def test_the_hour_that_clocks_skip_is_refused_with_the_one_to_say() -> None:
    with pytest.raises(TimePhraseError) as refused:
        resolve("March 8 at 2:30am", NOW, NEW_YORK)
    assert str(refused.value) == (
        "'March 8 at 2:30am': 02:30 does not exist on 8 March in America/New_York, clocks go from "
        "02:00 to 03:00; say 03:30"
    )
    assert exit_code(refused.value) == 2
    assert isinstance(refused.value, UserError)


def test_half_an_hour_skipped_on_lord_howe_island() -> None:
    """Clocks there go from 02:00 to 02:30."""
    zone = ZoneInfo("Australia/Lord_Howe")
    with pytest.raises(TimePhraseError, match="from 02:00 to 02:30; say 02:45"):
        resolve("4 October 2026 at 2:15am", NOW, zone)


def test_the_end_of_a_range_may_not_be_skipped_either() -> None:
    with pytest.raises(TimePhraseError, match="02:00 does not exist on 8 March"):
        resolve("10pm to 2am on Saturday", NOW, NEW_YORK)


def test_an_hour_that_comes_twice_is_the_first_and_says_so() -> None:
    value = resolve("November 1 at 1:30am", NOW, NEW_YORK)
    assert isinstance(value.start, datetime)
    assert value.start.astimezone(UTC) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert "01:30 comes twice on 1 November; the first is meant" in value.assumed


@pytest.mark.parametrize(
    ("phrase", "rule"),
    [
        ("31 February", "31 February 2027 does not exist, February has 28 days"),
        ("February 30 at 5pm", "name a day from 1 to 28"),
        ("31 April", "April has 30 days"),
        ("2026-02-29", "29 February 2026 does not exist"),
        ("13/13/2026", "month 13 does not exist"),
        ("fifth Monday of next month", "only 4 such days"),
        ("in 9000 years", "name a year from 1 to 9999"),
        ("999999 days from 9999-12-01", "1 to 9999"),
        ("2026-03-10 to 2026-03-08", "give the earlier day first"),
        ("March 9 5pm to March 9 3pm", "give the earlier end first"),
        ("every Monday until 2026-03-01", "name a later end"),
        ("every day except weekdays and weekends", "leave one of them"),
    ],
)
def test_what_does_not_exist_is_named_with_its_rule(phrase: str, rule: str) -> None:
    with pytest.raises(TimePhraseError, match=rule) as refused:
        resolve(phrase, NOW, NEW_YORK)
    assert "\n" not in str(refused.value)


def test_a_long_paste_gets_one_line_at_once() -> None:
    began = perf_counter()
    for ask in (resolve, find_times):
        with pytest.raises(TimePhraseError, match="text of 3000000 characters, beginning 'xxx"):
            ask("x" * 3_000_000, NOW, NEW_YORK)
    assert perf_counter() - began < 1


@pytest.mark.parametrize(
    "unit",
    ["1 ", "1/", "mon,", "first, ", "march ", "monday and ", "half past ", "1 and a half ", "-",
     "at 3pm ", "london time ", "3pm-"],
)  # fmt: skip
def test_no_text_takes_the_square_of_its_length(unit: str) -> None:
    """20,000 characters of what the rules like best; seconds allow for a busy machine."""
    text = (unit * 20_000)[:20_000]
    began = perf_counter()
    find_times(text, NOW, NEW_YORK)
    assert perf_counter() - began < 15


def test_now_must_be_aware() -> None:
    with pytest.raises(TimePhraseError, match="give an aware datetime"):
        resolve("tomorrow", NOW.replace(tzinfo=None), NEW_YORK)


def test_habits_are_checked_where_they_are_made() -> None:
    with pytest.raises(TimePhraseError, match="the end must come after the start"):
        Habits(work_start=time(17), work_end=time(9))
    with pytest.raises(TimePhraseError, match="not all of them"):
        Habits(weekend=frozenset(range(7)))


def test_other_scripts_digits_dashes_and_control_characters_are_read() -> None:
    wide = "tomorrow \N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT FIVE}:30\N{EN DASH}16:00"
    arabic = "TOMORROW \N{ARABIC-INDIC DIGIT ONE}\N{ARABIC-INDIC DIGIT FIVE}:30-16:00"
    control = "tomorrow\x0015:30 \N{MINUS SIGN} 16:00"
    for phrase in (wide, arabic, control, "tomorrow\u00a015:30\N{EM DASH}16:00"):
        value = resolve(phrase, NOW, NEW_YORK)
        assert value.start == datetime(2026, 3, 5, 15, 30, tzinfo=NEW_YORK), phrase
        assert value.end == datetime(2026, 3, 5, 16, 0, tzinfo=NEW_YORK), phrase


def test_half_a_pair_of_surrogates_does_no_harm() -> None:
    assert resolve("tomorrow \ud83d", NOW, NEW_YORK).start == date(2026, 3, 5)


@pytest.mark.parametrize(
    "text",
    ["every day but Christmas", "every Monday except March 16", "every Tuesday but not in August",
     "every weekday except public holidays at 9", "every Monday unless it's a holiday",
     "every Tuesday and Thursday but not the 12th"],
)  # fmt: skip
def test_an_exception_that_no_rule_can_hold_is_refused(text: str) -> None:
    with pytest.raises(TimePhraseError, match=r"leaves out weekdays only.*then call off the day"):
        resolve(text, NOW, NEW_YORK)


@pytest.mark.parametrize("text", ["every Monday without Bob", "busy but free every Friday"])
def test_people_and_states_are_no_exceptions_of_a_series(text: str) -> None:
    assert resolve(text, NOW, NEW_YORK).rrule is not None


def test_an_exception_of_a_stretch_is_told() -> None:
    value = resolve("next week except Wednesday", NOW, NEW_YORK)
    assert "the exception is not part of it; name the days that are meant" in value.assumed


def test_stretches_with_a_gap_are_no_series() -> None:
    with pytest.raises(TimePhraseError, match="a gap between them; say them apart"):
        resolve("every Monday in May and July", NOW, NEW_YORK)


def test_a_named_day_that_moves_is_no_series() -> None:
    for text in ("every Easter", "every year on the day after Thanksgiving"):
        with pytest.raises(TimePhraseError, match="moves from year to year"):
            resolve(text, NOW, NEW_YORK)


@pytest.mark.parametrize(
    ("text", "told"),
    [("thursdays 3pm and wednesdays 4pm", "only one of the times said"),
     ("every Monday at 9 and Thursday at 2", "only one of the times said"),
     ("any day next week but Tuesday", "the exception is not part of it"),
     ("every Wednesday before noon", "its hour is the latest one"),
     ("Tuesday 10am-12pm and 2pm-4pm", "only the first of the ranges"),
     ("every April 5 and October 5", "only the first of its dates repeats"),
     ("pick up the kids at 3:10 every school day", "once: 'every school' is not read")],
)  # fmt: skip
def test_what_is_left_out_is_told(text: str, told: str) -> None:
    assert any(note.startswith(told) for note in resolve(text, NOW, NEW_YORK).assumed)


@pytest.mark.parametrize("text", ["tomorrow at 25:00", "10:75 tomorrow", "Friday at 13am"])
def test_a_time_that_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(TimePhraseError, match="does not exist; name a time from 0:00 to 24:00"):
        resolve(text, NOW, NEW_YORK)
