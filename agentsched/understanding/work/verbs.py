"""What verbs of work tell of order: which come before which, and which need what was made."""

from __future__ import annotations

import re

from agentsched.understanding.words import CONSUMERS, WORK_VERBS, stem

_RANKS = (
    "download fetch pull crawl scrape collect ingest import copy clone checkout unpack unzip "
    "install"
    " compile mirror harvest snapshot warm",
    "clean preprocess tokenise convert filter normalise resample split shuffle annotate label align"
    " featurise dedupe deduplicate transform transcode index chunk parse sort extract",
    "train fit fine-tune pre-train distil simulate render sweep tune infer predict embed retrain",
    "evaluate test benchmark validate verify score profile quantise prune export checkpoint",
)
_RANK = {stem(verb): rank for rank, verbs in enumerate(_RANKS) for verb in verbs.split()}

_IRREGULAR = {
    "rebuilt": "rebuild",
    "rewritten": "rewrite",
    "rerun": "rerun",
    "reset": "reset",
    "written": "write", "built": "build", "sent": "send", "done": "do", "drawn": "draw",
    "made": "make", "run": "run", "read": "read", "cut": "cut", "put": "put", "taken": "take",
    "fit": "fit", "split": "split",
}  # fmt: skip


_WRITE = stem("write")
_ACCOUNT = re.compile(
    r"\b(?:reports?|summar\w+|results?|conclusions?|overview|comparison|findings|post|card|up)\b"
)
"""What is written about work that was done."""


def comes_later(action: str, than: str) -> bool | None:
    """Whether an action follows another by what its verb usually needs; None where that is open."""
    verb, than = action.split(" ", 1)[0], than.split(" ", 1)[0]
    if stem(verb) in CONSUMERS or (stem(verb) == _WRITE and _ACCOUNT.search(action)):
        return stem(verb) != stem(than)
    mine, theirs = _RANK.get(stem(verb)), _RANK.get(stem(than))
    if mine is None or theirs is None or (mine == theirs and stem(verb) != stem(than)):
        return None
    return mine > theirs


_SILENT = (
    "at", "iz", "is", "ys", "in", "ar", "ur", "us", "dg", "eg", "ng", "fil", "pil", "ud", "or",
    "yz", "ov", "iv", "rg",
)  # fmt: skip
"""Ends of stems that lose an e before -ing and -ed."""


def base_form(word: str) -> str:
    """Return "train" for "training" or "trained", as far as the list of verbs knows it."""
    lower = word.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    for ending, tries in (("ing", ("", "e")), ("ed", ("", "e")), ("ied", ("y",))):
        known = stem(lower) in WORK_VERBS or (ending == "ed" and len(lower) > 4)
        if lower.endswith(ending) and known:
            root = lower[: -len(ending)]
            if len(root) > 2 and root[-1] == root[-2] and root[-1] not in "lsz":
                return root[:-1]
            if (
                root.endswith(_SILENT)
                and not root.endswith(("ain", "oin"))
                and root not in ("train", "join", "test")
            ):
                return root + tries[-1]
            return root
    return word


def imperative(action: str) -> str:
    """Return an order for what is said otherwise: "training the ranker", "have it written"."""
    action = re.sub(r"^(?:you|we|i)\s+(?:can |have to |need to )?", "", action, flags=re.IGNORECASE)
    causative = re.match(
        r"^(?:[Hh]ave|[Gg]et|[Ll]et) (?:[A-Z][\w-]+|someone|somebody) (?:to )?(?P<what>[a-z].+)$",
        action,
    )
    if causative:
        return causative["what"]
    passive = re.match(
        r"^(?:have|get|let) (?P<what>.+?) (?:be )?(?P<verb>[\w-]+(?:ed|en|nt|lt|ne|wn"
        r"|de))(?P<rest>(?: .*)?)$",
        action,
        re.IGNORECASE,
    )
    if passive:
        return f"{base_form(passive['verb'])} {passive['what']}{passive['rest']}"
    first, _, rest = action.partition(" ")
    return f"{base_form(first)} {rest}".strip() if first.lower().endswith("ing") else action


def object_of(action: str) -> str:
    """Return the object of "download the data set from the archive"."""
    rest = action.partition(" ")[2]
    thing = re.split(r"\s(?:from|on|in|with|for|to|using|into|at|over)\s", rest, maxsplit=1)[0]
    return re.sub(r"^(?:up|down|out|off|back)\s+|\s+(?:up|down|out|off|back)$", "", thing)
