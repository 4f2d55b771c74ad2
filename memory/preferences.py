"""What the user prefers: state it, withdraw it, list it with the decisions behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args

from evaluator.calendar.beliefs import Source
from evaluator.calendar.predicates import LONGEST, canonical
from evaluator.errors import InputError
from memory.audit import changes, log, resolve
from memory.errors import Conflict
from memory.learnt import (
    CALENDAR,
    PLACEMENT,
    Direction,
    in_force,
    is_calendar,
    load_learner,
    propose_preference,
)
from memory.records import ChangeRecord, DecisionRecord, PreferenceRecord, identity
from memory.store import MemoryStore, Reader, Writer
from memory.wording import sentence, strength

WISH: Final = 1.5
"""Weight of a soft stated preference, in units of utility: it outweighs an ordinary event."""
SIGNIFICANT: Final = 1.5
"""Learnt weights are listed from this many standard deviations on,"""
NOTABLE: Final = 0.5
"""or from this size on, in units of utility,"""
SUPPORT: Final = 3
"""if so many pairs spoke of them."""


@dataclass(frozen=True, slots=True)
class ListedPreference:
    """A preference with what it rests on."""

    preference: PreferenceRecord
    strength: str
    """``rule``, ``stated``, ``strong``, ``fair`` or ``weak``."""
    in_force: bool
    """Neither withdrawn nor run out."""
    decisions: tuple[DecisionRecord, ...]
    """The last decisions behind it that are still kept, the newest last."""


def state_preference(
    store: MemoryStore,
    predicate: str,
    direction: Direction = "prefer",
    *,
    scope: str = CALENDAR,
    hard: bool = True,
    weight: float = WISH,
    text: str = "",
    expires: datetime | None = None,
    hint: Mapping[str, Any] | None = None,
) -> PreferenceRecord:
    """Store what the user said; saying it again, or the opposite, replaces it.

    Args:
        store: Where to.
        predicate: ``feature=value[,feature=value]`` in a calendar; any name elsewhere.
        direction: ``prefer`` or ``avoid``.
        scope: ``calendar``, ``placement`` or another.
        hard: It decides by itself, above everything learnt; else it is weighed.
        weight: Of a soft one, > 0, in units of utility (calendar) or of the hint.
        text: The user's own words.
        expires: From then on it is not used.
        hint: A placement hint as JSON; memory does not look into it.

    Raises:
        InputError: the predicate or the weight is none.
        Conflict: a value that no database keeps.
    """
    said = _checked(predicate, scope)
    if direction not in get_args(Direction):
        raise InputError(f"direction must be 'prefer' or 'avoid', got {direction!r}")
    if not 0 < weight <= 100:
        raise InputError(f"preference {said!r}: weight must be > 0 and at most 100, got {weight}")
    now = store.now()
    if expires is not None and expires <= now:
        raise InputError(f"preference {said!r}: expires must be in the future, got {expires}")
    mean = weight if direction == "prefer" else -weight
    details = {} if hint is None else {"hint": dict(hint)}
    new = PreferenceRecord(
        identity(scope, "stated", said), scope, said, direction, mean, 0.0, 0, 0, "stated", hard,
        text or sentence(said, direction, hard), now, now, "active", expires, details,
    )  # fmt: skip
    with store.write() as writer:
        old = writer.get(PreferenceRecord, new.id)
        if old is not None:
            new = replace(new, created=old.created)
        writer.put(new)
        _log(store, writer, "state", new, old)
    return new


def withdraw_preference(
    store: MemoryStore, id: str, reason: str = "withdrawn by the user"
) -> PreferenceRecord:
    """Take a preference out of use, a stated or a learnt one; it can be restored.

    A learnt weight that is withdrawn no longer counts and no longer learns; a learnt rule is
    not induced again.

    Raises:
        NotFound: there is none of that id.
        Conflict: it is withdrawn already.
    """
    return _turn(store, id, "withdraw", "withdrawn", reason)


def restore_preference(
    store: MemoryStore, id: str, reason: str = "restored by the user"
) -> PreferenceRecord:
    """Take a withdrawn preference back into use, as it was.

    Raises:
        NotFound: there is none of that id.
        Conflict: it is in use.
    """
    return _turn(store, id, "restore", "active", reason)


def undo_last_change(store: MemoryStore, id: str) -> PreferenceRecord:
    """Undo the last statement, withdrawal or restoration of a preference, by the audit trail.

    Raises:
        NotFound: there is none of that id.
        Conflict: it was never changed by the user.
    """
    with store.read() as reader:
        found = find_preference(reader, id)
    trail = [c for c in changes(store, found.id) if c.verb in ("state", "withdraw", "restore")]
    if not trail:
        raise Conflict(
            f"preference {found.id[:12]!r} was learnt: withdraw it, or undo its decision"
        )
    return _revert(store, found, trail[-1])


def list_preferences(
    store: MemoryStore,
    *,
    scope: str | None = None,
    source: Source | None = None,
    everything: bool = False,
) -> tuple[ListedPreference, ...]:
    """Return preferences: stated first, then rules found, then weights, the surest first.

    Args:
        store: Where from.
        scope: Of this scope only.
        source: Of this source only.
        everything: Weak, withdrawn and expired ones too.
    """
    now = store.now()
    equal = {"scope": scope, "source": source}
    with store.read() as reader:
        found = reader.find(PreferenceRecord, **{k: v for k, v in equal.items() if v is not None})
        shown = [r for r in found if everything or (in_force(r, now) and _telling(r))]
        listed = [
            ListedPreference(r, strength(r), in_force(r, now), _behind(reader, r)) for r in shown
        ]
    return tuple(sorted(listed, key=lambda item: _rank(item.preference)))


def find_preference(reader: Reader, id: str) -> PreferenceRecord:
    """Return the preference whose id begins so.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    found = resolve(reader, id, PreferenceRecord)
    assert isinstance(found, PreferenceRecord)
    return found


