"""Every error ends a command with its documented code."""

import re
from pathlib import Path

import pytest

from agentsched.agent.threads import ThreadTaken
from agentsched.calendars.errors import CalendarUnreachable
from agentsched.errors import (
    BudgetError,
    CassetteError,
    Exit,
    ModelError,
    ModelTimeout,
    PromptError,
    SettingsError,
    StorageError,
    UserError,
    WeightsError,
    exit_code,
)
from agentsched.execution.executor import Unreachable
from evaluator.errors import DecisionError, InputError, SandboxError, SubsetError, TraceError


class DiedUnderPolicy(SandboxError, SubsetError):
    """As the sandbox's worker errors: both at once."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("x"), 2),
        (SettingsError("x"), 2),
        (InputError("x"), 2),
        (SubsetError("x"), 2),
        (DecisionError("x"), 2),
        (DiedUnderPolicy("x"), 2),
        (BudgetError("x"), 3),
        (ModelError("x"), 4),
        (ModelTimeout("x"), 4),
        (WeightsError("x"), 4),
        (CassetteError("x"), 4),
        (SandboxError("x"), 5),
        (TraceError("x"), 6),
        (StorageError("x"), 8),
        (CalendarUnreachable("x"), 8),
        (Unreachable("x"), 10),
        (ThreadTaken("x"), 130),
        (OSError(28, "No space left on device"), 8),
        (KeyboardInterrupt(), 130),
        (PromptError("x"), 1),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_exit_code_follows_the_kind_of_error(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_errors_of_the_memory_end_with_the_database_code() -> None:
    made = type("StoreLocked", (Exception,), {"__module__": "memory.errors"})
    assert exit_code(made("locked")) == Exit.DATABASE
    full = type("StoreFull", (made,), {"__module__": "memory.errors"})
    assert exit_code(full("no room left")) == Exit.STORAGE


def test_the_page_lists_exactly_the_codes_there_are(root: Path) -> None:
    page = (root / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", page, re.MULTILINE)
    assert rows == [(str(int(code)), code.name.lower()) for code in Exit]
