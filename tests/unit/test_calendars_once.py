"""One action under one key, whatever crashes in between."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentsched.calendars import Book, CalendarError, Journal, NewEvent, Viewer, open_calendar
from agentsched.calendars import book as book_module
from agentsched.calendars.journal import Entry

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
LOW, HIGH = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
DENTIST = NewEvent("Dentist", datetime(2026, 3, 5, 9, 0, tzinfo=UTC))


def opened(folder: Path) -> Book:
    store = open_calendar(folder / "calendar", make=True)
    return Book(store, Journal(folder / "journal"), Viewer(), lambda: NOW)


def titles(book: Book) -> list[str]:
    return [o.title for o in book.expand(LOW, HIGH).occurrences]


def test_an_action_under_a_key_is_done_once(tmp_path: Path) -> None:
    book = opened(tmp_path)
    first = book.once("turn 1", lambda: book.add(DENTIST))
    again = book.once("turn 1", lambda: book.add(DENTIST))
    assert first.id == again.id
    assert titles(book) == ["Dentist"]
    book.once("turn 2", lambda: book.add(DENTIST))
    assert titles(book) == ["Dentist", "Dentist"]


def test_what_was_written_before_a_crash_is_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there, the journal's ``done`` is not."""
    book = opened(tmp_path)
    monkeypatch.setattr(
        Journal, "done", lambda self, entry: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        book.once("turn", lambda: book.add(DENTIST))
    monkeypatch.undo()
    book = opened(tmp_path)
    entry = book.once("turn", lambda: book.add(DENTIST))
    assert titles(book) == ["Dentist"]
    assert entry.state == "done" or book.history()[-1].state == "done"
    book.undo(entry.id)
    assert titles(book) == []


def test_what_was_not_written_before_a_crash_is_written_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal's ``begin`` is there, the file is not."""
    book = opened(tmp_path)

    def dies(store: object, journal: Journal, entry: Entry, writes: list[object]) -> Entry:
        from agentsched.calendars.writing import _as_change

        changes = tuple(_as_change(write) for write in writes)  # type: ignore[arg-type]
        journal.begin(Entry(entry.id, entry.at, entry.calendar, entry.action, entry.words, changes))
        raise KeyboardInterrupt

    monkeypatch.setattr(book_module, "carry_out", dies)
    with pytest.raises(KeyboardInterrupt):
        book.once("turn", lambda: book.add(DENTIST))
    monkeypatch.undo()
    book = opened(tmp_path)
    book.once("turn", lambda: book.add(DENTIST))
    assert titles(book) == ["Dentist"]


def test_an_action_that_failed_may_be_tried_again_under_its_key(tmp_path: Path) -> None:
    book = opened(tmp_path)

    def fails() -> Entry:
        raise CalendarError("the server was busy")

    with pytest.raises(CalendarError):
        book.once("turn", fails)
    book.once("turn", lambda: book.add(DENTIST))
    assert titles(book) == ["Dentist"]
