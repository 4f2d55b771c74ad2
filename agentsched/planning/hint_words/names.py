"""Wishes that name what the inventory has: device types, labels, machines, places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from agentsched.planning.hint_words.found import Found, Unread
from agentsched.planning.hints import DeviceHint, Hint, LabelHint, PlaceHint
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.wording import no_such

Place = Literal["rack", "zone", "region"]

_NOUN: Final = r"(?:\s+(?:gpus?|cards?|machines?|nodes?|box(?:es)?|hosts?|servers?|instances?))?"
_BETWEEN: Final = r"\s*(?:,|/|\bor\b|\band\b|\bnor\b)\s*(?:an?\s+|the\s+)?"
_CLASS: Final = (
    # with a count it is a demand, not a wish for a type
    r"(?<!\d )(?<!\d)\b(?P<size>(?:big|large|huge|strong|powerful|small|little|weak)"
    r"(?:ger|gest|er|est)?\s+)?"
    r"(?P<class>gpus?|accelerators?|graphics cards?|cpus?)\b(?:\s+(?:machines?|nodes?|box(?:es)?))?"
    r"(?!\s+(?:jobs?|runs?|hours?|time|memory|ram|usage|utili[sz]ation|bill|cluster|cores?))"
)
_ACCELERATORS: Final = (
    r"\b(?:[ABHLPTVK]\d{1,3}[A-Z]?|GB\d{3}|GH\d{3}|MI\d{3}[A-Z]?|RTX\s?[A-Z]?\d{4}|TPU(?:\s?v\d)?)"
    r"s?\b"
)
_LIKE_A_DEVICE: Final = r"(?<=\bon )(?:(?:the|an?) )?(?P<name>[A-Z]{1,4}\d{2,5}[A-Z]{0,2}?)s?\b"
_LIKE_CARDS: Final = (
    r"(?<![\w-])(?P<name>[A-Z][A-Za-z]*-?\d+[A-Za-z]*)s?(?=\s+(?:gpus?|cards?|accelerators?)\b)"
)
_LIKE_A_MACHINE: Final = (
    r"\b(?:machine|node|host|server|box)\s+(?:called\s+|named\s+)?(?P<name>[a-z][a-z]*-\d+)\b"
)
_LIKE_A_REGION: Final = (
    r"\b(?:in|to|zone|region|into|of)\s+"
    r"(?P<name>[a-z]{2,}-(?:north|south|east|west|central)+(?:-?\d[a-z]?)?)\b"
)
_LIKE_A_RACK: Final = r"\brack\s+(?P<name>[a-z]{0,4}-?\d+)\b"
_CONTINENTS: Final = {
    r"\bEurope\b|\b(?:the )?EU\b|\bEuropean\b": ("eu", "europe"),
    # "us" is a pronoun; in capitals, or with an article, it is a country.
    r"\bU\.?S\.?A?\b(?-i:(?<=[SA.]))|\bAmerica\b|\bthe States\b": ("us", "america"),
    r"\bAsia\b": ("ap", "asia"),
}


def find_names(text: str, inventory: Inventory) -> Iterator[Found | Unread]:
    """Find what the inventory knows by name; the longest name wins where several fit."""
    machines = inventory.machines
    for level in ("rack", "zone", "region"):
        yield from _places(text, level, machines)
    yield from _continents(text, machines)
    yield from _labels(text, machines)
    yield from _classes(text, machines)
    yield from _devices(text, machines)
    yield from _unknown(text, machines)


def _named(
    text: str, names: Iterable[str], before: str = "", after: str = ""
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Find one of these names, or several with commas, "or" and "and" between them."""
    spelt = {_key(name): name for name in names if name}
    if not spelt:
        return
    one = "|".join(_loosely(name) for name in sorted(spelt.values(), key=len, reverse=True))
    one = rf"{before}(?<![\w-])(?:{one})(?:'?s)?(?![\w-]){after}"
    for match in re.finditer(rf"{one}(?:{_BETWEEN}{one})*", text, re.IGNORECASE):
        parts = re.finditer(one, match[0], re.IGNORECASE)
        found = tuple(dict.fromkeys(_spelling(part[0], spelt) for part in parts))
        yield match.start(), match.end(), found


def _key(name: str) -> str:
    return re.sub(r"[-_\s]+", " ", name.strip().lower())


def _loosely(name: str) -> str:
    return r"[-_\s]?".join(re.escape(part) for part in re.split(r"[-_\s]+", name.strip()))


def _spelling(said: str, spelt: Mapping[str, str]) -> str:
    """Return the inventory's spelling of what was said, nouns and plural taken off."""
    words = _key(said)
    fitting = [
        key for key in spelt if re.search(rf"(?<![\w-]){_loosely(key)}(?:'?s)?(?!\w)", words)
    ]
    return spelt[max(fitting, key=len)]


def _places(text: str, level: Place, machines: Iterable[Machine]) -> Iterator[Found]:
    names = dict.fromkeys(str(getattr(machine, level)) for machine in machines)
    # A rack called "1" is named only where the word stands beside it.
    plain = [name for name in names if not name.isdigit()]
    lead = rf"(?:the\s+)?(?:{level}s?\s+)?"
    for start, end, found in _named(text, plain, lead, rf"(?:\s+{level})?"):
        yield _place(start, end, level, found)
    for start, end, found in _named(text, set(names) - set(plain), rf"(?:{level}s?\s+)"):
        yield _place(start, end, level, found)


