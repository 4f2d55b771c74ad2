"""Errors of the simulated world.

EvaluatorError
├── InputError          a file, field or value is wrong (the user can mend it)
├── PolicyError         a policy broke a rule of the world or of its subset
│   ├── SubsetError     the source falls outside the pure subset (line and construct named)
│   └── DecisionError   a decision was refused (capacity, precedence, arrival, gang, twice)
├── TraceError          a stored trace is damaged or does not replay
└── SandboxError        the sandbox is missing, too weak or died
"""

from __future__ import annotations


class EvaluatorError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(EvaluatorError):
    """A file, field or value is wrong; the message has value, rule and way out."""


class PolicyError(EvaluatorError):
    """A policy failed: it is never a slow policy, it has no score."""


class SubsetError(PolicyError):
    """Source outside the pure subset; names the line and the construct."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class DecisionError(PolicyError):
    """A decision that the world refuses."""


class TraceError(EvaluatorError):
    """A stored trace is damaged or does not replay; names the first differing place."""


class SandboxError(EvaluatorError):
    """The sandbox is unavailable, weaker than asked for, or its worker died."""
