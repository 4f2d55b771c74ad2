"""Sets of whole numbers as sorted, disjoint closed ranges: when a task may start."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]
"""From the first to the last number, both within."""
Spans = tuple[Span, ...]
"""Sorted and disjoint."""


def union(spans: Iterable[Span]) -> Spans:
    """Return the least set that holds all of them; empty spans (last < first) vanish."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if last < first:
            continue
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def merged(blocks: Iterable[Span]) -> Spans:
    """Return half-open blocks so that no two overlap or touch."""
    return tuple((begin, last + 1) for begin, last in union((b, e - 1) for b, e in blocks))


def intersect(a: Spans, b: Spans) -> Spans:
    """Return what is in both."""
    found: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        first, last = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if first <= last:
            found.append((first, last))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def subtract(a: Spans, b: Spans) -> Spans:
    """Return what is in ``a`` and not in ``b``."""
    found: list[Span] = []
    for first, last in a:
        for low, high in b:
            if high < first or low > last:
                continue
            if low > first:
                found.append((first, low - 1))
            first = max(first, high + 1)
        if first <= last:
            found.append((first, last))
    return tuple(found)


def starts_clear_of(blocks: Iterable[Span], duration: int, within: Spans) -> Spans:
    """Return the starts at which ``[start, start + duration)`` meets no half-open block."""
    forbidden = union((begin - duration + 1, end - 1) for begin, end in blocks)
    return subtract(within, forbidden)


def starts_inside(windows: Iterable[Span], duration: int, within: Spans) -> Spans:
    """Return the starts at which ``[start, start + duration)`` lies in one half-open window."""
    return intersect(within, union((begin, end - duration) for begin, end in windows))


def first_at_least(spans: Spans, value: int) -> int | None:
    """Return the least member that is at least ``value``; None when there is none."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][1] < value:
            low = middle + 1
        else:
            high = middle
    return None if low == len(spans) else max(spans[low][0], value)


def contains(spans: Spans, value: int) -> bool:
    """Return whether ``value`` is a member."""
    return first_at_least(spans, value) == value
