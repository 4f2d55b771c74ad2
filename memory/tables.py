"""The tables, typed; this module's rows never leave ``memory.sql``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from memory.codec import hexed, plain, unhexed, unplain


class Utc(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no zone, so it is given back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time, store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored time needs a zone, got {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Return UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Exact(TypeDecorator[Mapping[str, float]]):
    """Metrics by name, each as ``float.hex``: infinities survive, the last bit too."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Store hex."""
        return hexed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Mapping[str, float]:
        """Return floats."""
        return unhexed(value)


class Free(TypeDecorator[Mapping[str, Any]]):
    """Free-form JSON; infinities survive."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Store plain JSON."""
        return plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Mapping[str, Any]:
        """Return what was stored."""
        found: Mapping[str, Any] = unplain(value)
        return found


class Base(DeclarativeBase):
    """All tables; every constraint has a name, so that migrations can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True, sort_order=-1)


class ContextRow(Base):
    """``Features``."""

    __tablename__ = "contexts"
    __table_args__ = (CheckConstraint("sense IN ('min', 'max')", name="sense"),)
    objective: Mapped[str] = mapped_column(Text)
    sense: Mapped[str] = mapped_column(String(3))
    preemptive: Mapped[bool] = mapped_column(Boolean)
    nodes: Mapped[int] = mapped_column(Integer)
    types: Mapped[int] = mapped_column(Integer)
    heterogeneity: Mapped[float] = mapped_column(Double)
    affinity: Mapped[float] = mapped_column(Double)
    load: Mapped[float] = mapped_column(Double)
    packing: Mapped[float] = mapped_column(Double)
    gang_share: Mapped[float] = mapped_column(Double)
    dag_share: Mapped[float] = mapped_column(Double)
    due_share: Mapped[float] = mapped_column(Double)
    data_ratio: Mapped[float] = mapped_column(Double)
    duration_spread: Mapped[float] = mapped_column(Double)
    burstiness: Mapped[float] = mapped_column(Double)
    estimate_error: Mapped[float] = mapped_column(Double)
    overhead: Mapped[float] = mapped_column(Double)
    failures: Mapped[bool] = mapped_column(Boolean)
    world: Mapped[str] = mapped_column(Text)


class RunRow(Base):
    """``RunRecord``."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(
            "status IN ('running', 'finished', 'interrupted', 'failed')", name="status"
        ),
    )
    scenario: Mapped[str] = mapped_column(Text, index=True)
    scenario_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(20))
    started: Mapped[datetime] = mapped_column(Utc)
    finished: Mapped[datetime | None] = mapped_column(Utc)
    proposer: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    seed_commitment: Mapped[str] = mapped_column(String(64))
    code_version: Mapped[str] = mapped_column(Text)
    evaluations: Mapped[int] = mapped_column(Integer)
    tokens: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[float] = mapped_column(Double)
    outcome: Mapped[str] = mapped_column(Text)
    settings: Mapped[Mapping[str, Any]] = mapped_column(Free)


class CandidateRow(Base):
    """``CandidateRecord``."""

    __tablename__ = "candidates"
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    text: Mapped[str] = mapped_column(Text)
    proposer: Mapped[str] = mapped_column(Text)
    stage: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(Utc)
    parent: Mapped[str] = mapped_column(String(64))
    failure: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)


class EvaluationRow(Base):
    """``EvaluationRecord``."""

    __tablename__ = "evaluations"
    candidate: Mapped[str] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), index=True
    )
    split: Mapped[str] = mapped_column(Text)
    index: Mapped[int] = mapped_column(Integer)
    instance: Mapped[str] = mapped_column(String(64))
    cpu_seconds: Mapped[float] = mapped_column(Double)
    metrics: Mapped[Mapping[str, float]] = mapped_column(Exact)
    trace: Mapped[str] = mapped_column(String(64))
    failure: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)


