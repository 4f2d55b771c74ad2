"""Known rules of the calendar world by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

from evaluator.calendar.policy import MakeResolver, Resolver
from evaluator.calendar.rules.bayes import Bayes
from evaluator.calendar.rules.bradley_terry import BradleyTerry
from evaluator.calendar.rules.knn import Knn
from evaluator.calendar.rules.random_order import RandomOrder
from evaluator.calendar.rules.urgency import Urgency
from evaluator.calendar.scored import LEARNER_TEXT, Scored
from evaluator.errors import InputError

_KNOWN: Final[Mapping[str, MakeResolver]] = {
    "bayes": lambda role, seed: Bayes(role),
    "bayes-cold": lambda role, seed: Bayes(),
    "bradley-terry": lambda role, seed: BradleyTerry(),
    "knn": lambda role, seed: Knn(),
    "learner": lambda role, seed: Scored(LEARNER_TEXT, role),
    "random": lambda role, seed: RandomOrder(seed),
    "urgency": lambda role, seed: Urgency(),
}


def known_resolvers() -> tuple[str, ...]:
    """Return the names of all known rules, sorted."""
    return tuple(sorted(_KNOWN))


def make_resolver(name: str, role: str, seed: bytes = b"") -> Resolver:
    """Return a known rule, ready for a user of a role.

    Raises:
        InputError: for an unknown name; lists close matches.
    """
    if name not in _KNOWN:
        close = difflib.get_close_matches(name, _KNOWN, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"no resolver {name!r}; {hint}known: {', '.join(known_resolvers())}")
    return _KNOWN[name](role, seed)
