"""``agentsched calendar`` as a user types it; days are named, so that the clock does not matter."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli import Shell


@pytest.fixture
def say(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.setenv("AGENTSCHED_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AGENTSCHED_CALENDAR_ZONE", "Europe/Berlin")

    class Calendar:
        def __call__(self, *words: object):  # type: ignore[no-untyped-def]
            return shell("calendar", *words)

    return Calendar()  # type: ignore[return-value]


def files(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "home/calendar").glob("*.ics")}


def test_a_day_with_a_calendar(say: Shell, tmp_path: Path) -> None:
    assert say("agenda", "4 May 2037").out == "nothing 4 May 2037\n"
    assert say("add", "Dentist", "4 May 2037 9:00-10:00", "--where", "Main St 5").code == 0
    added = say("add", "Standup", "every weekday at 9:30 from 4 May 2037", "--for", "15 minutes")
    assert added.code == 0
    day = say("agenda", "4 May 2037", "--json").data["occurrences"]
    assert [(o["title"], o["start"][11:16], o["kind"]) for o in day] == [
        ("Dentist", "09:00", "hard"), ("Standup", "09:30", "hard")
    ]  # fmt: skip
    (clash,) = say("conflicts", "4 May 2037", "--propose", "--json").data["conflicts"]
    assert (clash["kind"], clash["minutes"]) == ("hard", 15)
    assert any(o["action"] == "reschedule" and len(o["slots"]) == 3 for o in clash["options"])
    before = files(tmp_path)
    moved = say("move", day[0]["id"], "4 May 2037 11:00", "--json")
    assert moved.data["conflicts"] == []
    assert "no conflicts" in say("conflicts", "4 May 2037").out
    assert say("undo", moved.data["id"][:6]).code == 0
    assert files(tmp_path) == before
    assert [e["state"] for e in say("history", "--json").data] == [
        "done", "done", "undone", "done"
    ]  # fmt: skip


def test_a_series_is_changed_by_scope(say: Shell) -> None:
    say("add", "Review", "every Monday at 15:00 for 6 weeks from 4 May 2037", "--for", "1 hour")
    found = say("agenda", "May 2037", "--json").data["occurrences"]
    assert [o["start"][8:10] for o in found] == ["04", "11", "18", "25"]
    assert say("cancel", found[1]["id"], "--yes").code == 0
    assert say("move", found[2]["id"], "19 May 2037 10:00", "--scope", "future").code == 0
    left = say("agenda", "May 2037", "--json").data["occurrences"]
    assert [o["start"][8:16] for o in left] == ["04T15:00", "19T10:00", "26T10:00"]


def test_free_times_for_two(say: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    say("add", "Mine", "4 May 2037 9:00-12:00")
    say("add", "Theirs", "4 May 2037 13:00-17:00", "--calendar", other)
    found = say(
        "free", "4 May 2037", "--for", "45 minutes", "--with", other, "--hours", "MO-FR 9-17"
    )
    assert found.code == 0
    assert "12:15   13:00" in found.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("agenda", "gibberish"), "no time in 'gibberish'"),
        (("add", "x", "45 minutes"), "says no start"),
        (("add", "", "tomorrow at 9"), "needs a title"),
        (("add", "x", "29 March 2037 02:30"), "does not exist"),
        (("move", "nothing", "tomorrow"), "no event 'nothing'"),
        (("agenda", "--calendar", "nowhere"), "no calendar folder"),
        (("agenda", "--zone", "Mars/Base"), "no time zone 'Mars/Base'"),
        (("undo",), "nothing was done"),
        (("undo", "abc"), "no action 'abc'"),
        (("free", "4 May 2037", "--for", "soon"), "soon"),
        (("free", "4 May 2037", "--hours", "always"), "working hours"),
    ],
)
def test_mistakes_are_one_line(say: Shell, words: tuple[str, ...], says: str) -> None:
    ended = say(*words)
    assert ended.code == 2
    assert says in ended.line


def test_cancel_asks_unless_it_is_told_yes(say: Shell) -> None:
    say("add", "Dentist", "4 May 2037 9:00-10:00")
    (one,) = say("agenda", "4 May 2037", "--json").data["occurrences"]
    ended = say("cancel", one["id"])
    assert ended.code == 2
    assert "add --yes" in ended.line
    assert len(say("agenda", "4 May 2037", "--json").data["occurrences"]) == 1


def test_broken_files_are_told_on_stderr_and_the_rest_is_shown(say: Shell, tmp_path: Path) -> None:
    say("add", "Dentist", "4 May 2037 9:00-10:00")
    (tmp_path / "home/calendar/bad.ics").write_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\n")
    ended = say("agenda", "4 May 2037")
    assert "Dentist" in ended.out
    assert ended.line.startswith("bad.ics, line 2: VEVENT is never closed")
    ended = say("list", "--json")
    assert len(ended.data["events"]) == len(ended.data["problems"]) == 1
