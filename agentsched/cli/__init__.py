"""The command line: one file a command, each thin over a library call."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``agentsched`` and return its exit code (docs/exit-codes.md)."""
    from agentsched.cli.border import guarded

    return guarded(_run, sys.argv[1:] if arguments is None else arguments)


def _run(arguments: Sequence[str]) -> object:
    from agentsched.cli.border import check_origin

    check_origin()
    from agentsched.cli.app import app

    return app(list(arguments), prog_name="agentsched", standalone_mode=False)


__all__ = ["main"]
