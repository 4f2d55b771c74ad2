"""Wishes in words: the gold set of tests/hint_phrases.toml, and what it cannot say."""

import time
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agentsched.planning.graph import Task
from agentsched.planning.hint_words import HintReading, read_hints, say_hint
from agentsched.planning.hint_words.reading import MOST_TEXT
from agentsched.planning.hints import Hint
from agentsched.planning.inventory_file import inventory_of

GOLD = tomllib.loads((Path(__file__).parent.parent / "hint_phrases.toml").read_text())
INVENTORY = inventory_of(GOLD["inventory"], "hint_phrases.toml")
TASKS = [Task(**task) for task in GOLD["task"]]
HINTS: TypeAdapter[Hint] = TypeAdapter(Hint)


def read(text: str) -> HintReading:
    return read_hints(text, inventory=INVENTORY, tasks=TASKS)


def sense(hint: Hint) -> tuple:
    """What a predicate says: without weight and words, names in any order."""
    fields = hint.model_dump(exclude={"phrase", "weight"})
    return tuple(
        (name, tuple(sorted(value)) if isinstance(value, tuple) else value)
        for name, value in sorted(fields.items())
    )


def wrong(part: str) -> list[str]:
    """Return the phrases whose predicates are not exactly those of the gold set."""
    return [
        phrase["text"]
        for phrase in GOLD[part]
        if {sense(hint) for hint in read(phrase["text"]).hints}
        != {sense(HINTS.validate_python(gold)) for gold in phrase["gold"]}
    ]


def test_the_gold_set_is_large_and_its_parts_are_apart() -> None:
    dev, held_out = ({p["text"] for p in GOLD[part]} for part in ("dev", "held_out"))
    assert len(dev) >= 200
    assert len(held_out) >= 40
    assert not dev & held_out
    without = sum(not phrase["gold"] for part in ("dev", "held_out") for phrase in GOLD[part])
    assert without >= 25


def test_every_phrase_of_dev_is_read_as_its_gold_says() -> None:
    assert wrong("dev") == []


def test_at_least_95_per_cent_of_the_held_out_phrases_are_read_as_their_gold_says() -> None:
    missed = wrong("held_out")
    assert len(missed) <= 0.05 * len(GOLD["held_out"]), missed


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("Prefer the A100s.", 1.0),
        ("I really prefer the A100s.", 3.0),
        ("I slightly prefer the A100s.", 0.3),
        ("An A100 would be nice.", 0.5),
        ("A100s are fine.", 0.25),
    ],
)
def test_words_scale_the_weight_of_a_soft_wish(text: str, weight: float) -> None:
    (hint,) = read(text).hints
    assert not hint.hard
    assert hint.weight == weight


def test_strength_belongs_to_its_clause() -> None:
    first, second = read("I strongly prefer eu-west, and slightly prefer spot.").hints
    assert (first.weight, second.weight) == (3.0, 0.3)


def test_a_hint_quotes_its_clause_and_says_where_it_stands() -> None:
    text = "Hello! Prefer the A100s, and never use spot."
    reading = read(text)
    assert [hint.phrase for hint in reading.hints] == ["Prefer the A100s", "and never use spot"]
    assert [text[span.start : span.end] for span in reading.spans] == ["A100s", "spot"]


def test_it_and_they_are_the_tasks_of_the_sentence_before() -> None:
    (hint,) = read("Train the large model. It must stay in eu-west.").hints
    assert hint.tasks == ("train-large",)
    (hint,) = read("Train the small and the large model. Keep them on one rack.").hints
    assert hint.tasks == ("train-small", "train-large")


