"""The calendar world for the loop: texts, mutants, lanes, other worlds, files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.calendar import CONFLICTS, Instance, Rules, generate, measure, replay
from evaluator.calendar.known import LEARNER, load_rule, read_policy
from evaluator.calendar.mutate import MOST_SITES, mutate, normalise, sites
from evaluator.calendar.perturb import PERTURBATIONS, perturb
from evaluator.calendar.replay import differences
from evaluator.calendar.scenario_file import from_toml, to_toml
from evaluator.calendar.scored import Scored
from evaluator.calendar.simulation import choices, simulate
from evaluator.calendar.telling import curves, diagnose, draw, facts, sketch
from evaluator.calendar.world import WORLD
from evaluator.calendar.year import Recalled, Years, recall
from evaluator.errors import InputError, PolicyError, SubsetError, TraceError
from evaluator.policy import PolicySource
from evaluator.traceheader import TraceHeader
from evaluator.worlds import read_trace, write_trace

SEED = b"0123456789abcdef"

ODD = """
def score(event, user):
    return event.mean - user.errors * event.variance + 0.3 * event.organiser_won


def doubt(first, second, user):
    return 0.5 + user.surprise - user.asked - (first.mean - second.mean)
"""


def learner() -> PolicySource:
    found = load_rule(LEARNER)
    assert isinstance(found, PolicySource)
    return found


@pytest.fixture(scope="module")
def year() -> Instance:
    return generate("engineer", SEED, Rules(rounds=60))


# -- a year is lived once for all texts --------------------------------------------------------


@pytest.mark.parametrize("text", [learner().text, ODD], ids=["learner", "odd"])
def test_a_recalled_year_gives_the_trace_that_living_it_gives(year: Instance, text: str) -> None:
    """The lane ``python`` lives it, ``pure`` recalls it: the same bytes."""
    policy = read_policy(text, "p")
    lived = WORLD.simulate(year, policy, lane="python")
    assert WORLD.simulate(year, policy).digest == lived.digest
    assert WORLD.simulate(year, policy).digest == lived.digest


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_mutants_decide_alike_in_both_lanes(seed: int) -> None:
    year = generate("engineer", b"fedcba9876543210", Rules(rounds=12))
    rng = np.random.Generator(np.random.Philox(seed))
    text = mutate(learner(), rng, read_policy(ODD))
    try:
        lived = simulate(year, Scored(text, "engineer"))
    except PolicyError as error:
        with pytest.raises(PolicyError, match=re.escape(str(error))):
            recall(year, text, Years())
    else:
        assert recall(year, text, Years()).digest == lived.digest


def test_what_a_text_is_shown_in_a_round_is_older_than_its_choice(year: Instance) -> None:
    """Two years that part in round 30 look alike up to that round, and not beyond."""
    rank = year.rank.copy()
    low, high = int(year.offset[30]), int(year.offset[31])
    rank[low:high] = (rank[low:high] + 1) % (high - low)
    one, two = Years().of(year), Years().of(replace(year, rank=rank))
    assert one[:31] == two[:31]
    assert one[31:] != two[31:]


def test_no_more_years_are_kept_than_allowed(year: Instance) -> None:
    years = Years(kept=1)
    first = years.of(year)
    assert years.of(year) is first
    years.of(generate("engineer", b"fedcba9876543210", Rules(rounds=5)))
    assert years.of(year) is not first
    assert years.of(year) == first


def test_a_text_that_fails_has_no_score(year: Instance) -> None:
    broken = read_policy("def score(event, user):\n    return 1 / (user.round - 3)\n")
    with pytest.raises(PolicyError, match="ZeroDivisionError"):
        WORLD.simulate(year, broken)


def test_a_resolver_is_a_text_and_nothing_else(year: Instance) -> None:
    """What memory or a file hands in is checked again before it is compiled."""
    forged = PolicySource("forged", "import os\ndef score(event, user):\n    return 1\n", "score")
    with pytest.raises(SubsetError, match="only `import math`"):
        WORLD.simulate(year, forged)
    assert not hasattr(Recalled(ODD, Years().of(year)), "instance")


def test_there_is_no_general_lane(year: Instance) -> None:
    with pytest.raises(InputError, match="pure lane only"):
        WORLD.simulate(year, learner(), lane="general")
    with pytest.raises(InputError, match="pure lane only"):
        WORLD.shapes(CONFLICTS, general=True)
    with pytest.raises(SubsetError):
        read_policy("def decide(state):\n    return []\n")


# -- mutants ------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_a_mutant_is_another_text_that_reads_and_stays_small(seed: int, generations: int) -> None:
    rng = np.random.Generator(np.random.Philox(seed))
    parent, partner = learner(), read_policy(ODD, "odd")
    for number in range(generations):
        text = mutate(parent, rng, partner)
        assert normalise(text) != normalise(parent.text)
        partner, parent = parent, read_policy(text, f"m{number}")
        import ast

        assert len(sites(ast.parse(text))) <= MOST_SITES


def test_equal_seeds_give_equal_mutants() -> None:
    texts = [mutate(learner(), np.random.Generator(np.random.Philox(5))) for _ in range(2)]
    assert texts[0] == texts[1]


def test_crossover_brings_helpers_and_constants_along() -> None:
    partner = read_policy(
        "SCALE = 3\n\n\ndef bent(x):\n    return x * SCALE\n\n\n"
        "def score(event, user):\n    return bent(event.mean)\n"
    )
    own = read_policy(
        "SCALE = 7\n\n\ndef score(event, user):\n    return event.mean * SCALE\n\n\n"
        "def doubt(first, second, user):\n    return SCALE - first.mean\n"
    )
    texts = [mutate(own, np.random.Generator(np.random.Philox(k)), partner) for k in range(60)]
    crossed = [text for text in texts if "bent" in text]
    assert crossed
    assert all("SCALE_2" in text for text in crossed)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("return event.mean", '"""Words."""\n    return event.mean  # more', True),
        ("return 2 * event.mean", "return 2.0 * event.mean", True),
        ("return event.mean", "return event.prior", False),
        ("for i in range(3):\n        pass\n    return 1", "return 1.0", False),
    ],
)
def test_normal_texts_leave_out_what_decides_nothing(one: str, other: str, alike: bool) -> None:
    head = "def score(event, user):\n    "
    assert (normalise(head + one) == normalise(f"import math\n{head}{other}")) is alike


# -- other worlds -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_a_perturbed_year_is_another_valid_year(year: Instance, kind: str) -> None:
    other = perturb(year, kind, SEED)
    assert other.digest != year.digest
    assert perturb(year, kind, SEED).digest == other.digest
    trace = WORLD.simulate(other, learner())
    assert differences(measure(other, trace), replay(other, trace).metrics) == []


def test_other_tie_breaks_move_the_events_and_the_user_wants_the_same(year: Instance) -> None:
    other = perturb(year, "tie_break", SEED)
    for number in range(len(year)):
        before, after = year.events(number), other.events(number)
        assert [before[i] for i in year.order(number)] == [after[i] for i in other.order(number)]
    assert not np.array_equal(choices(year), choices(other))


def test_more_noise_and_drift_leave_the_user_who_they_are(year: Instance) -> None:
    noisy, drifting = perturb(year, "noise", SEED), perturb(year, "drift", SEED)
    assert noisy.rules.noise == 2 * year.rules.noise
    assert drifting.rules.drift == 2 * year.rules.drift
    for other in (noisy, drifting):
        assert np.array_equal(other.codes, year.codes)
        assert np.array_equal(other.phases[0].taste.main, year.phases[0].taste.main)


def test_unknown_perturbations_are_refused(year: Instance) -> None:
    with pytest.raises(InputError, match="no perturbation 'luck'; known: tie_break, noise, drift"):
        perturb(year, "luck", SEED)


# -- scenarios as text --------------------------------------------------------------------------


def test_a_scenario_survives_as_text() -> None:
    again = from_toml(CONFLICTS.text, CONFLICTS.name)
    assert again == CONFLICTS
    assert again.digest == CONFLICTS.digest
    assert to_toml(again) == CONFLICTS.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("world =", "is not TOML"),
        ("", "world: Field required"),
        ('world = "calendar"\nroles = ["king"]', "roles: no role 'king'"),
        ('world = "calendar"\nknown = ["sjf"]', "known: no rule 'sjf'"),
        ('world = "calendar"\nlevel = 3', "level: Extra inputs"),
        ('world = "calendar"\n[rules]\nrounds = 0', "rules.rounds: .*greater than or equal to 1"),
        ('world = "calendar"\n[objective]\nmetric = "luck"', "objective.metric: no metric 'luck'"),
        ('world = "calendar"\n[splits]\ntrain = 0', "splits.train"),
    ],
)
def test_a_wrong_file_is_answered_with_field_and_rule(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        from_toml(text, "mine")
    assert "\n" not in str(caught.value)


def test_parts_of_a_cluster_cannot_be_put_into_a_calendar() -> None:
    with pytest.raises(InputError, match=r"--workload 'jobs\.swf' replaces a part of a cluster"):
        WORLD.load_scenario(CONFLICTS.name, workload=Path("jobs.swf"))


# -- stored traces ------------------------------------------------------------------------------


def stored(path: Path) -> bytes:
    scenario = replace(CONFLICTS, rules=Rules(rounds=25))
    instance = scenario.instance("test", 3, SEED)
    policy = learner()
    trace = WORLD.simulate(instance, policy)
    header = TraceHeader.of(
        instance, seed=SEED, policy_text=policy.text, metrics=measure(instance, trace),
        scenario=scenario.name, scenario_text=scenario.text, scenario_digest=scenario.digest,
        split="test", index=3, policy=policy.name, lane="pure", objective="cost",
    )  # fmt: skip
    write_trace(WORLD, path, trace, header)
    return path.read_bytes()


def test_a_stored_year_is_made_again_and_scores_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    content = stored(path)
    opened = read_trace(path)
    assert opened.world is WORLD
    instance = WORLD.problem(opened.stored)
    found = WORLD.replay(instance, opened.stored.trace)
    assert found.count == 0
    assert found.metrics == opened.stored.header.metrics
    assert stored(path) == content
    assert hashlib.sha256(opened.stored.header.policy_text.encode()).hexdigest() == learner().digest


def test_every_flipped_byte_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    content = stored(path)
    body = int.from_bytes(content[-56:-48], "little")
    places = set()
    for at in range(0, len(content), 7):
        wrong = bytearray(content)
        wrong[at] ^= 4
        path.write_bytes(wrong)
        with pytest.raises(TraceError) as caught:
            read_trace(path)
        if at < body:
            assert f"byte {at} is 0x{wrong[at]:02x}, was 0x{content[at]:02x}" in str(caught.value)
            places.add(str(caught.value).rpartition(": ")[2].partition(",")[0].partition(" (")[0])
    assert {"header", "column 'trace.order'", "column 'trace.confidence'"} <= places


def test_a_year_that_comes_out_otherwise_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    stored(path)
    opened = read_trace(path)
    header = opened.stored.header.model_copy(update={"index": 4, "code_version": "0.1"})
    write_trace(WORLD, path, opened.stored.trace, header)
    with pytest.raises(TraceError, match=r"replay it with version 0\.1"):
        WORLD.problem(read_trace(path).stored)


# -- words and pictures -------------------------------------------------------------------------


def test_a_proposer_is_told_the_rules_and_nothing_of_a_user(year: Instance) -> None:
    text = facts(CONFLICTS)
    assert "500 rounds" in text
    assert "25 % of the weights change" in text
    assert not re.search(r"p\d\d|seed|type=", text)


def test_a_diagnosis_counts_errors_and_questions(year: Instance) -> None:
    trace = WORLD.simulate(year, learner())
    metrics = measure(year, trace)
    text = diagnose(year, trace)
    assert f"cost {metrics['cost']:.3f}" in text
    assert f"of {round(metrics['questions'] * 60)} questions" in text
    assert "| after the change | 15 |" in text


def test_the_learning_curve_ends_at_the_mean_of_the_last_rounds(year: Instance) -> None:
    trace = WORLD.simulate(year, learner())
    rounds, wrong, asked = curves(year, trace)
    missed = trace.order[year.offset[:-1]] != choices(year)
    assert rounds[-1] == 60
    assert wrong[-1] == pytest.approx(missed[-50:].mean())
    assert asked[0] == float(trace.asked[0])
    assert draw(year, trace, "A <curve>").startswith("<svg")
    assert "&lt;curve&gt;" in draw(year, trace, "A <curve>")


@pytest.mark.parametrize("width", [20, 60, 200])
def test_a_sketch_keeps_to_its_width(year: Instance, width: int) -> None:
    lines = sketch(year, WORLD.simulate(year, learner()), width, unicode=False)
    assert len(lines) == 3
    assert all(line.isascii() for line in lines)
    assert all(len(line) <= max(width, 40) for line in lines)
