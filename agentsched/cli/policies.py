"""``agentsched policies``: the known rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agentsched.cli.options import Json, MemoryUrl
from agentsched.cli.output import emit, show, table

if TYPE_CHECKING:
    from evaluator.world import Rule

app = typer.Typer(help="List and show known rules; show any policy.", no_args_is_help=True)


@app.command("list")
def list_(json: Json = False) -> None:
    """List the known rules of every world."""
    from evaluator.worlds import worlds

    found = [
        {**facts(world.load_rule(name)), "world": world.name}
        for world in worlds()
        for name in world.known_rules()
    ]
    if json:
        emit(found)
        return
    table(
        ("name", "world", "shape", "discipline", "what it does"),
        [(f["name"], f["world"], f["shape"], f["discipline"], f["summary"]) for f in found],
    )


@app.command("show")
def show_(
    policy: Annotated[str, typer.Argument(help="Known rule, .py file, or id in memory.")],
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Show a policy: what was read off it, and its source."""
    from agentsched.cli.resolve import find_policy

    found = find_policy(policy, memory)
    if json:
        emit({**facts(found), "text": found.text})
        return
    read = facts(found)
    show(
        *(f"{name:<11}{read[name]}" for name in ("name", "shape", "discipline", "lane", "digest")),
        "",
        found.text.strip(),
    )


def facts(policy: Rule) -> dict[str, Any]:
    """Return what is known of a policy without running it."""
    from evaluator.policy import PolicySource

    known = {"name": policy.name, "lane": lane_of(policy), "digest": policy.digest}
    if not isinstance(policy, PolicySource):
        return {
            **known,
            "summary": policy.text.partition("\n")[0],
            "shape": "native",
            "discipline": getattr(policy, "kind", ""),
        }
    return {
        **known,
        "summary": _first_line(policy.text),
        "shape": policy.shape,
        "discipline": policy.discipline if policy.lane == "pure" else "its own",
    }


def lane_of(policy: Rule) -> Literal["pure", "general", "native"]:
    """Return where a policy runs of its own accord."""
    from evaluator.policy import PolicySource

    return policy.lane if isinstance(policy, PolicySource) else "native"


def _first_line(text: str) -> str:
    """The first sentence of a module's docstring, read without running the module."""
    import ast

    try:
        words = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError:
        return ""
    return words.partition("\n")[0]
