"""Packages offer what they say they offer: ``__all__`` against reality."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import agentsched
import evaluator
import memory

OURS = ("agentsched", "evaluator", "memory")

MOST = 30
"""Few doors: more names than this, and the package holds two ideas."""


def packages() -> list[str]:
    found = []
    for root in (agentsched, evaluator, memory):
        found.append(root.__name__)
        found += [
            module.name
            for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}.")
            if module.ispkg and ".versions" not in module.name
        ]
    return [name for name in found if hasattr(importlib.import_module(name), "__all__")]


def imported(package: str) -> set[str]:
    """Public names that the package's ``__init__`` brings in or defines at its top."""
    module = importlib.import_module(package)
    assert module.__file__ is not None
    names: set[str] = set()
    for statement in ast.parse(Path(module.__file__).read_text()).body:
        match statement:
            case ast.ImportFrom(module=str(source)) if source.split(".")[0] in OURS:
                names |= {alias.asname or alias.name for alias in statement.names}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("package", packages())
def test_a_package_offers_what_it_lists_and_lists_what_it_offers(package: str) -> None:
    module = importlib.import_module(package)
    listed = module.__all__
    assert sorted(listed) == list(listed)
    assert len(set(listed)) == len(listed)
    assert len(listed) <= MOST
    missing = [name for name in listed if not hasattr(module, name)]
    assert missing == []
    assert imported(package) <= set(listed)
