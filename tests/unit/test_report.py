import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from test_evolve import config, mutation, small_scenario

from agentsched.evolution import loop
from agentsched.evolution.lineage import lineage_svg
from agentsched.evolution.loop import evolve
from agentsched.evolution.report import code_diff, headline, markdown_report, unopened
from agentsched.evolution.report_html import html_report
from agentsched.evolution.run import Run


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "HANDLER", "fake_world:open_runner")
        return evolve(
            config(tmp_path_factory.mktemp("runs"), 24), mutation, scenario=small_scenario()
        )


@pytest.fixture(scope="module")
def page(outcome):
    return (outcome.run / "report.html").read_text()


def test_the_headline_is_the_verdict_in_one_sentence(outcome):
    said = headline(outcome.state)
    assert outcome.accepted in said
    assert outcome.verdicts[outcome.accepted].reference in said


def test_without_a_shortlist_the_headline_does_not_speak_of_what_validation_said(outcome):
    state = replace(outcome.state, verdicts={}, finished=None, finals={})
    assert "no proposal came as far as validation" in headline(state)


def test_the_page_needs_nothing_from_outside(page):
    assert not re.search(r'(src|href)\s*=\s*"(?!#)', page)
    assert "<script" not in page
    assert "@import" not in page


def test_the_page_has_curve_front_tree_gate_diff_and_gantt(page, outcome):
    for wanted in ("Best candidate", "Gate", "Candidate tree", "Difference to", "on test instance"):
        assert wanted in page
    assert page.count("<h3>") == len(outcome.verdicts)


def test_every_drawing_is_well_formed(page):
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(drawings) >= 4
    for drawing in drawings:
        ElementTree.fromstring(drawing)


def test_the_tree_shows_every_member_and_a_line_to_each_parent(outcome):
    tree = lineage_svg(outcome.state)
    assert tree.count("<circle") == len(outcome.state.known) + len(outcome.state.members)
    assert tree.count("<path") == len(outcome.state.members)


def test_code_that_looks_like_markup_is_shown_not_obeyed(outcome, tmp_path):
    state = outcome.state
    name = outcome.accepted
    member = state.members[name]
    try:
        state.members[name] = replace(member, text="x = 1 < 2  # </pre><script>alert(1)</script>")
        with Run.open(outcome.run) as run:
            page = html_report(run, state, outcome.scenario)
        assert "<script" not in page
        assert "&lt;script&gt;" in page
    finally:
        state.members[name] = member


def test_the_markdown_has_a_row_for_every_condition_of_the_gate(outcome):
    with Run.open(outcome.run) as run:
        text = markdown_report(run, outcome.state, outcome.scenario)
    verdict = outcome.verdicts[outcome.accepted]
    rows = len(verdict.comparisons) + len(verdict.guards) + len(verdict.robustness) + 1
    section = text.split(f"**{outcome.accepted}**")[1].split("\n\n")[1]
    assert len(section.splitlines()) == rows + 2


def test_the_diff_leads_from_the_rival_to_the_accepted_one(outcome):
    lines = code_diff(outcome.state).splitlines()
    assert lines[0].startswith("--- ")
    assert lines[1] == f"+++ {outcome.accepted}"


def test_without_a_finalist_every_shortlisted_one_has_a_row_that_says_why(outcome):
    state = replace(
        outcome.state,
        verdicts={},
        finalists=(),
        finished={"e": "finished", "accepted": None},
        finals=dict(outcome.state.finals),
    )
    worst = {
        key: event
        for key, event in state.finals.items()
        if key[0] == "validation" and key[1] not in state.known
    }
    rival = state.finals["validation", state.final_reference]
    metric = state.goal.metric
    poorer = 2.0 if state.goal.sense == "min" else 0.5
    rows = [{**row, metric: row[metric] * poorer} for row in rival["metrics"]]
    for key, event in worst.items():
        state.finals[key] = {**event, "metrics": rows, "failed": None}
    missed = unopened(state)
    assert [row[0] for row in missed.rows] == [who for _, who in worst]
    assert worst
    for row in missed.rows:
        assert row[1] == f"best known {state.final_reference}"
        assert row[2].startswith("-")
        assert row[-1].startswith("no: no gain")
    with Run.open(outcome.run) as run:
        text = markdown_report(run, state, outcome.scenario)
        page = html_report(run, state, outcome.scenario)
    for row in missed.rows:
        assert " | ".join(row[:4]) in text
        assert f"<td>{row[2]}</td><td>{row[3]}</td>" in page


def test_without_any_candidate_the_known_rules_stand_in_the_table(outcome):
    missed = unopened(replace(outcome.state, verdicts={}, finals={}))
    assert "no candidate survived training" in missed.line
    assert {row[0] for row in missed.rows} == set(outcome.state.known)


def test_the_incumbent_is_a_rival_too_and_a_failure_is_said_instead_of_numbers(outcome):
    finals = dict(outcome.state.finals)
    lost, *others = [
        who for part, who in finals if part == "validation" and who not in outcome.state.known
    ]
    failed = {"stage": "validation", "failure": "timeout", "message": "took too long"}
    finals["validation", lost] = {**finals["validation", lost], "metrics": [], "failed": failed}
    incumbent = next(name for name in outcome.state.known if name != outcome.state.final_reference)
    missed = unopened(replace(outcome.state, finals=finals, incumbent=incumbent))
    assert others
    assert len(missed.rows) == 2 * (1 + len(others))
    for best, old in zip(missed.rows[::2], missed.rows[1::2], strict=True):
        assert best[0] == old[0]
        assert old[1] == f"incumbent {incumbent}"
        if best[0] == lost:
            assert best[2:] == old[2:] == ("", "", "", "no: validation: took too long")
        else:
            assert best[2] != old[2]
