"""One verb with several objects: one task for each, where the words mean that.

"Train the small and the large model" is two tasks, "merge A and B" is one.
"""

from __future__ import annotations

import re

from agentsched.understanding.words import COLLECTIVE, stem
from agentsched.understanding.work.amounts import number

_PREPOSITION = r"(?:on|to|for|with|from|into|in|using|at|over|against|by|of|under|across|via)"
_ARTICLE = re.compile(r"^(?:both |the |a |an |my |our |all |each |every )+", re.IGNORECASE)
_LIST = re.compile(
    r"(?P<items>[^,;]+?(?:,\s*(?!and\b)[^,;]+?)*,?\s+(?:and|&)\s+[^,;]+)$", re.IGNORECASE
)
_MOST = 20
"""Tasks that one verb may stand for."""


def expand(action: str, *, distributive: bool) -> list[str]:
    """Return the titles of the tasks that an action's words ask for; usually the action alone.

    Args:
        action: Verb and objects, without adverbs and amounts.
        distributive: Words beside it say that there are several ("each", "in parallel", "both
            are done").
    """
    verb, _, rest = action.partition(" ")
    if not rest or stem(verb) in COLLECTIVE or re.search(r"\bbetween\b", rest):
        return [action]
    return (
        _with_and_without(action)
        or _repeated_preposition(action)
        or _ranged(action)
        or _direct_objects(verb, rest, distributive=distributive)
        or (_after_preposition(action) if distributive else None)
        or (_counted(action) if distributive else None)
        or [action]
    )


def _with_and_without(action: str) -> list[str] | None:
    found = re.search(r"\bwith(?: and |/| or )without\b", action, re.IGNORECASE)
    if found is None:
        return None
    head, tail = action[: found.start()], action[found.end() :]
    return [f"{head}with{tail}", f"{head}without{tail}"]


def _repeated_preposition(action: str) -> list[str] | None:
    """Read "to int8 and to int4", "with the baseline and with the new model"."""
    found = re.search(
        rf"^(?P<head>.+?) (?P<p>{_PREPOSITION}) (?P<items>.+?(?:,? and|,) (?P=p) .+)$",
        action,
        re.IGNORECASE,
    )
    if found is None:
        return None
    items = re.split(rf"(?:,? and|,) {found['p']} ", found["items"])
    return [f"{found['head']} {found['p']} {item.strip()}" for item in items][:_MOST]


def _direct_objects(verb: str, rest: str, *, distributive: bool) -> list[str] | None:
    cut = re.search(rf"\s{_PREPOSITION}\s", f" {rest} ", re.IGNORECASE)
    objects, tail = (rest, "") if cut is None else (rest[: cut.start()], rest[cut.start() :])
    particle = re.match(r"(?:up|down|out|off|back)\s", objects)
    if particle:
        verb, objects = f"{verb} {particle[0].strip()}", objects[particle.end() :]
    items = _items(objects)
    if items is None or not (distributive or _stand_alone(items)):
        return None
    titles = [f"{verb} {item}{_spaced(tail)}" for item in _shared(items)]
    if distributive and all(_is_name(item) for item in items):
        # "m1 and m2 on D1 and D2, 30 minutes per run" is four.
        titles = [one for title in titles for one in _after_preposition(title) or [title]]
    return titles[:_MOST]


def _after_preposition(action: str) -> list[str] | None:
    found = None
    for found in re.finditer(rf"\s{_PREPOSITION}\s+(?=\S)", action, re.IGNORECASE):
        items = _items(action[found.end() :])
        if items is not None:
            head = action[: found.end()]
            return [f"{head}{item}" for item in _shared(items)][:_MOST]
    return None


def _ranged(action: str) -> list[str] | None:
    """Read "ep1 through ep4"."""
    found = _RANGE.search(action)
    if found is None:
        return None
    first, last = int(found["first"]), int(found["last"])
    if not first < last < first + _MOST:
        return None
    head, tail = action[: found.start()], action[found.end() :]
    return [f"{head}{found['stem']}{n}{tail}" for n in range(first, last + 1)]


