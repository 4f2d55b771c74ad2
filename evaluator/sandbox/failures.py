"""How a worker fails: each is the candidate's failure and an event of the sandbox."""

from __future__ import annotations

from evaluator.errors import PolicyError, SandboxError


class WorkerError(SandboxError, PolicyError):
    """Base of every way in which a candidate's worker fails."""


class WorkerTimeout(WorkerError):
    """No complete answer within the limit; the worker was killed."""


class WorkerDied(WorkerError):
    """The worker ended without an answer; ``code`` is as ``os.waitstatus_to_exitcode`` has it."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class WorkerProtocol(WorkerError):
    """The answer was not a frame: wrong length, wrong tag, too long, or more than one."""


class WorkerFailed(WorkerError):
    """The candidate raised; the message has its line, the error's type and text."""
