"""From text to a policy: shape, settings, checked tree."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache
from typing import Final, cast

from evaluator.candidates import tree
from evaluator.candidates.expressions import Role, fail
from evaluator.candidates.fields import NEEDS_NOW, NODE_FIELDS
from evaluator.candidates.general import check_general
from evaluator.candidates.measure import check_size, check_text, check_time
from evaluator.candidates.toplevel import TopLevel, read_top_level
from evaluator.candidates.translate import Translator
from evaluator.errors import SubsetError
from evaluator.policy import Batch, Discipline, PolicySource, Shape

ENTRIES: Final[dict[str, tuple[tuple[Role, ...], ...]]] = {
    "key": (("task",), ("task", "number")),
    "prefer": (("task", "node"),),
    "score": (("task", "node", "number"), ("task", "node")),
}
"""Roles of the parameters of each entry point, in the forms that are accepted."""

SPELLING: Final = {
    "key": "`def key(task)` or `def key(task, now)`",
    "prefer": "`def prefer(task, node)`",
    "score": "`def score(task, node, now)`",
}


def read_policy(text: str, name: str = "candidate") -> PolicySource:
    """Parse and check a policy; nothing of it is run.

    A file with ``decide(state)`` gets ``lane="general"`` after a light gate, any other is
    checked against the pure subset whole.

    Raises:
        SubsetError: names the line, the construct and the way out.
    """
    module = parse(text)
    if any(isinstance(n, ast.FunctionDef) and n.name == "decide" for n in module.body):
        check_general(module)
        return PolicySource(name, text, "decide", lane="general")
    policy = checked_tree(text)
    return PolicySource(name, text, policy.shape, policy.discipline, policy.batch)


def parse(text: str) -> ast.Module:
    """Return Python's own syntax tree of a text of bounded size.

    Raises:
        SubsetError: if the text is too long, too deep, or not Python.
    """
    check_text(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(text)
    except SyntaxError as error:
        found = " ".join((error.text or "").split())[:60]
        shown = f" at `{found}`" if found else ""
        raise SubsetError(f"not valid Python: {error.msg}{shown}", error.lineno) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SubsetError(f"not readable as Python: {str(error) or 'too deep'}") from None
    check_size(module)
    return module


@lru_cache(maxsize=512)
def checked_tree(text: str) -> tree.Policy:
    """Return the checked tree of a pure policy.

    Raises:
        SubsetError: names the line, the construct and the way out.
    """
    module = parse(text)
    top = read_top_level(module)
    shape = _shape(top)
    discipline, batch = _settings(top, shape)
    translator = Translator(top.module)
    entries = tuple(_entry(name, top, translator) for name in ENTRIES if name in top.functions)
    # helpers nobody calls are checked like the rest, and left out
    called = {function.name: function for function in translator.done.values()}
    _check_unused(top, translator)
    invoked = {name for function in called.values() for name in _invoked(function)}
    helpers = tuple(f for f in called.values() if f.name in invoked)
    policy = tree.Policy(
        shape, discipline, batch, entries, helpers, ast.get_docstring(module) or ""
    )
    lines = {name: node.lineno for name, node in top.functions.items()}
    check_time(policy, lines)
    _check_now(policy, top)
    return policy


def _shape(top: TopLevel) -> Shape:
    if "score" in top.functions:
        if "prefer" in top.functions:
            fail(
                top.functions["prefer"],
                "`def prefer` beside `def score`: score already ranks nodes; remove prefer",
            )
        return "score"
    if "key" in top.functions:
        return "key"
    found = ", ".join(f"`{name}`" for name in top.functions) or "no function"
    raise SubsetError(
        f"no entry point, found {found}: define {SPELLING['key']} or {SPELLING['score']}, or "
        "`def decide(state)` for the general lane"
    )


def _settings(top: TopLevel, shape: Shape) -> tuple[Discipline, Batch]:
    discipline, line = top.settings.get("DISCIPLINE", ("greedy", 1))
    if shape == "score" and discipline in ("strict", "easy", "conservative"):
        fail(line, f"DISCIPLINE = {discipline!r} needs {SPELLING['key']}, not score")
    if shape == "key" and discipline == "bind":
        fail(line, f"DISCIPLINE = 'bind' needs {SPELLING['score']}")
    if shape == "score" and discipline != "bind" and "key" in top.functions:
        fail(
            top.functions["key"],
            "`def key` beside `def score`: greedy takes one of them; remove one, or set "
            "DISCIPLINE = 'bind'",
        )
    batch, line = top.settings.get("BATCH", ("key", 1))
    if batch != "key" and discipline != "bind":
        fail(line, f"BATCH = {batch!r} works with DISCIPLINE = 'bind' only: remove it")
    return cast(Discipline, discipline), cast(Batch, batch)


def _entry(name: str, top: TopLevel, translator: Translator) -> tree.Function:
    definition = top.functions[name]
    given = definition.args.args
    for roles in ENTRIES[name]:
        if len(roles) == len(given):
            return translator.function(name, roles, definition.lineno)
    written = f"`def {name}({', '.join(arg.arg for arg in given)})`"
    return fail(definition, f"{written}: write {SPELLING[name]}")


def _check_unused(top: TopLevel, translator: Translator) -> None:
    for name, definition in top.functions.items():
        if name not in translator.done:
            roles = tuple(_guess(arg.arg, definition) for arg in definition.args.args)
            translator.function(name, roles, definition.lineno)


def _invoked(function: tree.Function) -> set[str]:
    tops = tree.expressions(function.body)
    return {e.helper for top in tops for e in tree.walk(top) if isinstance(e, tree.Invoke)}


def _guess(name: str, definition: ast.FunctionDef) -> Role:
    read = [
        node.attr
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    ]
    if not read:
        return "number"
    return "node" if all(field in NODE_FIELDS for field in read) else "task"


def _check_now(policy: tree.Policy, top: TopLevel) -> None:
    for function in policy.entries:
        read = tree.fields_of(policy, function)
        missing = sorted(f for owner, f in read if owner == "task" and f in NEEDS_NOW)
        if missing and not function.parameters:
            way = {
                "key": "write `def key(task, now)`",
                "score": "write `def score(task, node, now)`",
                "prefer": "prefer(task, node) has no `now`; use it in key",
            }[function.name]
            fail(top.functions[function.name], f"`task.{missing[0]}` needs `now`: {way}")
