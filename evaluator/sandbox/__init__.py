"""Runs candidates that nobody has read, and lets nothing out but their decisions."""

from evaluator.sandbox.box import Sandbox
from evaluator.sandbox.failures import (
    WorkerDied,
    WorkerError,
    WorkerFailed,
    WorkerProtocol,
    WorkerTimeout,
)
from evaluator.sandbox.lockstep import Worker
from evaluator.sandbox.probe import Attack, Level, Probe, probe

__all__ = [
    "Attack",
    "Level",
    "Probe",
    "Sandbox",
    "Worker",
    "WorkerDied",
    "WorkerError",
    "WorkerFailed",
    "WorkerProtocol",
    "WorkerTimeout",
    "probe",
]
