"""``agentsched memory preferences``: what the assistant believes you prefer, and why."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsched.cli.options import Json, MemoryUrl
from agentsched.cli.output import emit, number, show, table

if TYPE_CHECKING:
    from memory.preferences import ListedPreference
    from memory.records import PreferenceRecord
    from memory.store import MemoryStore

app = typer.Typer(help="Preferences: list, state, withdraw, restore, undo; why a decision was so.")

Id = Annotated[str, typer.Argument(help="Id, or its beginning.", show_default=False)]
Scope = Annotated[str | None, typer.Option(help="Of this scope only: calendar, placement, …")]


class Direction(StrEnum):
    """What is wanted."""

    PREFER = "prefer"
    AVOID = "avoid"


@app.callback(invoke_without_command=True)
def preferences(
    context: typer.Context,
    scope: Scope = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Weak, withdrawn and expired ones too.")
    ] = False,
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """List preferences with direction, strength, support, source and the decisions behind them."""
    if context.invoked_subcommand is None:
        list_(scope, everything, memory, json)


@app.command("list")
def list_(
    scope: Scope = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Weak, withdrawn and expired ones too.")
    ] = False,
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """List preferences: stated ones first, then rules found, then weights."""
    from memory.preferences import list_preferences

    with _opened(memory) as store:
        found = list_preferences(store, scope=scope, everything=everything)
        place = store.name
    if json:
        emit([_summary(item) for item in found])
        return
    if not found:
        show(
            f"no preferences in {place}; "
            "agentsched memory preferences state type=vendor avoid states one"
        )
        return
    table(
        (
            "id",
            "scope",
            "direction",
            "preference",
            "strength",
            ">weight",
            ">for",
            ">against",
            "source",
            "from",
        ),
        [
            (
                item.preference.id[:12],
                item.preference.scope,
                item.preference.direction,
                item.preference.text + ("" if item.in_force else " (not in use)"),
                item.strength,
                "" if item.preference.hard else number(item.preference.mean),
                str(item.preference.support_for),
                str(item.preference.support_against),
                item.preference.source,
                ", ".join(decision.subject for decision in item.decisions[-2:]),
            )
            for item in found
        ],
    )


@app.command("state")
def state_(
    predicate: Annotated[str, typer.Argument(help="feature=value[,feature=value]")],
    direction: Annotated[
        Direction, typer.Argument(help="Whether such events come first or last.")
    ] = Direction.PREFER,
    soft: Annotated[
        bool, typer.Option("--soft", help="Weigh it against the rest; else it is a rule.")
    ] = False,
    scope: Annotated[str, typer.Option(help="calendar, placement, …")] = "calendar",
    text: Annotated[str, typer.Option(help="Your own words.")] = "",
    expires: Annotated[
        datetime | None, typer.Option(help="Until when, in local time.", show_default=False)
    ] = None,
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """State a preference; it stands above everything learnt."""
    from memory.preferences import state_preference

    until = None if expires is None else expires.astimezone()
    with _opened(memory) as store:
        made = state_preference(
            store, predicate, direction.value, scope=scope, hard=not soft, text=text, expires=until
        )
    _answer(made, json)


@app.command("withdraw")
def withdraw_(
    id: Id,
    reason: Annotated[str, typer.Option(help="Why.")] = "withdrawn by the user",
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Take a preference out of use, a stated or a learnt one; restore brings it back."""
    from memory.preferences import withdraw_preference

    with _opened(memory) as store:
        _answer(withdraw_preference(store, id, reason), json)


@app.command("restore")
def restore_(id: Id, memory: MemoryUrl = None, json: Json = False) -> None:
    """Take a withdrawn preference back into use."""
    from memory.preferences import restore_preference

    with _opened(memory) as store:
        _answer(restore_preference(store, id), json)


@app.command("undo")
def undo_(id: Id, memory: MemoryUrl = None, json: Json = False) -> None:
    """Undo the last change of a preference, or unlearn a decision."""
    from agentsched.settings import load_settings
    from memory.decisions import find_decision, undo_decision
    from memory.errors import NotFound
    from memory.preferences import undo_last_change

    with _opened(memory) as store:
        try:
            with store.read() as reader:
                find_decision(reader, id)
        except NotFound:
            _answer(undo_last_change(store, id), json)
            return
        undone = undo_decision(store, id, role=load_settings().agent.role)
    if json:
        emit({"id": undone.id, "subject": undone.subject, "learnt": undone.learnt})
        return
    show(f"unlearnt: {undone.id[:12]} {undone.subject}")


@app.command("why")
def why_(
    about: Annotated[str, typer.Argument(help="Id of a decision, or words of its subject.")],
    memory: MemoryUrl = None,
    json: Json = False,
) -> None:
    """Say why a decision was taken, what it rests on, and what would have flipped it."""
    from memory.decisions import explain, list_decisions
    from memory.errors import NotFound

    with _opened(memory) as store:
        try:
            found = explain(store, about)
        except NotFound:
            heard = list_decisions(store, about=about, limit=1) if about.strip() else ()
            if not heard:
                raise NotFound(
                    f"no decision {about!r}, by id or subject; decisions are made in agentsched "
                    "chat and agentsched calendar"
                ) from None
            found = explain(store, heard[0].id)
    if json:
        emit(
            {
                "decision": found.decision.id,
                "subject": found.decision.subject,
                "text": found.text,
                "reasons": list(found.reasons),
                "flips": list(found.flips),
                "evidence": [item.id for item in found.cited],
                "stated": [item.id for item in found.stated],
            }
        )
        return
    show(f"{found.decision.id[:12]} {found.decision.subject}", found.text)


def _opened(url: str | None) -> AbstractContextManager[MemoryStore]:
    # late, because the commands of memory take these in as a group of theirs
    from agentsched.cli.memory import opened

    return opened(url)


def _answer(preference: PreferenceRecord, json: bool) -> None:
    if json:
        emit(asdict(preference))
        return
    show(f"{preference.id[:12]} {preference.text} ({preference.scope}): {preference.status}")


def _summary(item: ListedPreference) -> dict[str, Any]:
    full = asdict(item.preference)
    return {
        **{name: value for name, value in full.items() if name != "details"},
        "strength": item.strength,
        "in_force": item.in_force,
        "hint": full["details"].get("hint"),
        "decisions": [{"id": d.id, "subject": d.subject} for d in item.decisions],
    }
