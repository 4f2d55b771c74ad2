"""A conformance suite: what every ``MemoryStore`` must do.

Subclass it in a test module and give it a fixture ``store``, open and empty:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self, tmp_path):
            ...
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluator.calendar import PreferenceLearner
from evaluator.gate import Verdict
from memory import (
    EvidenceFile,
    MemoryStore,
    StoreError,
    add_accepted,
    add_candidate,
    add_lesson,
    best_policy,
    export,
    forget,
    import_,
    lessons_for,
    list_policies,
    record,
    restore,
    retire,
    show,
    verify,
)
from memory.audit import changes
from memory.decisions import explain, learn_from, record_decision, undo_decision
from memory.errors import Ambiguous, Conflict, NotFound
from memory.features import Features
from memory.preferences import (
    list_preferences,
    load_learner,
    restore_preference,
    state_preference,
    withdraw_preference,
)
from memory.records import (
    TABLES,
    CandidateRecord,
    DecisionRecord,
    EvaluationRecord,
    EvidenceRecord,
    PolicyRecord,
    Record,
    RunRecord,
)
from memory.samples import (
    CONTEXT,
    MOMENT,
    accept,
    accepting_verdict,
    evidence_files,
    one_of_each,
    replay_text,
    source,
)


def refused(error: type[Exception], call: Callable[[], object]) -> str:
    """Return the message of the error that a call must raise."""
    try:
        call()
    except error as raised:
        return str(raised)
    raise AssertionError(f"{error.__name__} was not raised")


class StoreConformance:
    """The suite; ``store`` is a fixture of the subclass."""

    # -- the store -----------------------------------------------------------------------------

    def test_every_kind_comes_back_exactly(self, store: MemoryStore) -> None:
        """Values, the last bit of floats, infinities, nested JSON, and UTC times."""
        records = one_of_each()
        assert [type(item) for item in records] == list(TABLES.values())
        with store.write() as writer:
            for item in records:
                writer.put(item)
        with store.read() as reader:
            for item in records:
                found = reader.get(type(item), item.id)
                assert found == item
                for field in fields(item):
                    assert repr(_utc(getattr(found, field.name))) == repr(
                        _utc(getattr(item, field.name))
                    )

    def test_put_replaces_the_record_of_equal_id(self, store: MemoryStore) -> None:
        """The last one stands, once."""
        decision = one_of_each()[8]
        assert isinstance(decision, DecisionRecord)
        with store.write() as writer:
            writer.put(decision)
            writer.put(replace(decision, answer="yes"))
            assert writer.find(DecisionRecord) == (replace(decision, answer="yes"),)

    def test_find_filters_and_orders_by_id(self, store: MemoryStore) -> None:
        """By code point, whatever the database's collation; None is a value."""
        run = one_of_each()[1]
        assert isinstance(run, RunRecord)
        ids = ["b", "a", "A", "a-1", "a1", "ä", "Z"]
        with store.write() as writer:
            for id in ids:
                writer.put(replace(run, id=id, finished=None if id < "a" else MOMENT))
        with store.read() as reader:
            assert [item.id for item in reader.find(RunRecord)] == sorted(ids)
            unfinished = reader.find(RunRecord, finished=None, scenario="hetero-gpu")
            assert [item.id for item in unfinished] == ["A", "Z"]
            assert reader.find(RunRecord, scenario="other") == ()

    def test_starting_takes_the_prefix_literally(self, store: MemoryStore) -> None:
        """No wildcards, and case matters."""
        run = one_of_each()[1]
        assert isinstance(run, RunRecord)
        with store.write() as writer:
            for id in ("ab", "Ab", "a%", "a_", "b"):
                writer.put(replace(run, id=id))
            assert [item.id for item in writer.starting(RunRecord, "a")] == ["a%", "a_", "ab"]
            assert [item.id for item in writer.starting(RunRecord, "a%")] == ["a%"]
            assert [item.id for item in writer.starting(RunRecord, "a_")] == ["a_"]

    def test_an_error_leaves_nothing_of_the_block(self, store: MemoryStore) -> None:
        """All or nothing, and the store goes on working."""
        context, run, *_ = one_of_each()

        def fail() -> None:
            with store.write() as writer:
                writer.put(context)
                writer.put(run)
                raise KeyError("half way")

        assert "half way" in refused(KeyError, fail)
        with store.write() as writer:
            assert writer.get(Features, context.id) is None
            writer.put(run)
        with store.read() as reader:
            assert reader.get(RunRecord, run.id) == run

    def test_a_reader_sees_one_moment(self, store: MemoryStore) -> None:
        """What is written meanwhile is not seen; what was there still is."""
        context, run, *_ = one_of_each()
        with store.write() as writer:
            writer.put(context)
        with store.read() as reader:
            assert reader.get(Features, context.id) == context
            with store.write() as writer:
                writer.delete(Features, context.id)
                writer.put(run)
            assert reader.get(Features, context.id) == context
            assert reader.get(RunRecord, run.id) is None

    def test_references_hold(self, store: MemoryStore) -> None:
        """No evidence without its policy, no policy without its context."""
        context, *_ = records = one_of_each()
        policy, evidence = records[4], records[5]

        def put(*items: Record) -> None:
            with store.write() as writer:
                for item in items:
                    writer.put(item)

        assert "store it first" in refused(Conflict, lambda: put(context, evidence))
        assert "store it first" in refused(Conflict, lambda: put(policy))
        put(context, policy, evidence)

        def drop_context() -> None:
            with store.write() as writer:
                writer.delete(Features, context.id)

        assert "still used in policies" in refused(Conflict, drop_context)
        with store.write() as writer:
            writer.delete(PolicyRecord, policy.id)
            assert writer.find(EvidenceRecord) == ()

    def test_deleting_a_run_deletes_what_hangs_on_it(self, store: MemoryStore) -> None:
        """Candidates and, in turn, their evaluations; deleting twice does nothing."""
        records = one_of_each()
        with store.write() as writer:
            for item in records[:4]:
                writer.put(item)
            writer.delete(RunRecord, "run-1")
            writer.delete(RunRecord, "run-1")
            assert writer.find(CandidateRecord) == ()
            assert writer.find(EvaluationRecord) == ()

    def test_values_that_no_database_keeps_are_refused(self, store: MemoryStore) -> None:
        """By name of the field, and the same ones everywhere."""
        run = one_of_each()[1]
        assert isinstance(run, RunRecord)
        for change, rule in (
            ({"outcome": "a\0b"}, "outcome must be text"),
            ({"outcome": "\ud800"}, "outcome must be text"),
            ({"cost": math.nan}, "cost must be finite"),
            ({"started": datetime(2026, 1, 1)}, "started must have a time zone"),
        ):
            bad: Any = replace(run, **change)

            def put(item: Record = bad) -> None:
                with store.write() as writer:
                    writer.put(item)

            assert rule in refused(Conflict, put)

    # -- the verbs -----------------------------------------------------------------------------

    def test_an_accepted_policy_is_kept_with_its_evidence(
        self, store: MemoryStore, tmp_path: Path
    ) -> None:
        """The run folder may go: the vault holds copies under their digests."""
        files = tmp_path / "run"
        files.mkdir()
        kept = accept(store, files)
        for file in files.iterdir():
            file.unlink()
        shown = show(store, kept.id[:8])
        assert shown.policy == kept
        assert shown.context == CONTEXT
        assert [item.by for item in shown.evidence] == ["", "sjf"] * 3
        assert all(store.vault.holds(item.trace) for item in shown.evidence)
        assert [change.verb for change in shown.changes] == ["accept"]
        assert kept.pairs == 3
        assert kept.source() == source()
        assert kept.judged() == accepting_verdict()

    def test_what_the_gate_refused_is_not_accepted(
        self, store: MemoryStore, tmp_path: Path
    ) -> None:
        """Nor is a policy whose evidence does not cover the comparison."""
        policy, verdict = source(), accepting_verdict()
        files = evidence_files(tmp_path, policy)

        def add(verdict: Verdict, files: list[EvidenceFile]) -> PolicyRecord:
            return add_accepted(
                store, policy, verdict, files, CONTEXT, scenario="s", scenario_digest="d"
            )

        no = replace(verdict, accepted=False, reasons=("too slow",))
        assert "too slow" in refused(Conflict, lambda: add(no, files))
        assert "on the same test instances" in refused(Conflict, lambda: add(verdict, files[:3]))
        assert "on the same test instances" in refused(Conflict, lambda: add(verdict, []))
        gone = [replace(files[0], path=tmp_path / "gone"), *files[1:]]
        assert "gone" in refused(StoreError, lambda: add(verdict, gone))
        assert list_policies(store) == ()
        assert changes(store) == ()
        assert store.vault.digests() == ()

    def test_retire_and_restore(self, store: MemoryStore, tmp_path: Path) -> None:
        """A policy keeps its evidence through both, and the trail tells the reasons."""
        kept = accept(store, tmp_path)
        retire(store, kept.id, "too eager")
        assert best_policy(store, CONTEXT).policy is None
        assert "retired" in refused(Conflict, lambda: retire(store, kept.id, "again"))
        back = restore(store, kept.id, "after all")
        assert (back.status, back.reason) == ("accepted", "after all")
        found = best_policy(store, CONTEXT).policy
        assert found is not None
        assert found.id == kept.id
        assert "cannot restore" in refused(Conflict, lambda: restore(store, kept.id))
        shown = show(store, kept.id)
        assert len(shown.evidence) == 6
        assert [change.verb for change in shown.changes] == ["accept", "retire", "restore"]
        assert shown.changes[1].detail == {"from": "accepted", "reason": "too eager"}

    def test_accepting_anew_does_not_undo_a_retirement(
        self, store: MemoryStore, tmp_path: Path
    ) -> None:
        """What a user decided stands; the newer evidence takes the place of the older."""
        kept = accept(store, tmp_path)
        retire(store, kept.id, "too eager")
        again = accept(store, tmp_path)
        assert (again.status, again.reason) == ("retired", "too eager")
        assert len(show(store, kept.id).evidence) == 6
        assert len(list_policies(store)) == 1

    def test_a_candidate_is_not_retrieved(self, store: MemoryStore) -> None:
        """It is listed by its status, and restored to it."""
        kept = add_candidate(store, source(), CONTEXT, scenario="s", scenario_digest="d")
        assert add_candidate(store, source(), CONTEXT, scenario="s", scenario_digest="d") == kept
        assert list_policies(store, status="candidate") == (kept,)
        assert list_policies(store, status="accepted") == ()
        assert list_policies(store, scenario="s") == (kept,)
        assert best_policy(store, CONTEXT).policy is None
        retire(store, kept.id, "no")
        assert restore(store, kept.id).status == "candidate"

    def test_forget_deletes_what_only_that_policy_needed(
        self, store: MemoryStore, tmp_path: Path
    ) -> None:
        """Evidence shared with another policy stays; the trail keeps the id, not the text."""
        one, two = accept(store, tmp_path, 1), accept(store, tmp_path, 2)
        shared = {item.trace for item in show(store, two.id).evidence}
        forget(store, one.id)
        assert set(store.vault.digests()) == shared
        assert "no policies" in refused(NotFound, lambda: show(store, one.id))
        trail = changes(store, one.id)
        assert [change.verb for change in trail] == ["accept", "forget"]
        assert one.text not in repr(trail)
        forget(store, two.id)
        assert store.vault.digests() == ()
        with store.read() as reader:
            assert reader.find(Features) == ()

    def test_a_prefix_must_name_one(self, store: MemoryStore, tmp_path: Path) -> None:
        """The message lists the candidates; the empty prefix names nothing."""
        for number in range(17):
            add_candidate(store, source(number), CONTEXT, scenario="s", scenario_digest="d")
        first: dict[str, int] = {}
        for item in list_policies(store):
            first[item.id[0]] = first.get(item.id[0], 0) + 1
        double = next(letter for letter, count in first.items() if count > 1)
        assert "give more of it" in refused(Ambiguous, lambda: show(store, double))
        assert "no policies" in refused(NotFound, lambda: show(store, ""))

    def test_a_lesson_learnt_twice_counts_twice(self, store: MemoryStore) -> None:
        """Own lessons first, then the nearest contexts; those out of reach stay away."""
        near, far = replace(CONTEXT, load=1.0), replace(CONTEXT, nodes=36_000)
        add_lesson(store, "timeout", "near", scenario="b", context=near)
        add_lesson(store, "timeout", "far", scenario="c", context=far)
        add_lesson(store, "timeout", "own once", scenario="a")
        for _ in range(2):
            twice = add_lesson(store, "NaN", "own\0 twice", scenario="a", context=CONTEXT)
        assert twice.times == 2
        assert twice.text == "own� twice"
        found = [item.text for item in lessons_for(store, CONTEXT, 9, scenario="a")]
        assert found == ["own� twice", "own once", "near"]
        assert len(lessons_for(store, CONTEXT, 1, scenario="a")) == 1
        forget(store, twice.id)
        assert len(lessons_for(store, CONTEXT, 9, scenario="a")) == 2

    def test_plain_records_are_stored_together(self, store: MemoryStore) -> None:
        """In any order, once; kinds with verbs of their own are refused."""
        _, run, candidate, evaluation, policy, *_ = one_of_each()
        assert isinstance(run, RunRecord)
        assert isinstance(candidate, CandidateRecord)
        assert isinstance(evaluation, EvaluationRecord)
        for _ in range(2):
            record(store, evaluation, candidate, run)
        assert [change.verb for change in changes(store)] == ["record"]
        bad: Any = policy
        assert "own verbs" in refused(Conflict, lambda: record(store, bad))

    def test_evidence_that_replays_verifies(self, store: MemoryStore, tmp_path: Path) -> None:
        """And evidence that does not marks the policy broken until it does again."""
        kept = accept(store, tmp_path)
        report = verify(store, kept.id, replay_text)
        assert report.holds
        assert report.policy.verified is not None
        victim = store.vault.path(show(store, kept.id).evidence[0].trace)
        sound = victim.read_bytes()
        for damage, problem in ((b"", "damaged"), (None, "missing")):
            victim.unlink() if damage is None else victim.write_bytes(damage)
            report = verify(store, kept.id, replay_text)
            assert not report.holds
            assert problem in report.problems[0].problem
            assert problem in report.policy.broken
            assert best_policy(store, CONTEXT).policy is None
        victim.write_bytes(sound)
        assert verify(store, kept.id, replay_text).policy.broken == ""
        assert best_policy(store, CONTEXT).policy is not None
        verbs = [change.verb for change in changes(store, kept.id)]
        assert verbs == ["accept", "break", "mend"]

    def test_export_and_import_carry_everything(self, store: MemoryStore, tmp_path: Path) -> None:
        """The same bytes twice; forgetting and importing brings it back; twice is once."""
        kept = accept(store, tmp_path)
        add_lesson(store, "timeout", "no loops", scenario="a", context=CONTEXT)
        record(store, *(item for item in one_of_each() if isinstance(item, RunRecord)))
        first, second = tmp_path / "1.tar.gz", tmp_path / "2.tar.gz"
        done = export(store, first)
        export(store, second)
        assert first.read_bytes() == second.read_bytes()
        assert done.traces == 6
        before = show(store, kept.id)
        forget(store, kept.id)
        came = import_(store, first)
        assert came.traces == 6
        assert came.added >= 1
        after = show(store, kept.id)
        assert (after.policy, after.evidence) == (before.policy, before.evidence)
        assert verify(store, kept.id, replay_text).holds
        trail = len(changes(store))
        again = import_(store, first)
        assert (again.added, again.updated, again.traces) == (0, 0, 0)
        assert len(changes(store)) == trail

    # -- preferences ---------------------------------------------------------------------------

    def test_preferences_are_stated_withdrawn_and_restored(self, store: MemoryStore) -> None:
        """Each change decides anew, and the trail tells them."""
        events = [{"type": "vendor"}, {"type": "team"}]
        said = state_preference(store, "type=vendor", "avoid", text="no vendors")
        assert load_learner(store).prefer(events).order == (1, 0)
        state_preference(store, "type=vendor", "prefer")
        assert load_learner(store).prefer(events).order == (0, 1)
        withdraw_preference(store, said.id[:9], "enough")
        assert load_learner(store).stated == []
        assert list_preferences(store) == ()
        assert "cannot withdraw" in refused(Conflict, lambda: withdraw_preference(store, said.id))
        restore_preference(store, said.id)
        assert list_preferences(store)[0].preference.id == said.id
        verbs = [change.verb for change in changes(store, said.id)]
        assert verbs == ["state", "state", "withdraw", "restore"]

    def test_what_was_learnt_is_kept_exactly_and_can_be_undone(self, store: MemoryStore) -> None:
        """A learner read back goes on to the last bit; an undone decision leaves no trace."""
        events = [{"type": "vendor", "topic": "hiring"}, {"type": "team", "topic": "budget"}]
        direct = PreferenceLearner()
        for number in range(4):
            found = load_learner(store).prefer(events)
            decision = record_decision(
                store, subject=f"clash {number}", action="attended", candidates=events,
                preference=found,
            )  # fmt: skip
            learn_from(store, decision.id, 1)
            direct.learn(events, 1, decision.id)
            assert load_learner(store).judge(events) == direct.judge(events)
        before = load_learner(store).judge(events)
        slip = record_decision(store, subject="slip", action="attended", candidates=events)
        learn_from(store, slip.id, 0)
        assert load_learner(store).judge(events) != before
        assert "undo it first" in refused(Conflict, lambda: learn_from(store, slip.id, 1))
        undo_decision(store, slip.id)
        assert load_learner(store).judge(events) == before
        assert explain(store, decision.id).reasons

    def test_import_never_undoes_a_later_status(self, store: MemoryStore, tmp_path: Path) -> None:
        """What was retired after the export stays retired."""
        kept = accept(store, tmp_path)
        export(store, tmp_path / "old")
        retire(store, kept.id, "later")
        import_(store, tmp_path / "old")
        assert show(store, kept.id).policy.status == "retired"
        export(store, tmp_path / "new")
        restore(store, kept.id)
        import_(store, tmp_path / "new")
        assert show(store, kept.id).policy.status == "accepted"


def _utc(value: object) -> object:
    """Equal moments are the same time, in whatever zone they were said."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


__all__ = ["StoreConformance"]
