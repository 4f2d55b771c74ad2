"""A calendar scenario as TOML and back; what is left out is as in ``calendar-conflicts``."""

from __future__ import annotations

import json
import tomllib
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from evaluator.calendar.instance import Rules
from evaluator.calendar.metrics import METRICS
from evaluator.calendar.scenario import CONFLICTS, CalendarScenario, Guard, Objective
from evaluator.calendar.vocabulary import ROLES
from evaluator.errors import InputError

SPLITS: Final = ("train", "validation", "test", "unseen", "smoke")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RulesTable(_Table):
    """How a year goes."""

    rounds: int = Field(default=CONFLICTS.rules.rounds, ge=1, le=100_000)
    noise: int = Field(default=CONFLICTS.rules.noise, ge=0, le=100_000)
    drift: int = Field(default=CONFLICTS.rules.drift, ge=0, le=100)
    deletion: bool = CONFLICTS.rules.deletion
    questions: int = Field(default=CONFLICTS.rules.questions, ge=0, le=100)

    def rules(self) -> Rules:
        """Return them as the world has them."""
        return Rules(**self.model_dump())


class ObjectiveTable(_Table):
    """What is made small or great."""

    metric: str
    sense: Literal["min", "max"] = "min"

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in METRICS:
            raise ValueError(f"no metric {value!r}; known: {', '.join(METRICS)}")
        return value


class GuardTable(ObjectiveTable):
    """What must not get worse."""

    margin: float = Field(ge=0, lt=10)


class SplitsTable(_Table):
    """Number of instances."""

    train: int = Field(default=CONFLICTS.splits["train"], ge=1, le=10_000)
    validation: int = Field(default=CONFLICTS.splits["validation"], ge=1, le=10_000)
    test: int = Field(default=CONFLICTS.splits["test"], ge=1, le=10_000)
    unseen: int = Field(default=CONFLICTS.splits["unseen"], ge=0, le=10_000)
    smoke: int = Field(default=CONFLICTS.splits["smoke"], ge=1, le=100)


class ScenarioFile(_Table):
    """The whole file."""

    world: Literal["calendar"]
    title: str = ""
    description: str = ""
    known: tuple[str, ...] = Field(default=CONFLICTS.known, min_length=1)
    start: str = CONFLICTS.start
    roles: tuple[str, ...] = Field(default=CONFLICTS.roles, min_length=1)
    unseen_roles: tuple[str, ...] = Field(default=CONFLICTS.unseen_roles, min_length=1)
    objective: ObjectiveTable = ObjectiveTable(metric=CONFLICTS.objective.metric)
    rules: RulesTable = RulesTable()
    unseen_rules: RulesTable = RulesTable(
        noise=CONFLICTS.unseen_rules.noise, drift=CONFLICTS.unseen_rules.drift
    )
    splits: SplitsTable = SplitsTable()
    guard: tuple[GuardTable, ...] = tuple(
        GuardTable(metric=g.metric, sense=g.sense, margin=g.margin) for g in CONFLICTS.guards
    )

    @field_validator("roles", "unseen_roles")
    @classmethod
    def _roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for role in value:
            if role not in ROLES:
                raise ValueError(f"no role {role!r}; known: {', '.join(ROLES)}")
        return value

    @field_validator("known", "start")
    @classmethod
    def _rules(cls, value: Any) -> Any:
        from evaluator.calendar.rules import known_resolvers

        for name in (value,) if isinstance(value, str) else value:
            if name not in known_resolvers():
                raise ValueError(f"no rule {name!r}; known: {', '.join(known_resolvers())}")
        return value


def from_toml(text: str, name: str) -> CalendarScenario:
    """Return the scenario that a text describes.

    Raises:
        InputError: one line with field, value and way out.
    """
    try:
        tree = ScenarioFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"scenario {name!r} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(
            f"scenario {name!r}: {field}: {reason}, got {first['input']!r:.60}"
        ) from error
    return CalendarScenario(
        name=name,
        title=tree.title,
        description=tree.description,
        objective=Objective(tree.objective.metric, tree.objective.sense),
        guards=tuple(Guard(g.metric, g.sense, g.margin) for g in tree.guard),
        known=tree.known,
        start=tree.start,
        splits=tree.splits.model_dump(),
        roles=tree.roles,
        unseen_roles=tree.unseen_roles,
        rules=tree.rules.rules(),
        unseen_rules=tree.unseen_rules.rules(),
    )


def to_toml(scenario: CalendarScenario) -> str:
    """Return a text that ``from_toml`` reads as an equal scenario."""
    lines = ['world = "calendar"']
    for name in ("title", "description", "known", "start", "roles", "unseen_roles"):
        lines.append(f"{name} = {_value(getattr(scenario, name))}")
    objective: dict[str, object] = {
        "metric": scenario.objective.metric,
        "sense": scenario.objective.sense,
    }
    tables: list[tuple[str, dict[str, object]]] = [("[objective]", objective)]
    tables += [
        (
            f"[{name}]",
            {
                field: getattr(getattr(scenario, name), field)
                for field in ("rounds", "noise", "drift", "deletion", "questions")
            },
        )
        for name in ("rules", "unseen_rules")
    ]
    tables.append(("[splits]", {name: scenario.splits[name] for name in SPLITS}))
    tables += [
        ("[[guard]]", {"metric": g.metric, "sense": g.sense, "margin": g.margin})
        for g in scenario.guards
    ]
    for head, fields in tables:
        lines += ["", head, *(f"{name} = {_value(value)}" for name, value in fields.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """Return a TOML value: JSON's strings, numbers and lists are TOML's as well."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=True)
