"""What a trace of any world says about itself."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, field_serializer, field_validator

from evaluator.sealed import SCHEMA


class Problem(Protocol):
    """An instance of any world."""

    @property
    def digest(self) -> str:
        """sha256 over everything."""


class TraceHeader(BaseModel):
    """What a trace is a trace of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = SCHEMA
    scenario: str = ""
    scenario_text: str = ""
    """The scenario's TOML."""
    scenario_digest: str = ""
    split: str = ""
    index: int = 0
    seed: str = ""
    """The run's secret seed in hex, revealed here so that anyone can make the instance again."""
    seed_commitment: str = ""
    """sha256 of the seed's bytes, published before the seed."""
    instance_digest: str = ""
    cluster_digest: str = ""
    workload_digest: str = ""
    policy: str = ""
    policy_text: str = ""
    policy_digest: str = ""
    """sha256 of ``policy_text``."""
    lane: Literal["", "pure", "python", "general", "native"] = ""
    code_version: str = ""
    objective: str = ""
    metrics: dict[str, float] = {}
    """Stored as hexadecimal floats: exact."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _read_hex(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: float.fromhex(v) if isinstance(v, str) else v for k, v in value.items()}

    @field_serializer("metrics")
    def _write_hex(self, value: dict[str, float]) -> dict[str, str]:
        return {name: float(number).hex() for name, number in value.items()}

    @classmethod
    def of(
        cls,
        instance: Problem,
        *,
        seed: bytes = b"",
        policy_text: str = "",
        metrics: dict[str, float] | None = None,
        **facts: Any,
    ) -> TraceHeader:
        """Return a header with every digest filled in; ``facts`` are further fields."""
        # a problem of another world has neither machines nor jobs
        parts = [part for part in ("cluster", "workload") if hasattr(instance, part)]
        return cls(
            seed=seed.hex(),
            seed_commitment=hashlib.sha256(seed).hexdigest() if seed else "",
            instance_digest=instance.digest,
            policy_text=policy_text,
            policy_digest=hashlib.sha256(policy_text.encode()).hexdigest() if policy_text else "",
            metrics=metrics or {},
            **{f"{part}_digest": getattr(instance, part).digest for part in parts},
            **facts,
        )
