"""A time for several people: what the words say of calendars, and the slots that remain."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agentsched.llm import ScriptedModel
from agentsched.understanding import Context, FindTime, understand
from agentsched.understanding.asking import Turn
from agentsched.understanding.intents import Busy
from agentsched.understanding.meeting_words import day_names, read_clock
from agentsched.understanding.meetings import read_meeting
from agentsched.understanding.slots import find_slots
from benchmarks import understanding_calendar as calendar

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 8, tzinfo=ZONE)
HERE = Context(now=NOW, zone=ZONE)


def on(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def found(text: str) -> FindTime:
    (intent,) = understand(text, HERE).intents
    assert isinstance(intent, FindTime), intent
    return intent


def first(text: str) -> tuple[datetime, datetime]:
    slot = find_slots(found(text), NOW, ZONE)[0]
    return slot.start, slot.end


def test_lists_of_busy_times_and_wishes() -> None:
    """Monday 9-17; Ada leaves 10-11 and 12-17, Bo leaves 9-10:30 and 13-17: 13:00 is the first."""
    text = (
        "Find one hour for Ada and Bo on Monday between 9:00 and 17:00. "
        "Ada is busy on Monday during 9:00 to 10:00, 11:00 to 12:00. "
        "Bo has blocked their calendar on Monday during 10:30 to 13:00."
    )
    assert first(text) == (on(23, 13), on(23, 14))
    assert first(f"{text} Bo would rather not meet on Monday before 15:00.")[0] == on(23, 15)


def test_days_go_on_over_full_stops() -> None:
    text = (
        "Schedule a meeting for Ada and Bo for half an hour between 9:00 and 17:00 on either "
        "Monday, Tuesday or Wednesday. Ada can not meet on Monday. Tuesday before 16:30. "
        "Bo is free all week."
    )
    assert first(text) == (on(24, 16, 30), on(24, 17))


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("Bo can't do mornings.", on(23, 12)),
        ("Bo is out on Monday.", on(24, 9)),
        ("Bo can only do Tuesday after 14:00.", on(24, 14)),
        ("Bo is away until 3pm on Monday.", on(23, 15)),
        ("Bo's calendar is wide open.", on(23, 9)),
    ],
)
def test_other_ways_to_say_it(said: str, start: datetime) -> None:
    assert first(f"Find 30 minutes for Ada and Bo on Monday or Tuesday. {said}")[0] == start


def test_soft_wishes_give_way_and_hard_ones_do_not() -> None:
    request = FindTime(
        phrases=("x",),
        duration=3600,
        days=(on(23, 0),),
        opens=time(9),
        closes=time(11),
        busy=(
            Busy(who="Ada", start=on(23, 9), end=on(23, 10)),
            Busy(who="Bo", start=on(23, 10), end=on(23, 11), soft=True),
        ),
    )
    (slot,) = find_slots(request, NOW, ZONE)
    assert (slot.start, slot.wishes_broken) == (on(23, 10), 1)
    assert find_slots(request, NOW, ZONE, busy=[(on(23, 10), on(23, 11))]) == []


def test_busy_time_from_calendars_comes_on_top_and_the_past_is_past() -> None:
    request = FindTime(phrases=("x",), duration=1800, days=(on(23, 0),), opens=time(9))
    assert find_slots(request, on(23, 9, 45), ZONE, [(on(23, 9, 45), on(23, 10))])[0].start == on(
        23, 10
    )


def test_the_latest_slot_ends_with_the_day() -> None:
    slot = find_slots(
        found("Find 45 minutes for Ada and Bo on Monday, as late as possible"), NOW, ZONE
    )[0]
    assert (slot.start, slot.end) == (on(23, 16, 15), on(23, 17))


def test_days_have_their_own_length_when_clocks_change() -> None:
    """29 March 2026: 02:00 does not exist in Berlin; nine is still nine."""
    request = FindTime(phrases=("x",), duration=3600, weekdays=("SU", "MO"))
    slots = find_slots(request, datetime(2026, 3, 28, 20, tzinfo=ZONE), ZONE, count=20)
    assert slots[0].start == datetime(2026, 3, 29, 9, tzinfo=ZONE)
    assert slots[1].start == datetime(2026, 3, 30, 9, tzinfo=ZONE)


def test_length_and_people_default_with_a_note() -> None:
    said = understand("find a time for Ada and Bo next week", HERE)
    (intent,) = said.intents
    assert isinstance(intent, FindTime)
    assert (intent.people, intent.duration) == (("Ada", "Bo"), 1800)
    assert "No length was named" in said.notes[0]
    assert find_slots(intent, NOW, ZONE)[0].start == on(23, 9)


def test_the_model_adds_what_rules_could_not_read() -> None:
    answer = {
        "people": ["Ada", "Bo"],
        "length": "30 minutes",
        "hours": "",
        "days": "Monday",
        "wishes": [{"who": "Bo", "quote": "before 11:00"}],
    }
    turn = Turn(HERE, ScriptedModel([json.dumps(answer)]))
    text = "Find 30 minutes for Ada and Bo on Monday.\nBo sleeps in before 11:00."
    intent = read_meeting(text, turn)
    assert find_slots(intent, NOW, ZONE)[0].start == on(23, 11)
    assert [call.purpose for call in turn.calls] == ["understanding/meeting"]


def test_invented_people_are_sent_back() -> None:
    bad = {"people": ["Zoe"], "length": "", "hours": "", "days": "", "wishes": []}
    turn = Turn(HERE, ScriptedModel([json.dumps(bad), json.dumps(bad)]), prefer_model=True)
    intent = read_meeting("Find 30 minutes for Ada and Bo on Monday.", turn)
    assert intent.people == ("Ada", "Bo")
    assert "not usable" in turn.notes[0]


@pytest.mark.parametrize(
    ("word", "clock"),
    [("9", time(9)), ("3", time(15)), ("3pm", time(15)), ("12am", time(0)), ("noon", time(12)),
     ("14:30", time(14, 30)), ("24:00", time(0))],
)  # fmt: skip
def test_clocks(word: str, clock: time) -> None:
    assert read_clock(word) == clock


def test_a_clock_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"hour|25"):
        read_clock("25:00")
    said = understand("Find an hour for Ada and Bo on Monday between 25:00 and 30:00", HERE)
    assert said.question is not None


def test_day_names_in_any_length() -> None:
    assert day_names("Mon, tues, Wednesday or fri") == [0, 1, 2, 4]


def test_natural_plan_items_end_in_valid_slots(shared_data: Path) -> None:
    items = calendar.load_items(shared_data)
    valid = 0
    for item in items:
        (intent,) = understand(item.text, calendar.context()).intents
        assert isinstance(intent, FindTime)
        slot = calendar.first_slot(intent)
        valid += calendar.is_valid(slot, item)
        assert slot is None or slot.end - slot.start == timedelta(hours=item.hours)
    assert valid >= 0.9 * len(items)
