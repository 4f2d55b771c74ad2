"""The lots of tests/time_phrases.toml stay right, each scored once before rules were changed."""

from __future__ import annotations

import tomllib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agentsched.times import TimePhraseError, resolve
from benchmarks.bench_times import LOTS, is_gold

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=ZONE)
PHRASES = [
    (phrase, gold)
    for lot in tomllib.loads(LOTS.read_text()).values()
    for phrases in lot.values()
    for phrase, gold in phrases.items()
]


@pytest.mark.parametrize(("phrase", "gold"), PHRASES, ids=[phrase for phrase, _ in PHRASES])
def test_a_phrase_of_a_lot_has_every_part_of_its_gold(phrase: str, gold: dict[str, Any]) -> None:
    try:
        answer = resolve(phrase, NOW, ZONE)
    except TimePhraseError:
        answer = None
    assert is_gold(answer, gold), answer
