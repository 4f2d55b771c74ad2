"""The secret of a run: every split and generation has its own seed, none can be guessed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np

from evaluator.cluster.instance import stream


@dataclass(frozen=True, slots=True)
class Seeds:
    """128 secret bits and what follows from them; never in a prompt, a log or an argument list."""

    secret: bytes

    @classmethod
    def make(cls, seed: int | None) -> Seeds:
        """Draw a secret from the system, or derive it from a number for a reproducible run."""
        if seed is None:
            return cls(os.urandom(16))
        return cls(hashlib.sha256(f"agentsched run seed {seed}".encode()).digest()[:16])

    @property
    def commitment(self) -> str:
        """sha256 of the secret: shown from the start, checked by whoever is shown the secret."""
        return hashlib.sha256(self.secret).hexdigest()

    def commitments(self) -> dict[str, object]:
        """Return the commitment, and that of each split's seed, which its traces will show."""
        splits = {
            split: hashlib.sha256(self.of(split)).hexdigest()
            for split in ("train", "test", "unseen")
        }
        return {"commitment": self.commitment, "splits": splits}

    def of(self, *labels: str | int) -> bytes:
        """Return the 16-byte seed of one use, such as ``of("validation", generation)``."""
        return hashlib.blake2b(repr(labels).encode(), key=self.secret, digest_size=16).digest()

    def rng(self, *labels: str | int) -> np.random.Generator:
        """Return the random stream of one use."""
        return stream(self.of("rng", *labels))
