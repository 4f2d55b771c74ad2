"""Preferences in memory: stated, learnt, withdrawn, explained, undone, carried elsewhere."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentsched.cli.preferences import app
from evaluator.calendar.rows import Row, from_rows
from evaluator.errors import InputError
from memory import MemoryStore, export, forget, import_, open_memory
from memory.audit import changes
from memory.decisions import (
    explain,
    learn_from,
    list_decisions,
    record_decision,
    redo_decision,
    relearn,
    undo_decision,
)
from memory.errors import Conflict, NotFound
from memory.inmemory import InMemory
from memory.preferences import (
    list_preferences,
    load_learner,
    propose_preference,
    restore_preference,
    state_preference,
    undo_last_change,
    withdraw_preference,
)
from memory.records import DecisionRecord, PreferenceRecord

VENDOR = {"type": "vendor", "topic": "budget", "relation": "supplier"}
REPORT = {"type": "one-to-one", "topic": "hiring", "relation": "report"}
CLASH = [VENDOR, REPORT]
LABELS = ("Vendor call", "1:1 with Ana")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    with contextlib.closing(open_memory(str(tmp_path / "memory.db"))) as store:
        yield store


def decide(store: MemoryStore, number: int = 0) -> DecisionRecord:
    preference = load_learner(store).prefer(CLASH)
    return record_decision(
        store, subject=f"clash {number}", action="declined the vendor call", candidates=CLASH,
        preference=preference, labels=LABELS,
    )  # fmt: skip


def teach(store: MemoryStore, count: int, choice: int = 1) -> list[DecisionRecord]:
    return [learn_from(store, decide(store, n).id, choice) for n in range(count)]


def rows(store: MemoryStore) -> tuple[PreferenceRecord, ...]:
    with store.read() as reader:
        return reader.find(PreferenceRecord)


def content(store: MemoryStore) -> list[tuple[object, ...]]:
    """All that was learnt, without when."""
    return [
        (r.id, r.mean, r.variance, r.support_for, r.support_against, r.details["prior"])
        for r in rows(store)
        if r.details.get("kind") == "weight"
    ]


# -- stated ----------------------------------------------------------------------------------------


def test_a_stated_preference_changes_the_next_decision_and_can_be_undone(
    store: MemoryStore,
) -> None:
    teach(store, 6)
    assert load_learner(store).prefer(CLASH).order == (1, 0)
    said = state_preference(store, "type=vendor", text="Vendors first, please")
    found = load_learner(store).prefer(CLASH)
    assert found.order == (0, 1)
    assert found.reasons[0].evidence == (said.id,)
    withdraw_preference(store, said.id, "changed my mind")
    assert load_learner(store).prefer(CLASH).order == (1, 0)
    restore_preference(store, said.id)
    assert load_learner(store).prefer(CLASH).order == (0, 1)
    trail = changes(store, said.id)
    assert [change.verb for change in trail] == ["state", "withdraw", "restore"]
    assert trail[1].detail == {"from": "active", "reason": "changed my mind"}


def test_saying_the_opposite_replaces_and_undo_brings_back(store: MemoryStore) -> None:
    said = state_preference(store, "topic=hiring, type=review", "prefer")
    other = state_preference(store, "type=review,topic=hiring", "avoid", hard=False)
    assert other.id == said.id
    assert len(rows(store)) == 1
    back = undo_last_change(store, said.id)
    assert (back.direction, back.hard, back.mean) == ("prefer", True, 1.5)
    assert changes(store, said.id)[-1].verb == "undo"


def test_undoing_a_first_statement_withdraws_it(store: MemoryStore) -> None:
    said = state_preference(store, "type=review")
    assert undo_last_change(store, said.id).status == "withdrawn"
    assert undo_last_change(store, said.id).status == "active"


def test_the_newer_of_two_stated_rules_wins(store: MemoryStore) -> None:
    state_preference(store, "relation=supplier", "avoid")
    state_preference(store, "type=vendor", "prefer")
    assert load_learner(store).prefer(CLASH).order == (0, 1)
    state_preference(store, "relation=supplier", "avoid")
    assert load_learner(store).prefer(CLASH).order == (1, 0)


def test_a_soft_wish_is_weighed_and_not_unlearnt(store: MemoryStore) -> None:
    wish = state_preference(store, "type=vendor", hard=False, weight=2.0)
    assert load_learner(store).prefer(CLASH).order == (0, 1)
    teach(store, 25)
    assert load_learner(store).prefer(CLASH).order == (1, 0)
    (kept,) = (r for r in rows(store) if r.id == wish.id)
    assert kept == wish


def test_an_expired_preference_is_not_used() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    store = InMemory(now=lambda: now)
    state_preference(store, "type=vendor", expires=now + timedelta(days=1))
    assert load_learner(store).prefer(CLASH).order == (0, 1)
    now += timedelta(days=2)
    assert load_learner(store).stated == []
    assert list_preferences(store) == ()
    (shown,) = list_preferences(store, everything=True)
    assert not shown.in_force
    with pytest.raises(InputError, match="must be in the future"):
        state_preference(store, "type=vendor", expires=now)
    store.close()


def test_placement_preferences_keep_their_hint_unread(store: MemoryStore) -> None:
    hint = {"kind": "device", "names": ["A100"], "weight": 2.0}
    said = state_preference(
        store, "prefers the  A100s", scope="placement", hard=False, weight=2.0, hint=hint
    )
    assert said.predicate == "prefers the A100s"
    (shown,) = list_preferences(store, scope="placement")
    assert shown.preference.details["hint"] == hint
    assert load_learner(store).stated == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tpye=vendor",), "no feature 'tpye'"),
        (("vendor",), "must read feature=value"),
        (("type=vendor", "hate"), "'prefer' or 'avoid'"),
    ],
)
def test_a_preference_that_cannot_be_read_is_refused(
    store: MemoryStore, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        state_preference(store, *arguments)  # type: ignore[arg-type]  # bad on purpose
    with pytest.raises(InputError, match="weight must be > 0"):
        state_preference(store, "type=vendor", weight=-1.0)
    with pytest.raises(InputError, match="1 to 200 characters"):
        state_preference(store, " ", scope="placement")
    assert rows(store) == ()
    assert changes(store) == ()


# -- learnt ----------------------------------------------------------------------------------------


def test_what_is_learnt_is_listed_with_the_decisions_behind_it(store: MemoryStore) -> None:
    decisions = teach(store, 12)
    listed = {item.preference.predicate: item for item in list_preferences(store)}
    shown = listed["type=vendor"]
    assert shown.preference.direction == "avoid"
    assert shown.preference.source == "inferred"
    assert shown.preference.support_against == 12
    assert [item.id for item in shown.decisions] == [d.id for d in decisions[-5:]]
    assert decisions[-1].learnt == 12


def test_a_saved_learner_goes_on_as_the_one_in_memory(store: MemoryStore) -> None:
    teach(store, 8)
    assert load_learner(store).rounds == 8
    direct = load_learner(store)
    for record in teach(store, 3):
        direct.learn(CLASH, 1, record.id)
    assert direct.judge(CLASH) == load_learner(store).judge(CLASH)


def test_an_undone_decision_was_never_learnt(store: MemoryStore, tmp_path: Path) -> None:
    kept = teach(store, 4)
    before = content(store)
    slip = teach(store, 1, choice=0)[0]
    assert content(store) != before
    assert undo_decision(store, slip.id).learnt == 0
    assert content(store) == before
    redo_decision(store, slip.id)
    assert content(store) != before
    undo_decision(store, slip.id)
    undo_decision(store, kept[0].id)
    assert load_learner(store).beliefs.weight("type=vendor").support_against == 3
    with pytest.raises(Conflict, match="nothing to undo"):
        undo_decision(store, slip.id)
    with pytest.raises(Conflict, match="learnt from already"):
        learn_from(store, kept[1].id, 1)


def test_forgetting_a_decision_and_learning_anew_unlearns_it(store: MemoryStore) -> None:
    first, _second = teach(store, 2)
    forget(store, first.id)
    assert relearn(store) == 1
    assert load_learner(store).beliefs.weight("type=vendor").support_against == 1


def test_a_withdrawn_inference_no_longer_counts(store: MemoryStore) -> None:
    teach(store, 12)
    listed = {item.preference.predicate: item.preference for item in list_preferences(store)}
    for predicate in list(listed):
        withdraw_preference(store, listed[predicate].id)
    learner = load_learner(store)
    assert "type=vendor" in learner.beliefs.muted
    assert all(r.predicate != "type=vendor" for r in learner.prefer(CLASH).reasons)
    teach(store, 2)
    (kept,) = (r for r in rows(store) if r.id == listed["type=vendor"].id)
    assert kept.status == "withdrawn"
    assert kept.support_against == 12
    restore_preference(store, kept.id)
    assert "type=vendor" not in load_learner(store).beliefs.muted


def test_a_withdrawn_rule_is_not_induced_again(store: MemoryStore) -> None:
    """One that the learner found stands in the table as a rule; withdrawing bars it."""
    row = Row("rule", "type=vendor", 0, -1.0, 0.0, 9, 0, "inferred", (), {"nats": 6.0})
    from memory.learnt import record_of

    with store.write() as writer:
        writer.put(record_of(row, "calendar", store.now(), None))
    (rule,) = list_preferences(store)
    assert rule.strength == "rule"
    assert rule.preference.text == "type vendor always comes last"
    assert load_learner(store).prefer(CLASH).order == (1, 0)
    withdraw_preference(store, rule.preference.id)
    learner = load_learner(store)
    assert learner.inducer.rules == []
    assert learner.inducer.barred == {"type=vendor"}


def test_a_proposal_of_a_model_is_tried_kept_and_withdrawn(store: MemoryStore) -> None:
    made = propose_preference(store, "topic=hiring,type=one-to-one", mean=1.0)
    assert (made.source, made.predicate) == ("model", "type=one-to-one,topic=hiring")
    assert list_preferences(store) == ()
    with pytest.raises(InputError, match="on trial already"):
        propose_preference(store, "type=one-to-one,topic=hiring")
    for number in range(14):
        # everything else is the same: only this pair of values foretells the choice
        events = [{"type": "one-to-one", "topic": "sales"}, {"type": "team", "topic": "hiring"}]
        events.append({"type": "one-to-one", "topic": "hiring"})
        found = record_decision(store, subject=f"n{number}", action="a", candidates=events)
        learn_from(store, found.id, 2)
    (trial,) = load_learner(store).trials
    assert trial.pairs > 0
    withdraw_preference(store, made.id)
    assert load_learner(store).trials[0].status == "withdrawn"
    again = propose_preference(store, "type=one-to-one,topic=hiring")
    assert again.id != made.id
    relearn(store)
    assert [item.open for item in load_learner(store).trials].count(True) == 1
    restore_preference(store, made.id)
    assert load_learner(store).trials[0].status == trial.status


def test_learning_is_all_or_nothing(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(store, 2)
    decision = decide(store)
    before, trail = rows(store), len(changes(store))

    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("memory.decisions.save_learner", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        learn_from(store, decision.id, 1)
    assert rows(store) == before
    assert len(changes(store)) == trail
    assert list_decisions(store)[0].answer == ""


def test_rows_that_were_damaged_are_named() -> None:
    row = Row("weight", "type=a", 0, 0.0, 1.0, 0, 0, "inferred", (), {})
    with pytest.raises(InputError, match="'type=a' cannot be read back"):
        from_rows([row])


def test_bad_choices_leave_the_decision_open(store: MemoryStore) -> None:
    decision = decide(store)
    with pytest.raises(InputError, match="candidates 0 to 1"):
        learn_from(store, decision.id, 7)
    other = record_decision(store, subject="nightly run", action="moved", why="full")
    with pytest.raises(Conflict, match="was not between events"):
        learn_from(store, other.id, 0)
    with pytest.raises(NotFound, match="no decisions"):
        learn_from(store, "nope", 0)
    with pytest.raises(InputError, match="as many labels"):
        record_decision(store, subject="x", action="y", candidates=CLASH, labels=["one"])
    assert list_decisions(store, about="CLASH")[0].learnt == 0


# -- explained -------------------------------------------------------------------------------------


def test_why_cites_decisions_and_says_what_would_flip_it(store: MemoryStore) -> None:
    teach(store, 6)
    state_preference(store, "type=vendor", "avoid", text="no vendor calls if I can help it")
    found = explain(store, decide(store).id[:10])
    assert "declined the vendor call" in found.text
    assert "'1:1 with Ana' rather than 'Vendor call'" in found.text
    assert "the rule you stated on type vendor ('Vendor call') decides" in found.text
    assert "you said: no vendor calls if I can help it" in found.text
    assert "would have flipped if" in found.text
    assert "'1:1 with Ana' had type vendor (it has one-to-one)" in found.text
    assert [item.subject for item in found.cited] == [f"clash {n}" for n in range(1, 6)]
    assert found.stated[0].predicate == "type=vendor"


def test_an_explanation_outlives_its_evidence(store: MemoryStore) -> None:
    teach(store, 3)
    decision = decide(store)
    for item in list_decisions(store):
        if item.id != decision.id:
            forget(store, item.id)
    assert explain(store, decision.id).cited == ()


# -- carried ---------------------------------------------------------------------------------------


def test_an_export_carries_preferences_and_decisions(store: MemoryStore, tmp_path: Path) -> None:
    teach(store, 5)
    state_preference(store, "prefers A100", scope="placement", hint={"kind": "device"})
    export(store, tmp_path / "out.tar.gz")
    other = InMemory()
    import_(other, tmp_path / "out.tar.gz")
    assert rows(other) == rows(store)
    assert load_learner(other).judge(CLASH) == load_learner(store).judge(CLASH)
    assert import_(other, tmp_path / "out.tar.gz").added == 0
    other.close()


def test_an_import_takes_the_newer_preference(store: MemoryStore, tmp_path: Path) -> None:
    said = state_preference(store, "type=vendor", "prefer")
    export(store, tmp_path / "old")
    withdraw_preference(store, said.id)
    export(store, tmp_path / "new")
    import_(store, tmp_path / "old")
    assert rows(store)[0].status == "withdrawn"
    other = InMemory()
    import_(other, tmp_path / "old")
    assert import_(other, tmp_path / "new").updated == 1
    assert rows(other)[0].status == "withdrawn"
    other.close()


# -- the command line ------------------------------------------------------------------------------


def test_the_commands_state_list_explain_and_withdraw(tmp_path: Path) -> None:
    url = str(tmp_path / "cli.db")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--memory", url])
        assert done.exit_code == 0, done.output
        return done.output

    assert "no preferences in" in run()
    made = json.loads(run("state", "type=vendor", "avoid", "--text", "no vendors", "--json"))
    assert made["direction"] == "avoid"
    assert "no vendors" in run()
    (listed,) = json.loads(run("list", "--json"))
    assert (listed["strength"], listed["in_force"]) == ("rule", True)
    with contextlib.closing(open_memory(url)) as store:
        decision = decide(store)
        learn_from(store, decision.id, 1)
    assert "would have flipped if" in run("why", "vendor call")
    assert json.loads(run("why", decision.id[:9], "--json"))["decision"] == decision.id
    assert "unlearnt" in run("undo", decision.id)
    assert "withdrawn" in run("withdraw", made["id"][:9])
    assert "not in use" in run("list", "--all")
    assert "active" in run("restore", made["id"][:9])
    assert "withdrawn" in run("undo", made["id"][:9])


def test_the_commands_answer_mistakes_with_the_way_out(tmp_path: Path) -> None:
    for arguments, error in (
        (["why", "the vendor"], NotFound),
        (["withdraw", "zzz"], NotFound),
        (["state", "colour=red"], InputError),
    ):
        done = CliRunner().invoke(app, [*arguments, "--memory", str(tmp_path / "cli.db")])
        assert isinstance(done.exception, error)
