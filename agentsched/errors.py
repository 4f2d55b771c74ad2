"""Errors of agentsched, and the exit code each one ends a command with.

AgentSchedError             1  base; raised on its own it is a bug
├── UserError               2  a flag, file, field or value is wrong (the user can mend it)
│   └── SettingsError       2  a setting is wrong: file or variable, field, value
├── PromptError             1  a prompt file is missing, damaged, or given the wrong inputs
├── BudgetError             3  tokens or money are used up, or the next call would exceed them
├── ModelError              4  the language model: endpoint down, refused, garbage
│   ├── ModelTimeout        4  one call took too long; the next one may not
│   ├── WeightsError        4  the local model's file is missing, wrong or cannot be fetched
│   └── CassetteError       4  a recording is damaged or lacks the reply asked for
├── StorageError            8  a file of ours cannot be written (disk full, no permission)
├── CalendarUnreachable     8  a CalDAV server is down or refuses us (calendars/errors.py)
├── ExecutorError          10  Slurm or another executor does not answer (execution/executor.py)
└── ThreadTaken           130  another process asked for the thread (agent/threads.py)

``exit_code`` also knows ``evaluator.errors`` and the memory's errors; the table for users is
``docs/exit-codes.md``.
"""

from __future__ import annotations

from enum import IntEnum

from evaluator.errors import InputError, PolicyError, SandboxError, TraceError


class Exit(IntEnum):
    """What a command answers to the shell."""

    OK = 0
    """Done; an honest "nothing better was found" is done as well."""
    INTERNAL = 1
    """A bug: the traceback is shown."""
    INPUT = 2
    """A flag, file, field or value is wrong; nothing was changed."""
    BUDGET = 3
    """The budget does not even allow the first step; one that runs out later ends a run with 0."""
    MODEL = 4
    """The language model is missing, unreachable, refuses or answers garbage."""
    SANDBOX = 5
    """The sandbox is missing or weaker than asked for."""
    TRACE = 6
    """A stored trace or evidence is damaged or does not replay."""
    DATABASE = 7
    """The memory cannot be opened, is locked, or is of another version."""
    STORAGE = 8
    """A file cannot be written (disk full, no permission), or a calendar server not reached."""
    INFEASIBLE = 9
    """No plan keeps all hard constraints, or a checked plan breaks one; the answer says which."""
    EXECUTION = 10
    """A task of an approved plan failed for good, or the executor answers nobody any more; what
    was done stays done."""
    INTERRUPTED = 130
    """Ctrl-C, or another process took over; what was done is on disk and can be gone on with."""


class AgentSchedError(Exception):
    """Base of every error this package raises on purpose; ``exit`` ends the command."""

    exit: Exit = Exit.INTERNAL


class UserError(AgentSchedError):
    """Something the user gave is wrong; the message has value, rule and way out."""

    exit = Exit.INPUT


class SettingsError(UserError):
    """A setting is wrong; the message names where it was set, the field and the value."""


class PromptError(AgentSchedError):
    """A prompt file is missing or damaged, or was given unknown or too few inputs."""


class BudgetError(AgentSchedError):
    """The budget of tokens or money is used up, or the next call might exceed it."""

    exit = Exit.BUDGET


class ModelError(AgentSchedError):
    """The language model failed; the message names the server, what failed, and the way out."""

    exit = Exit.MODEL


class ModelTimeout(ModelError):
    """One call took longer than ``model.timeout_seconds``; the model may well answer the next."""


class WeightsError(ModelError):
    """The local model's file is missing, is not the pinned one, or cannot be fetched."""


class CassetteError(ModelError):
    """A recording of model calls is damaged or has no reply for a call."""


class StorageError(AgentSchedError):
    """A file cannot be written; the message names the file and the reason."""

    exit = Exit.STORAGE


def exit_code(error: BaseException) -> Exit:
    """Return the exit code for anything a command may end with."""
    match error:
        case AgentSchedError():
            return error.exit
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        # A worker that dies under a policy is both; the policy is what the user can mend.
        case InputError() | PolicyError():
            return Exit.INPUT
        case SandboxError():
            return Exit.SANDBOX
        case TraceError():
            return Exit.TRACE
        case _ if _from_memory(error):
            # no room is no room, whoever was writing
            return Exit.STORAGE if type(error).__name__ == "StoreFull" else Exit.DATABASE
        case OSError():
            return Exit.STORAGE
        case _:
            return Exit.INTERNAL


def _from_memory(error: BaseException) -> bool:
    """Whether the memory package defines the error; loading it costs a second, so by name."""
    return any(kind.__module__.split(".")[0] == "memory" for kind in type(error).__mro__)
