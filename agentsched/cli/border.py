"""Where the program ends: every outcome becomes an exit code and at most one line.

User mistakes print one line, bugs print a traceback. This is one of the three places that
catch ``Exception``; the others are the candidate sandbox and the agent's steps.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from typer.exceptions import Abort, TyperException

from agentsched.errors import AgentSchedError, Exit, UserError, exit_code
from evaluator.errors import EvaluatorError, TraceError

_MISTAKES = frozenset({"NotFound", "Ambiguous", "Conflict", "ArchiveError"})
"""Errors of the memory that are the caller's, not the database's."""


def guarded(command: Callable[[Sequence[str]], object], arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; whatever went wrong has been printed."""
    try:
        returned = command(arguments)
        if returned == Exit.INTERRUPTED:
            raise KeyboardInterrupt
        # A closed pipe shows when the buffer is written, so write it while we can still answer.
        sys.stdout.flush()
        return returned if isinstance(returned, int) else Exit.OK
    except BrokenPipeError:
        _forget_stdout()
        return Exit.OK
    except (KeyboardInterrupt, Abort) as error:
        _say(_noted("interrupted", error), "Interrupted", Exit.INTERRUPTED, arguments)
        return Exit.INTERRUPTED
    except Exception as error:
        code = _code(error)
        if isinstance(error, TyperException) and not error.format_message():
            return code  # called without arguments: typer has printed the help page
        if code == Exit.INTERNAL and not isinstance(error, AgentSchedError):
            traceback.print_exc()
            said = f"this is a bug: {_line(error)}"
        else:
            said = _line(error)
        _say(_noted(said, error), type(error).__name__, code, arguments)
        return code


def check_origin() -> None:
    """Make sure that ``evaluator`` and ``memory`` are ours: the names are generic.

    Raises:
        UserError: Another distribution or folder answers to one of the names.
    """
    home = Path(__file__).resolve().parents[2]
    for name in ("evaluator", "memory"):
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec is not None else None
        if origin is None:
            raise UserError(
                f"package {name!r} is missing beside agentsched in {str(home)!r}; "
                "install agentsched again"
            )
        found = Path(origin).resolve().parents[1]
        if found != home:
            raise UserError(
                f"package {name!r} comes from {str(found)!r}, not from agentsched in "
                f"{str(home)!r}; take that folder off PYTHONPATH, or install agentsched in a "
                "virtual environment of its own"
            )


def _code(error: Exception) -> Exit:
    if isinstance(error, TyperException):
        return Exit.INPUT
    if isinstance(error, EvaluatorError) and type(error).__name__ in _MISTAKES:
        return Exit.INPUT
    if isinstance(error, TraceError) and isinstance(error.__cause__, OSError):
        return Exit.STORAGE
    return exit_code(error)


def _line(error: Exception) -> str:
    """The message on one line; the first one says it all, the rest would hide it."""
    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "agentsched"
        said = _joined(error.format_message()).replace("Value error, ", "").rstrip(".")
        return f"{said}; see: {command} --help"
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename!r}: " if error.filename is not None else ""
        return f"{place}{error.strerror}; check the path, its permissions and the free space"
    return _joined(str(error)) or type(error).__name__


def _noted(line: str, error: BaseException) -> str:
    """Add what was learned on the error's way up, such as how to go on."""
    # LangGraph notes the step in which an error arose; the user can do nothing with that.
    notes = [n for n in getattr(error, "__notes__", ()) if not n.startswith("During task with")]
    return "; ".join([line.rstrip("."), *notes])


def _joined(text: str) -> str:
    return " ".join(text.split())


def _say(message: str, kind: str, code: Exit, arguments: Sequence[str]) -> None:
    line = f"agentsched: {message}"
    if "--json" in arguments:
        line = json.dumps({"error": {"kind": kind, "message": message, "exit": int(code)}})
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")


def _forget_stdout() -> None:
    """Point stdout at nothing, or the interpreter complains about the pipe once more."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