def test_what_is_assumed_is_said() -> None:
    assert read("at night only").assumed == ("'at night': read as 22:00 to 06:00",)
    assert "A100 or H100" in read("on the big GPUs").assumed[0]
    assert "slight wish" in read("spot is fine").assumed[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Never on the H200.", "no device 'H200' in the inventory"),
        ("Prefer the H200.", "did you mean 'H100'?; this wish is left out"),
        ("train near the wiki data", "no data set 'wiki'; known: imagenet, clicks"),
        ("at night or at weekends", "not a choice"),
        ("It needs less than 64 GB of RAM.", "at least"),
    ],
)
def test_what_cannot_be_read_gives_a_note_and_no_hint(text: str, said: str) -> None:
    reading = read(text)
    assert reading.hints == ()
    assert any(said in note for note in reading.unread)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n ",
        "?",
        "The A100s are slow.",
        "I work at night.",
        "Ask Anna if the report can go on the A100.",
        "We've got eight A100s and four T4s.",
        "Use 4 GPUs for the large model.",
        "Do not use more than 4 GPUs.",
        "Meet us at 9 in the zone of silence.",
        "\u202eon the A100s was yesterday\u202c",
    ],
)
def test_a_sentence_without_a_wish_has_no_hint(text: str) -> None:
    assert read(text).hints == ()


def test_typographic_quotes_and_dashes_read_like_plain_ones() -> None:
    plain = read("Don't use spot in eu-west.").hints
    assert read("Don\u2019t use spot in eu\u2011west.").hints != ()
    assert [sense(h) for h in read("Don\u2019t use spot in eu\u2011west.").hints] == [
        sense(h) for h in plain
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Run on the H200.", "no device 'H200' in the inventory; known: A100, H100, T4, V100"),
        ("Run on the H200.", "did you mean 'H100'?"),
        ("It must run on a TPU.", "no device 'TPU'"),
        ("On Gaudi3 cards, please.", "no device or machine 'Gaudi3'"),
        ("in us-west please", "did you mean 'us-east'?"),
        ("Use rack r9.", "no rack 'r9'"),
        ("Run it on machine dgx-7.", "no machine 'dgx-7'"),
    ],
)
def test_a_hard_wish_for_what_is_not_here_is_kept_as_missing(text: str, said: str) -> None:
    reading = read(text)
    assert reading.hints == ()
    (missing,) = reading.missing
    assert said in missing.why
    assert missing.hint.hard


def test_what_is_here_will_do_where_it_was_named_as_a_choice() -> None:
    reading = read("Run on an A100 or an H200.")
    assert len(reading.hints) == 1
    assert reading.missing == ()
    assert "H200" in reading.unread[0]


@pytest.mark.parametrize(
    "text",
    ["A100 " * 4000, "1," * 10_000, "as " * 7000, "never on spot and " * 1200, "x" * 3_000_000],
)
def test_a_huge_paste_is_read_in_part_and_said_so(text: str) -> None:
    began = time.process_time()
    reading = read(text)
    assert time.process_time() - began < 20
    assert any("read" in note for note in reading.unread)
    assert len(text) <= MOST_TEXT or f"of {len(text)} characters" in reading.unread[-1]


def test_a_wish_said_twice_is_one_hint() -> None:
    assert len(read("Never on spot. I repeat: never on spot!").hints) == 1


def test_names_come_from_the_inventory_whatever_they_are() -> None:
    tables = {
        "machine": [
            {"name": "worker", "count": 2, "labels": ["fast-disk"], "rack": "7"},
            {"name": "big (old)", "devices": 1, "device": "NVIDIA A100-SXM4-80GB"},
        ]
    }
    inventory = inventory_of(tables, "test")

    def names(text: str) -> list[tuple[str, tuple[str, ...]]]:
        hints = read_hints(text, inventory=inventory, tasks=[]).hints
        return [(hint.kind, hint.names) for hint in hints]  # type: ignore[union-attr]

    assert names("Use the A100.") == [("device", ("A100",))]
    assert names("on the worker machines") == [("label", ("worker-1", "worker-2"))]
    assert names("needs a fast disk") == [("label", ("fast-disk",))]
    assert names("keep it in rack 7") == [("place", ("7",))]
    assert names("Wait 7 minutes.") == []


def test_a_hint_is_said_in_words_with_whom_and_how_strongly() -> None:
    hard, soft = read("Never on spot. Prefer rack r1 for the eval.").hints
    assert say_hint(hard) == "every task: never on spot (required)"
    assert say_hint(soft) == "eval: in rack r1 (wished with weight 1)"


def test_the_page_names_scores_that_hold(root: Path) -> None:
    page = (root / "docs/placement-hints.md").read_text()
    assert f"{len(GOLD['dev'])} phrases" in page
    assert f"{len(GOLD['held_out'])} phrases" in page
