"""From what a model said to the text of a policy."""

from __future__ import annotations

import ast
import json
import re

_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE
)
_ENTRY = re.compile(r"^[ \t]*def[ \t]+(key|score|decide)\b", re.MULTILINE)
_JSON_KEYS = ("code", "policy", "text", "source")


def find_code(reply: str) -> str | None:
    """Return the policy in a reply: a JSON field, the fenced block with an entry, or bare code.

    None when there is nothing that looks like a policy.
    """
    reply = reply.replace("\r\n", "\n")
    answered = _json_field(reply)
    if answered is not None:
        reply = answered
    blocks = [block for _, block in _FENCE.findall(reply)]
    for block in blocks:
        if _ENTRY.search(block):
            return str(block)
    if not blocks and _ENTRY.search(reply):
        return reply
    return None


def tidy(code: str) -> str:
    """Mend what says nothing about the idea: missing ``import math``, examples of use, indentation.

    Text that is not Python is returned as it is, so that its error names the right line.
    """
    code = _dedented(code.strip("\n")) + "\n"
    try:
        module = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return code
    lines = code.splitlines()
    for node in reversed(module.body):
        if not _belongs(node):
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            del lines[first:last]
    if _lacks_math(module):
        at = 1 if not _has_docstring(module) else (module.body[0].end_lineno or 1) + 1
        lines[at - 1 : at - 1] = ["import math"]
    return "\n".join(lines).strip("\n") + "\n"


def with_discipline(code: str, discipline: str) -> str:
    """Add the ``DISCIPLINE`` that the prompt had written down, if the reply left it out."""
    if re.search(r"^DISCIPLINE\b", code, re.MULTILINE):
        return code
    try:
        module = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return code
    lines = code.splitlines()
    at = (module.body[0].end_lineno or 0) if _has_docstring(module) else 0
    lines[at:at] = [f'DISCIPLINE = "{discipline}"']
    return "\n".join(lines) + "\n"


def with_constants(code: str, parent: str) -> str:
    """Copy the parent's module constants that the reply uses and forgot to repeat."""
    try:
        module, known = ast.parse(code), ast.parse(parent)
    except (SyntaxError, ValueError, RecursionError):
        return code
    stored = {n.id for n in ast.walk(module) if isinstance(n, ast.Name) and _is_stored(n)}
    used = {n.id for n in ast.walk(module) if isinstance(n, ast.Name) and not _is_stored(n)}
    copied = [
        ast.get_source_segment(parent, node) or ""
        for node in known.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in used - stored
    ]
    if not copied:
        return code
    at = next((n.lineno for n in module.body if isinstance(n, ast.FunctionDef)), 1) - 1
    lines = code.splitlines()
    lines[at:at] = [*copied, "", ""]
    return "\n".join(lines) + "\n"


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _json_field(reply: str) -> str | None:
    start = reply.find("{")
    if start < 0 or reply[:start].strip() not in ("", "```json", "```"):
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(reply[start:])
    except (ValueError, RecursionError):
        return None
    found = (value.get(key) for key in _JSON_KEYS)
    return next((text for text in found if isinstance(text, str)), None)


def _dedented(code: str) -> str:
    lines = code.splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least = min(indents, default=0)
    return "\n".join(line[least:] for line in lines)


def _belongs(node: ast.stmt) -> bool:
    """Calls, prints and ``if __name__`` at the top are examples of use, not policy."""
    match node:
        case ast.Expr(value=ast.Call()):
            return False
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return False
        case _:
            return True


def _lacks_math(module: ast.Module) -> bool:
    uses = any(isinstance(node, ast.Name) and node.id == "math" for node in ast.walk(module))
    has = any(
        isinstance(node, ast.Import) and any(alias.name == "math" for alias in node.names)
        for node in module.body
    )
    return uses and not has


def _has_docstring(module: ast.Module) -> bool:
    return ast.get_docstring(module, clean=False) is not None
