"""The worlds there are, and which of them something belongs to."""

from __future__ import annotations

import difflib
import importlib.metadata
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from evaluator.errors import InputError, TraceError
from evaluator.world import Scenario, Stored, World

if TYPE_CHECKING:
    from evaluator.traceheader import TraceHeader

GROUP: Final = "agentsched.worlds"
"""Entry points of this group name a world's object."""

DEFAULT: Final = "cluster"
"""World of a file that names none."""

_BUILT_IN: Final = {
    "cluster": "evaluator.cluster.world:WORLD",
    "calendar": "evaluator.calendar.world:WORLD",
}
"""Found without an installed entry point; nobody else's may take these names."""


@cache
def find_world(name: str) -> World:
    """Return a world by its name.

    Raises:
        InputError: there is none, or its package cannot be loaded.
    """
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        return cast(World, getattr(import_module(module), attribute))
    for point in importlib.metadata.entry_points(group=GROUP, name=name):
        try:
            return cast(World, point.load())
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"world {name!r}: {point.value} cannot be loaded ({error}); reinstall its package"
            ) from error
    raise InputError(f"no world {name!r}; known: {', '.join(world_names())}")


@cache
def world_names() -> tuple[str, ...]:
    """Return the names of all worlds: the built-in ones, then others by name."""
    others = {point.name for point in importlib.metadata.entry_points(group=GROUP)}
    return (*_BUILT_IN, *sorted(others - set(_BUILT_IN)))


def worlds() -> Iterator[World]:
    """Yield the worlds, each loaded only when it is come to."""
    for name in _BUILT_IN:
        yield find_world(name)
    for name in world_names()[len(_BUILT_IN) :]:
        yield find_world(name)


def world_of(thing: object) -> World:
    """Return the world of a scenario or an instance.

    Raises:
        InputError: no world knows it.
    """
    for world in worlds():
        if world.owns(thing):
            return world
    raise InputError(f"no world has a {type(thing).__name__}; known: {', '.join(world_names())}")


def scenario_names() -> tuple[str, ...]:
    """Return the built-in scenarios of all worlds."""
    return tuple(name for world in worlds() for name in world.scenario_names())


def load_scenario(
    name: str,
    *,
    workload: Path | None = None,
    format: str | None = None,
    cluster: Path | None = None,
) -> Scenario:
    """Load a built-in scenario of any world by name, or any by the path of its TOML.

    A file belongs to the world that its ``world`` names; left out, to the cluster.

    Raises:
        InputError: one line with file, field, value and way out.
    """
    world = _world_of_file(Path(name)) if Path(name).suffix == ".toml" else _world_with(name)
    return world.load_scenario(name, workload=workload, format=format, cluster=cluster)


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored trace and the world it is of."""

    world: World
    stored: Stored


def read_trace(path: Path | str) -> Opened:
    """Read a stored trace of any world and check its seal.

    Raises:
        TraceError: the file is missing, foreign, truncated or damaged; names the byte, the
            column and its rows where they are known.
    """
    from evaluator.sealed import read_file, readable, unseal

    path = Path(path)
    content = read_file(path)
    try:
        unsealed = unseal(content)
        with readable():
            world = find_world(unsealed.facts().get("world", DEFAULT))
        return Opened(world, world.decode(unsealed, path))
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from error.__cause__


def write_trace(
    world: World, path: Path, trace: Any, header: TraceHeader, *, instance: Any = None
) -> str:
    """Store a trace at once or not at all; return its digest.

    Args:
        world: What it is a trace of.
        path: Where to; its folder exists.
        trace: What happened.
        header: What it says about itself.
        instance: The whole problem, embedded so that the file can be replayed alone.

    Raises:
        TraceError: the file cannot be written (full disk, no permission).
    """
    from evaluator.sealed import write_file

    content, digest = world.encode(trace, header, instance=instance)
    write_file(path, content)
    return digest


def _world_with(name: str) -> World:
    for world in worlds():
        if name in world.scenario_names():
            return world
    close = difflib.get_close_matches(name, scenario_names(), n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise InputError(
        f"no scenario {name!r}; {hint}known: {', '.join(scenario_names())}, or a path that ends in "
        ".toml"
    )


def _world_of_file(path: Path) -> World:
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8")).get("world", DEFAULT)
    except (OSError, ValueError):
        # the world that reads it says what is wrong with it
        return find_world(DEFAULT)
    return find_world(named) if isinstance(named, str) else find_world(DEFAULT)
