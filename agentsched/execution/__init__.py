"""Carrying out an approved plan: every attempt at most once, killable, retried by rule."""

from agentsched.execution.adopting import opening
from agentsched.execution.clock import Clock, SystemClock, VirtualClock
from agentsched.execution.dry_run import Act, DryRun
from agentsched.execution.executor import Executor
from agentsched.execution.ledger import Ledger, read_records
from agentsched.execution.local import LocalExecutor
from agentsched.execution.records import Record
from agentsched.execution.remaining import Remaining
from agentsched.execution.report import Report
from agentsched.execution.rules import Rules
from agentsched.execution.runner import Execution, run_plan
from agentsched.execution.slurm import SlurmExecutor, SlurmOptions
from agentsched.execution.state import State, fold

__all__ = [
    "Act",
    "Clock",
    "DryRun",
    "Execution",
    "Executor",
    "Ledger",
    "LocalExecutor",
    "Record",
    "Remaining",
    "Report",
    "Rules",
    "SlurmExecutor",
    "SlurmOptions",
    "State",
    "SystemClock",
    "VirtualClock",
    "fold",
    "opening",
    "read_records",
    "run_plan",
]
