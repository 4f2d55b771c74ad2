"""A preference learner in memory: its rows in the table of preferences, loaded and saved exactly.

What the user stated and what was learnt lie side by side; ``details["kind"]`` tells learnt rows
apart. The prior of the role is not stored: it is computed (``evaluator.calendar.prior``).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Final, Literal

from evaluator.calendar.beliefs import LEAST, Weight
from evaluator.calendar.learner import NOBODY, PreferenceLearner, Prior, Settings, Stated
from evaluator.calendar.prior import role_prior
from evaluator.calendar.rows import Row, from_rows, to_rows
from evaluator.calendar.vocabulary import ROLES
from memory.audit import log
from memory.records import DecisionRecord, PreferenceRecord, identity
from memory.store import MemoryStore, Reader, Writer
from memory.wording import sentence

CALENDAR: Final = "calendar"
"""Scope of preferences about events; scopes that begin with it and a slash are calendars too."""
PLACEMENT: Final = "placement"
"""Scope of preferences about machines; their hint is opaque JSON here."""

Direction = Literal["prefer", "avoid"]


def is_calendar(scope: str) -> bool:
    """Whether predicates of a scope speak of events."""
    return scope == CALENDAR or scope.startswith(f"{CALENDAR}/")


def load_learner(
    store: MemoryStore, scope: str = CALENDAR, role: str = "", settings: Settings | None = None
) -> PreferenceLearner:
    """Return what is known of the user: stated rules, what was learnt, and the role's prior.

    Args:
        store: Where from.
        scope: ``calendar``, or one calendar of several (``calendar/work``).
        role: One of ``evaluator.calendar.vocabulary.ROLES``; any other, or none, has no prior.
        settings: Of the learner; None means the tuned ones.
    """
    with store.read() as reader:
        return read_learner(reader, scope, role, store.now(), settings)


def read_learner(
    reader: Reader, scope: str, role: str, now: datetime, settings: Settings | None = None
) -> PreferenceLearner:
    """``load_learner`` inside a transaction."""
    kept = reader.find(PreferenceRecord, scope=scope)
    learnt = [record for record in kept if "kind" in record.details]
    rows = [row_of(r) for r in learnt if r.status == "active" or r.details["kind"] != "rule"]
    learner = from_rows(
        rows, _prior(role), settings, _stated(kept, now), rounds=last_learnt(reader, scope)
    )
    _withdraw(learner, [record for record in learnt if record.status == "withdrawn"])
    learner.beliefs.extra += _wishes(kept, now)
    return learner


def save_learner(
    writer: Writer, scope: str, learner: PreferenceLearner, now: datetime
) -> tuple[PreferenceRecord, ...]:
    """Store what changed of a learner; return it."""
    old = {r.id: r for r in writer.find(PreferenceRecord, scope=scope) if "kind" in r.details}
    new = {}
    for row in to_rows(learner):
        id = row_id(scope, row)
        new[id] = record_of(row, scope, now, old.get(id))
    for id, record in old.items():
        if id not in new and record.status == "active":
            writer.delete(PreferenceRecord, id)
    changed = [
        record
        for id, record in new.items()
        if id not in old
        or (old[id].status == "active" and replace(record, updated=old[id].updated) != old[id])
    ]
    for record in changed:
        writer.put(record)
    return tuple(changed)


def propose_preference(
    store: MemoryStore,
    predicate: str,
    mean: float = 0.0,
    variance: float | None = None,
    *,
    scope: str = CALENDAR,
    role: str = "",
) -> PreferenceRecord:
    """Put a predicate that someone proposes (a model) on trial; see ``PreferenceLearner.propose``.

    Raises:
        InputError: the predicate cannot be read, or such a trial is open.
    """
    with store.write() as writer:
        learner = read_learner(writer, scope, role, store.now())
        trial = learner.propose(predicate, mean, variance)
        save_learner(writer, scope, learner, store.now())
        id = identity(scope, "trial", trial.weight.predicate, str(trial.number))
        made = writer.get(PreferenceRecord, id)
        assert made is not None
        log(store, writer, "propose", made)
    return made


def last_learnt(reader: Reader, scope: str) -> int:
    """Return how many decisions of a scope were learnt from."""
    return max((item.learnt for item in reader.find(DecisionRecord, scope=scope)), default=0)


def row_id(scope: str, row: Row) -> str:
    """Return the id of a learnt row: trials of one predicate may follow one another."""
    place = str(row.place) if row.kind == "trial" else ""
    return identity(scope, row.kind, row.predicate, place)


def record_of(
    row: Row, scope: str, now: datetime, known: PreferenceRecord | None
) -> PreferenceRecord:
    """Return a learnt row as it is stored."""
    direction: Direction = "prefer" if row.mean >= 0 else "avoid"
    hard = row.kind == "rule"
    return PreferenceRecord(
        row_id(scope, row), scope, row.predicate, direction, row.mean, row.variance,
        row.support_for, row.support_against, row.source, hard,
        sentence(row.predicate, direction, hard), known.created if known else now, now,
        known.status if known else "active", None,
        {"kind": row.kind, "place": row.place, "evidence": list(row.evidence),
         **asdict(row)["details"]},
    )  # fmt: skip


def row_of(record: PreferenceRecord) -> Row:
    """Return a stored record as the learner takes it."""
    details = {k: v for k, v in record.details.items() if k not in ("kind", "place", "evidence")}
    if record.status == "withdrawn" and record.details["kind"] == "trial":
        details["status"] = "withdrawn"
    return Row(
        record.details["kind"], record.predicate, record.details["place"], record.mean,
        record.variance, record.support_for, record.support_against, record.source,
        tuple(record.details["evidence"]), details,
    )  # fmt: skip


def in_force(record: PreferenceRecord, now: datetime) -> bool:
    """Whether a preference is used now."""
    return record.status == "active" and (record.expires is None or now < record.expires)


def _prior(role: str) -> Prior:
    return role_prior(role) if role in ROLES else NOBODY


def _stated(kept: tuple[PreferenceRecord, ...], now: datetime) -> list[Stated]:
    """Return the hard rules the user stated, the newest first: it wins."""
    told = [r for r in kept if r.source == "stated" and r.hard and in_force(r, now)]
    told.sort(key=lambda record: (record.updated, record.id), reverse=True)
    return [Stated(r.id, r.predicate, 1 if r.direction == "prefer" else -1) for r in told]


def _wishes(kept: tuple[PreferenceRecord, ...], now: datetime) -> list[Weight]:
    """Return what the user stated softly: weights that learning does not move."""
    told = [r for r in kept if r.source == "stated" and not r.hard and in_force(r, now)]
    fixed = LEAST / 1000
    return [
        Weight(r.predicate, r.mean, fixed, r.mean, fixed, "stated", evidence=[r.id]) for r in told
    ]


def _withdraw(learner: PreferenceLearner, gone: list[PreferenceRecord]) -> None:
    """Leave out of a learner what the user withdrew; its row keeps what it was."""
    for record in gone:
        match record.details["kind"]:
            case "weight":
                learner.beliefs.muted.add(record.predicate)
            case "rule":
                learner.inducer.barred.add(record.predicate)
            case _:
                pass
