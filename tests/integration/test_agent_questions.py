"""A question and its answer: what was open is filled, and the rest of the request stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from assistant import Assistant, assistant

from agentsched.agent import Standing

EVENTS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:morning@example.org
DTSTAMP:20260105T080000Z
DTSTART:20260305T090000
DTEND:20260305T093000
SUMMARY:Morning review
END:VEVENT
BEGIN:VEVENT
UID:design@example.org
DTSTAMP:20260105T080000Z
DTSTART:20260306T110000
DTEND:20260306T120000
SUMMARY:Design review
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def me(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assistant:
    made = assistant(tmp_path, monkeypatch)
    (tmp_path / "calendar" / "work.ics").write_text(EVENTS.replace("\n", "\r\n"))
    return made


def asked(standing: Standing) -> str:
    assert standing.ask is not None
    sections = (line for section in standing.ask.sections for line in section.lines)
    return "\n".join([*sections, standing.ask.question])


def said(standing: Standing) -> str:
    return "\n".join(line for section in standing.answer for line in section.lines)


def test_which_event_is_filled_in_by_another_process(me: Assistant) -> None:
    assert "Which event do you mean?" in asked(me.talk("move it to 3pm"))
    assert "move 'Morning review' (Thu 05 Mar 09:00) to Thu 05 Mar 15:00-15:30" in asked(
        me.talk("the morning review tomorrow")
    )
    me.talk("yes")
    assert me.titles("2026-03-05") == ["15:00 Morning review"]


@pytest.mark.parametrize("answer", ["at 3pm", "3pm please", "no, make it 15:00", "3"])
def test_a_time_that_exists_takes_the_place_of_one_that_does_not(
    me: Assistant, answer: str
) -> None:
    assert "25:00 does not exist" in asked(me.talk("dentist tomorrow at 25:00"))
    assert "add 'Dentist' on Thu 05 Mar 15:00-15:30" in asked(me.talk(answer))


@pytest.mark.parametrize(
    ("answer", "title"),
    [("2", "Design"), ("the first one", "Morning"), ("the last", "Design"), ("design", "Design"),
     ("the one on Thursday", "Morning"), ("the design review on Friday", "Design")],
)  # fmt: skip
def test_one_of_the_events_that_are_listed_is_chosen(
    me: Assistant, answer: str, title: str
) -> None:
    both = asked(me.talk("cancel the review"))
    assert "1: 'Morning review' Thu 05 Mar 09:00, 2: 'Design review' Fri 06 Mar 11:00" in both
    assert f"cancel '{title} review'" in asked(me.talk(answer))


def test_one_question_follows_another_until_nothing_is_open(me: Assistant) -> None:
    assert "Which 'review' do you mean?" in asked(me.talk("move the review an hour later"))
    assert "move 'Design review' (Fri 06 Mar 11:00) to Fri 06 Mar 12:00" in asked(me.talk("2"))
    assert "What should change about design review" in asked(
        me.talk("no", "move the design review")
    )
    assert "to Fri 06 Mar 14:00-15:00" in asked(me.talk("to 2pm"))


def test_an_event_that_nobody_knows_is_asked_for_again(me: Assistant) -> None:
    again = asked(me.talk("move it to 3pm", "the physiotherapist"))
    assert "no event 'physiotherapist'" in again
    assert "Which event do you mean?" in again
    assert "'Design review'" in asked(me.talk("the design review"))


def test_a_new_request_drops_the_question(me: Assistant) -> None:
    found = asked(me.talk("move it to 3pm", "book lunch with Dana tomorrow at noon"))
    assert "add 'Lunch with Dana' on Thu 05 Mar 12:00" in found
    assert "review" not in found
    told = me.talk("no", "dentist tomorrow at 25:00", "what do I have tomorrow?")
    assert told.ask is None
    assert "Morning review" in said(told)


def test_never_mind_leaves_out_what_was_asked_about_and_only_that(me: Assistant) -> None:
    told = me.talk("move it to 3pm", "never mind")
    assert told.ask is None
    assert "It is left as it was." in said(told)
    rest = me.talk("Lunch with Ben tomorrow at noon. Move the review an hour later.", "never mind")
    assert "add 'Lunch with Ben'" in asked(rest)
    assert "review" not in asked(rest)


def test_what_else_was_asked_for_stays_beside_the_answer(me: Assistant) -> None:
    both = "Dentist tomorrow at 25:00. Train the model on an A100."
    found = me.talk(both, "at 3pm")
    assert "add 'Dentist' on Thu 05 Mar 15:00" in asked(found)
    assert found.plan is not None


def test_a_yes_to_drop_all_of_it_drops_the_plan(me: Assistant) -> None:
    proposed = me.talk("Train the model, then write the report. Dentist tomorrow at 4pm.")
    assert proposed.plan is not None
    assert "Drop all of it?" in asked(me.talk("drop training and the report"))
    dropped = me.talk("yes")
    assert "nothing of it will be run" in asked(dropped)
    assert "add 'Dentist'" in asked(dropped)
    assert dropped.plan is None
    me.talk("yes")
    assert "nothing is planned" in said(me.talk("what is the plan?"))
    assert me.runs("train") == 0


def test_a_no_to_drop_all_of_it_keeps_the_plan(me: Assistant) -> None:
    kept = me.talk("Train the model, then write the report.", "drop everything", "no")
    assert kept.plan is not None
    assert "It is left as it was." in asked(kept)