_RANGE = re.compile(
    r"\b(?P<stem>[A-Za-z]+[_-]?)(?P<first>\d{1,3})"
    r"(?: ?- ?| to | through |\.\.)(?P=stem)(?P<last>\d{1,3})(?![\w.%])"
)


def _counted(action: str) -> list[str] | None:
    """Read "train five seeds" beside "in parallel"."""
    found = re.search(
        r"\b(?:the |with |on |for |all )?(?P<n>two|three|four|five|six|seven|eight|ten|[2-9]|1\d"
        r"|20)"
        r" (?:different |random |separate |independent )?(?P<noun>[a-z-]+s)\b",
        action,
        re.IGNORECASE,
    )
    if found is None:
        return None
    noun = found["noun"][:-1] if not found["noun"].endswith("ss") else found["noun"]
    lead = action[: found.start("n")].removesuffix("all ").removesuffix("the ")
    tail = action[found.end() :]
    return [f"{lead}{noun} {n}{tail}" for n in range(1, int(number(found["n"])) + 1)]


def _items(objects: str) -> list[str] | None:
    objects = re.sub(r"^both ", "", objects.strip(), flags=re.IGNORECASE)
    found = _LIST.match(objects) if objects.count(",") <= _MOST else None
    if found is None and objects.count(",") < 2:  # "dropout 0.1, 0.3, 0.5"
        return None
    said = found["items"] if found else objects
    parts = re.split(r",\s*(?:and\s+)?|\s+(?:and|&)\s+", said)
    items = [part.strip() for part in parts if part.strip()]
    # "the four traces trace1, trace2": the count announces what is listed.
    announced = re.match(
        r"^(?:the |these |all )?(?:two|three|four|five|six|\d+) [A-Za-z-]+ (?=\S)", items[0]
    )
    if announced:
        items[0] = items[0][announced.end() :]
    count = re.fullmatch(r"(?:the |these )?(?P<n>two|three|four|five|six|\d+) [\w -]+", items[0])
    if count and int(number(count["n"])) == len(items) - 1:
        items = items[1:]  # "two models, a CNN and a transformer"
    return items if len(items) > 1 and all(len(item.split()) <= 6 for item in items) else None


def _stand_alone(items: list[str]) -> bool:
    """Whether each item has an article or a name of its own, so that they are things apart."""
    return all(_ARTICLE.match(item) for item in items) or all(_is_name(item) for item in items)


def _is_name(item: str) -> bool:
    last = item.split()[-1]
    if last.lower() in ("one", "two", "three", "four", "five", "six") and " " in item:
        return True
    return any(letter.isdigit() for letter in last) or bool(
        re.fullmatch(r"[A-Z]\w{0,3}|[a-z]", last)
    )


def _shared(items: list[str]) -> list[str]:
    """Give each item what it shares: the noun of the last, or what leads the first."""
    bare = [_ARTICLE.sub("", item) for item in items]
    last = bare[-1].split()
    if len(last) == 2 and all(_may_share(item) for item in bare[:-1]) and not _is_name(items[-1]):
        return [f"{item} {last[-1]}" for item in bare[:-1]] + [bare[-1]]
    first = bare[0].split()
    if len(first) > 1 and _is_name(bare[0]) and all(len(item.split()) == 1 for item in bare[1:]):
        lead = " ".join(first[:-1])
        return [bare[0], *(f"{lead} {item}" for item in bare[1:])]
    return bare


def _may_share(item: str) -> bool:
    """Whether one word can be of the kind of "small": a plural stands for itself."""
    return len(item.split()) == 1 and (item.endswith("ss") or not item.endswith("s"))


def _spaced(tail: str) -> str:
    return f" {tail.strip()}" if tail.strip() else ""
