"""Sets of starts, and times of day as stretches of real time."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from agentsched.planning.hints import WindowHint
from agentsched.planning.spans import (
    contains,
    first_at_least,
    intersect,
    merged,
    starts_clear_of,
    starts_inside,
    subtract,
    union,
)
from agentsched.planning.windows import instant, open_stretches

BERLIN = ZoneInfo("Europe/Berlin")


def test_sets():
    assert union([(5, 6), (0, 2), (3, 3), (9, 8)]) == ((0, 3), (5, 6))
    assert intersect(((0, 5), (8, 9)), ((4, 8),)) == ((4, 5), (8, 8))
    assert subtract(((0, 9),), ((2, 3), (9, 12))) == ((0, 1), (4, 8))
    assert merged([(0, 2), (2, 4), (3, 5), (7, 8)]) == ((0, 5), (7, 8))
    assert first_at_least(((0, 2), (5, 6)), 3) == 5
    assert first_at_least(((0, 2),), 3) is None
    assert contains(((0, 2),), 2)


def test_starts_around_a_block_and_inside_a_window():
    """Length 3 within 0 to 9 around [4, 6): starts 0 and 1, then 6."""
    assert starts_clear_of([(4, 6)], 3, ((0, 6),)) == ((0, 1), (6, 6))
    assert starts_inside([(4, 8)], 3, ((0, 9),)) == ((4, 5),)
    assert starts_inside([(4, 6)], 3, ((0, 9),)) == ()


@pytest.mark.parametrize(
    ("at", "last", "utc"),
    [
        ("2026-11-25T08:00", False, "2026-11-25T07:00"),
        # Skipped: 2:30 never shows, the clocks jump at 1:00 UTC.
        ("2026-03-29T02:30", False, "2026-03-29T01:00"),
        ("2026-03-29T02:30", True, "2026-03-29T01:00"),
        # Shown twice.
        ("2026-10-25T02:30", False, "2026-10-25T00:30"),
        ("2026-10-25T02:30", True, "2026-10-25T01:30"),
    ],
)
def test_instants_of_the_clock_on_the_wall(at, last, utc):
    wall = datetime.fromisoformat(at)
    found = instant(wall.date(), wall.time(), BERLIN, last=last)
    assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_an_avoided_window_leaves_the_rest_of_the_day():
    hint = WindowHint(start=time(9), end=time(17), avoid=True)
    day = [datetime(2026, 11, n, tzinfo=UTC) for n in (25, 26)]
    found = open_stretches(hint, *day, UTC)
    assert [(a.hour, b.hour) for a, b in found] == [(0, 9), (17, 0)]


def test_windows_around_the_clock_are_one_stretch():
    hint = WindowHint(start=time(6), end=time(6))
    start, end = datetime(2026, 11, 25, 3, tzinfo=UTC), datetime(2026, 11, 28, 3, tzinfo=UTC)
    assert open_stretches(hint, start, end, UTC) == [(start, end)]
