"""Preferences in words, from templates: the numbers stay what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memory.records import PreferenceRecord

SURE = 3.0
LIKELY = 1.5
"""Means this many standard deviations from 0 are called strong, and fair."""


def phrase(predicate: str) -> str:
    """Return a predicate in words: ``type vendor and weekday fri``."""
    parts = (part.partition("=") for part in predicate.split(","))
    return " and ".join(
        f"{feature.replace('_', ' ')} {value}" if value else feature for feature, _, value in parts
    )


def sentence(predicate: str, direction: str, hard: bool) -> str:
    """Return a preference as a sentence without its evidence."""
    said = phrase(predicate)
    if hard:
        return f"{said} always comes {'first' if direction == 'prefer' else 'last'}"
    return f"{'prefers' if direction == 'prefer' else 'avoids'} {said}"


def strength(preference: PreferenceRecord) -> str:
    """Return how sure a preference is: ``rule``, ``strong``, ``fair`` or ``weak``."""
    if preference.hard:
        return "rule"
    if preference.variance <= 0:
        return "stated"
    sigmas = abs(preference.mean) / preference.variance**0.5
    return "strong" if sigmas >= SURE else "fair" if sigmas >= LIKELY else "weak"


def quoted(labels: Sequence[str], candidate: int) -> str:
    """Return how a decision calls a candidate."""
    return f"'{labels[candidate]}'" if candidate < len(labels) else f"candidate {candidate + 1}"


def flip_text(flip: Sequence[Mapping[str, object]], labels: Sequence[str]) -> str:
    """Return a counterfactual: ``'Vendor call' had urgency critical (it has low)``."""
    said = []
    for change in flip:
        feature = str(change["feature"]).replace("_", " ")
        has = f" (it has {change['was']})" if change["was"] else ""
        candidate = change["candidate"]
        assert isinstance(candidate, int)
        said.append(f"{quoted(labels, candidate)} had {feature} {change['to']}{has}")
    return " and ".join(said)
