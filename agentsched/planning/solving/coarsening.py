"""The coarsest grain in which a problem in seconds can be written without rounding anything."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from agentsched.planning.solving.problem import (
    Activity,
    Option,
    Preference,
    Problem,
    Rates,
    Resource,
    Stay,
)
from agentsched.planning.spans import Spans


def in_grains(problem: Problem) -> tuple[Problem, int]:
    """Return the problem with every time divided by the grain, and the grain.

    Costs stay what they are: a grain of makespan costs as much as its seconds did.
    """
    grain = math.gcd(*_times(problem)) or 1
    if grain == 1:
        return problem, 1
    rates = Rates(problem.rates.makespan * grain, problem.rates.late * grain)
    smaller = replace(
        problem,
        activities=tuple(_activity(activity, grain) for activity in problem.activities),
        resources=tuple(_resource(resource, grain) for resource in problem.resources),
        horizon=problem.horizon // grain,
        preferences=tuple(_preference(wish, grain) for wish in problem.preferences),
        stays=tuple(_stay(stay, grain) for stay in problem.stays),
        rates=rates,
    )
    return smaller, grain


def _times(problem: Problem) -> Iterator[int]:
    for activity in problem.activities:
        for option in activity.options:
            yield option.duration
            yield from _ends(option.starts)
        if activity.due is not None:
            yield activity.due
    for resource in problem.resources:
        yield from _ends(resource.blocks)
    for wish in problem.preferences:
        for spans in wish.good:
            yield from _ends(spans)
    for stay in problem.stays:
        yield stay.start


def _ends(spans: Spans) -> Iterator[int]:
    for first, last in spans:
        yield first
        yield last


def _divide(spans: Spans, grain: int) -> Spans:
    return tuple((first // grain, last // grain) for first, last in spans)


def _activity(activity: Activity, grain: int) -> Activity:
    options = tuple(_option(option, grain) for option in activity.options)
    due = None if activity.due is None else activity.due // grain
    return replace(activity, options=options, due=due)


def _option(option: Option, grain: int) -> Option:
    return replace(option, duration=option.duration // grain, starts=_divide(option.starts, grain))


def _resource(resource: Resource, grain: int) -> Resource:
    return replace(resource, blocks=_divide(resource.blocks, grain))


def _preference(wish: Preference, grain: int) -> Preference:
    return replace(wish, good=tuple(_divide(spans, grain) for spans in wish.good))


def _stay(stay: Stay, grain: int) -> Stay:
    return replace(stay, start=stay.start // grain, drift=stay.drift * grain)