def _place(start: int, end: int, level: Place, names: tuple[str, ...], note: str = "") -> Found:
    return Found(
        start,
        end,
        PlaceHint(level=level, names=names),
        PlaceHint(level=level, names=names, avoid=True),
        bare=True,
        assumed=note,
    )


def _continents(text: str, machines: Iterable[Machine]) -> Iterator[Found]:
    regions = list(dict.fromkeys(machine.region for machine in machines if machine.region))
    for pattern, prefixes in _CONTINENTS.items():
        inside = tuple(name for name in regions if re.split(r"\W", name.lower())[0] in prefixes)
        if not inside:
            continue
        for match in re.finditer(pattern, text, re.IGNORECASE):
            if match[0] == "us":
                continue
            note = f"{match[0]!r}: read as {' or '.join(inside)}"
            yield _place(*match.span(), "region", inside, note)


def _labels(text: str, machines: tuple[Machine, ...]) -> Iterator[Found]:
    known = {_key(machine.device) for machine in machines} | {"gpu", "cpu"}
    groups: dict[str, list[str]] = {}
    for machine in machines:
        stem, dash, index = machine.name.rpartition("-")
        if dash and index.isdigit() and _key(stem) not in known:
            groups.setdefault(stem, []).append(machine.name)
    names = {label for machine in machines for label in machine.labels if _key(label) not in known}
    names |= {machine.name for machine in machines}
    called = r"(?:(?:the\s+)?(?:machine|node|host|server|box)\s+(?:called\s+|named\s+)?)?"
    for start, end, found in _named(text, sorted(names), called, _NOUN):
        yield _label(start, end, found)
    for start, end, stems in _named(text, sorted(set(groups) - names), "", _NOUN):
        yield _label(start, end, tuple(name for stem in stems for name in groups[stem]))


def _label(start: int, end: int, names: tuple[str, ...]) -> Found:
    return Found(start, end, LabelHint(names=names), LabelHint(names=names, avoid=True), bare=True)


def _devices(text: str, machines: Iterable[Machine]) -> Iterator[Found]:
    """Find device types by their whole name, or by the part that says the model."""
    names: dict[str, None] = {}
    for machine in machines:
        if machine.devices and machine.device:
            names[machine.device] = None
            names.update(dict.fromkeys(_models(machine.device)))
    for start, end, found in _named(text, names, r"(?:nvidia\s+|amd\s+)?", _NOUN):
        yield _device(start, end, found)


def _models(device: str) -> list[str]:
    """Parts of a long name that name the model: ``A100`` of ``NVIDIA-A100-SXM4-80GB``."""
    parts = re.split(r"[-_\s]+", device)
    return [p for p in parts if re.fullmatch(r"[A-Za-z]+\d+[A-Za-z]*", p) and p[:3] != "SXM"]


def _device(start: int, end: int, names: tuple[str, ...], note: str = "") -> Found:
    wish: Hint = DeviceHint(names=names)
    return Found(start, end, wish, DeviceHint(names=names, avoid=True), bare=True, assumed=note)


def _classes(text: str, machines: tuple[Machine, ...]) -> Iterator[Found]:
    for match in re.finditer(_CLASS, text, re.IGNORECASE):
        kind = "cpu" if match["class"].lower().startswith("cpu") else "gpu"
        size = (match["size"] or "").lower()
        if not size or kind == "cpu":
            yield _device(*match.span(), (kind,))
            continue
        names = _of_size(machines, big=not size.startswith(("small", "little", "weak")))
        said = " or ".join(names) or "any GPU, as nobody says how much memory they have"
        yield _device(*match.span(), names or ("gpu",), f"{match[0]!r}: read as {said}")


def _of_size(machines: tuple[Machine, ...], *, big: bool) -> tuple[str, ...]:
    """Return types with more than half of the greatest device memory, or the others."""
    memory = {m.device: m.device_memory for m in machines if m.devices and m.device_memory}
    most = max(memory.values(), default=0.0)
    return tuple(name for name, size in memory.items() if (size > most / 2) == big)


def _unknown(text: str, machines: tuple[Machine, ...]) -> Iterator[Unread]:
    devices = {m.device for m in machines if m.devices and m.device}
    for match in re.finditer(_ACCELERATORS, text):
        name = match[0].rstrip("s")
        hint: Hint = DeviceHint(names=(name,))
        yield Unread(*match.span(), no_such("device", (name,), devices), hint)
    for pattern in (_LIKE_A_DEVICE, _LIKE_CARDS):
        for match in re.finditer(pattern, text):
            name = match["name"]
            hint = DeviceHint(names=(name,))
            yield Unread(*match.span(), no_such("device or machine", (name,), devices), hint)
    for match in re.finditer(_LIKE_A_MACHINE, text, re.IGNORECASE):
        name = match["name"]
        known = [m.name for m in machines]
        hint = LabelHint(names=(name,))
        yield Unread(*match.span(), no_such("machine", (name,), known), hint)
    places = {p for m in machines for p in (m.zone, m.region) if p}
    for match in re.finditer(_LIKE_A_REGION, text, re.IGNORECASE):
        name = match["name"]
        hint = PlaceHint(level="region", names=(name,))
        yield Unread(*match.span(), no_such("zone or region", (name,), places), hint)
    racks = {m.rack for m in machines if m.rack}
    for match in re.finditer(_LIKE_A_RACK, text, re.IGNORECASE):
        name = match["name"]
        hint = PlaceHint(level="rack", names=(name,))
        yield Unread(*match.span(), no_such("rack", (name,), racks), hint)