class PolicyRow(Base):
    """``PolicyRecord``."""

    __tablename__ = "policies"
    __table_args__ = (
        CheckConstraint("status IN ('candidate', 'accepted', 'retired')", name="status"),
        CheckConstraint("lane IN ('pure', 'general')", name="lane"),
        CheckConstraint("shape IN ('key', 'score', 'decide')", name="shape"),
    )
    name: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    shape: Mapped[str] = mapped_column(String(10))
    discipline: Mapped[str] = mapped_column(String(20))
    batch: Mapped[str] = mapped_column(String(10))
    lane: Mapped[str] = mapped_column(String(10))
    scenario: Mapped[str] = mapped_column(Text, index=True)
    scenario_digest: Mapped[str] = mapped_column(String(64))
    context: Mapped[str] = mapped_column(ForeignKey("contexts.id"), index=True)
    status: Mapped[str] = mapped_column(String(20), index=True)
    reason: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(Utc)
    updated: Mapped[datetime] = mapped_column(Utc)
    verdict: Mapped[Mapping[str, Any]] = mapped_column(Free)
    rival: Mapped[str] = mapped_column(Text)
    gain: Mapped[float] = mapped_column(Double)
    gain_low: Mapped[float] = mapped_column(Double)
    gain_high: Mapped[float] = mapped_column(Double)
    pairs: Mapped[int] = mapped_column(Integer)
    explanation: Mapped[str] = mapped_column(Text)
    run: Mapped[str] = mapped_column(Text)
    broken: Mapped[str] = mapped_column(Text)
    verified: Mapped[datetime | None] = mapped_column(Utc)


class EvidenceRow(Base):
    """``EvidenceRecord``."""

    __tablename__ = "evidence"
    policy: Mapped[str] = mapped_column(ForeignKey("policies.id", ondelete="CASCADE"), index=True)
    by: Mapped[str] = mapped_column(Text)
    trace: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    instance: Mapped[str] = mapped_column(String(64))
    split: Mapped[str] = mapped_column(Text)
    index: Mapped[int] = mapped_column(Integer)
    metrics: Mapped[Mapping[str, float]] = mapped_column(Exact)


class LessonRow(Base):
    """``LessonRecord``."""

    __tablename__ = "lessons"
    __table_args__ = (CheckConstraint("times >= 1", name="times"),)
    scenario: Mapped[str] = mapped_column(Text, index=True)
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    times: Mapped[int] = mapped_column(Integer)
    created: Mapped[datetime] = mapped_column(Utc)
    updated: Mapped[datetime] = mapped_column(Utc)
    context: Mapped[str | None] = mapped_column(ForeignKey("contexts.id"), index=True)
    run: Mapped[str] = mapped_column(Text)
    candidate: Mapped[str] = mapped_column(String(64))


class PreferenceRow(Base):
    """``PreferenceRecord``."""

    __tablename__ = "preferences"
    __table_args__ = (
        CheckConstraint("source IN ('stated', 'inferred', 'prior', 'model')", name="source"),
        CheckConstraint("variance >= 0", name="variance"),
        CheckConstraint("status IN ('active', 'withdrawn')", name="status"),
    )
    scope: Mapped[str] = mapped_column(Text, index=True)
    predicate: Mapped[str] = mapped_column(Text)
    direction: Mapped[str] = mapped_column(Text)
    mean: Mapped[float] = mapped_column(Double)
    variance: Mapped[float] = mapped_column(Double)
    support_for: Mapped[int] = mapped_column(Integer)
    support_against: Mapped[int] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(String(20))
    hard: Mapped[bool] = mapped_column(Boolean)
    text: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(Utc)
    updated: Mapped[datetime] = mapped_column(Utc)
    status: Mapped[str] = mapped_column(String(20))
    expires: Mapped[datetime | None] = mapped_column(Utc)
    details: Mapped[Mapping[str, Any]] = mapped_column(Free)


class DecisionRow(Base):
    """``DecisionRecord``."""

    __tablename__ = "decisions"
    __table_args__ = (CheckConstraint("learnt >= 0", name="learnt"),)
    created: Mapped[datetime] = mapped_column(Utc)
    subject: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    policy: Mapped[str] = mapped_column(String(64))
    facts: Mapped[Mapping[str, Any]] = mapped_column(Free)
    scope: Mapped[str] = mapped_column(Text, index=True)
    learnt: Mapped[int] = mapped_column(Integer)


class ChangeRow(Base):
    """``ChangeRecord``."""

    __tablename__ = "changes"
    at: Mapped[datetime] = mapped_column(Utc, index=True)
    verb: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(Text, index=True)
    detail: Mapped[Mapping[str, Any]] = mapped_column(Free)


ROWS: Mapping[str, type[Base]] = {
    row.__tablename__: row
    for row in (
        ContextRow, RunRow, CandidateRow, EvaluationRow, PolicyRow, EvidenceRow, LessonRow,
        PreferenceRow, DecisionRow, ChangeRow,
    )
}  # fmt: skip