def _checked(predicate: str, scope: str) -> str:
    if is_calendar(scope):
        return canonical(predicate)
    said = " ".join(predicate.split())
    if not scope or not 0 < len(said) <= LONGEST:
        raise InputError(
            f"a preference needs a scope and a predicate of 1 to {LONGEST} characters, got "
            f"{scope!r} and {predicate!r:.60}"
        )
    return said


def _turn(
    store: MemoryStore,
    id: str,
    verb: str,
    status: Literal["active", "withdrawn"],
    reason: str,
) -> PreferenceRecord:
    with store.write() as writer:
        old = find_preference(writer, id)
        if old.status == status:
            raise Conflict(f"preference {old.id[:12]!r} is {old.status}: cannot {verb} it")
        new = replace(old, status=status, updated=store.now())
        writer.put(new)
        log(store, writer, verb, new, detail={"from": old.status, "reason": reason})
    return new


_TOLD: Final = ("direction", "mean", "hard", "status")
"""What a statement may replace, and its undoing brings back; never the user's words."""


def _log(
    store: MemoryStore,
    writer: Writer,
    verb: str,
    new: PreferenceRecord,
    old: PreferenceRecord | None,
) -> None:
    before = None if old is None else {name: getattr(old, name) for name in _TOLD}
    log(store, writer, verb, new, detail={"from": before})


def _revert(store: MemoryStore, found: PreferenceRecord, last: ChangeRecord) -> PreferenceRecord:
    before = last.detail.get("from")
    if last.verb == "state" and before is None:
        return withdraw_preference(store, found.id, "undone")
    if isinstance(before, str):
        before = {"status": before}
    with store.write() as writer:
        assert before is not None
        new = replace(found, **before, updated=store.now())
        if last.verb == "state":
            new = replace(new, text=sentence(new.predicate, new.direction, new.hard))
        writer.put(new)
        _log(store, writer, "undo", new, found)
    return new


def _telling(record: PreferenceRecord) -> bool:
    """Whether a preference is worth showing."""
    if record.source == "stated" or record.hard:
        return True
    if record.details.get("kind") == "trial":
        return record.details.get("status") == "admitted"
    seen = record.support_for + record.support_against
    size = abs(record.mean)
    return seen >= SUPPORT and (size >= NOTABLE or size >= SIGNIFICANT * record.variance**0.5)


def _behind(reader: Reader, record: PreferenceRecord) -> tuple[DecisionRecord, ...]:
    ids = dict.fromkeys(record.details.get("evidence", ()))
    found = (reader.get(DecisionRecord, id) for id in ids)
    return tuple(item for item in found if item is not None)


def _rank(record: PreferenceRecord) -> tuple[object, ...]:
    deviation = max(record.variance, 1e-12) ** 0.5
    return (
        record.scope, record.source != "stated", not record.hard, -abs(record.mean) / deviation,
        record.predicate,
    )  # fmt: skip


__all__ = [
    "CALENDAR", "PLACEMENT", "Direction", "ListedPreference", "find_preference",
    "list_preferences", "load_learner", "propose_preference", "restore_preference",
    "state_preference", "undo_last_change", "withdraw_preference",
]  # fmt: skip
