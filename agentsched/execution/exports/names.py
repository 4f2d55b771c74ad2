"""Names that Kubernetes takes: DNS-1123 labels and label values, different where ids are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

MOST = 63
"""Characters of a DNS-1123 label or a label's value."""
_ROOM = 52
"""Of a Job's name, so that its pods' names still fit."""


def dns_names(prefix: str, ids: Iterable[str], most: int = _ROOM) -> Mapping[str, str]:
    """Return a DNS-1123 label for each id: short, legible, and no two alike."""
    made = {id: _fit(f"{prefix}-{id}" if prefix else id, most) for id in ids}
    twice = {name for name in made.values() if list(made.values()).count(name) > 1}
    return {
        id: _with_digest(name, f"{prefix}-{id}", most) if name in twice else name
        for id, name in made.items()
    }


def dns_label(text: str, most: int = _ROOM) -> str:
    """Return the text as a DNS-1123 label; what has no letters or digits becomes ``plan``."""
    return _fit(text, most)


def label_value(text: str) -> str:
    """Return the text as a label's value; a digest stands for what is cut off."""
    value = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")
    if len(value) <= MOST:
        return value
    return _with_digest(value, text, MOST)


def label_key(text: str) -> str:
    """Return the text as a label's key, with a DNS prefix where it has one."""
    prefix, slash, name = text.strip().rpartition("/")
    name = label_value(name) or "label"
    if not slash:
        return name
    parts = [_fit(part, MOST) for part in prefix.lower().split(".") if part]
    return f"{'.'.join(parts) or 'agentsched.io'}/{name}"


def _fit(text: str, most: int) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "plan"
    return name if len(name) <= most else _with_digest(name, text, most)


def _with_digest(name: str, text: str, most: int) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[: most - 9].rstrip('._-')}-{digest}"
