"""Where compiled code is kept: a folder that belongs to exactly these sources.

numba's own cache notices a change in the file of a function, not in the files it calls into; a
folder named after all sources of the package cannot go stale.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

KEPT = 2
"""Caches of other versions that are kept beside the present one."""


def use_own_cache() -> None:
    """Point numba at the cache of these sources, unless the user chose a place."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = home / "agentsched" / "compiled" / sources_digest()
    with suppress(OSError):
        if not place.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            _forget_old(place)
        # an absolute path in the environment reaches worker processes too
        os.environ["NUMBA_CACHE_DIR"] = str(place)
        numba = sys.modules.get("numba")
        if numba is not None:
            numba.config.CACHE_DIR = str(place)


def compiled_sources() -> list[Path]:
    """Return the package's files with compiled functions: they name numba, or the core's door."""
    root = Path(__file__).parent
    marks = (b"numba", b"kernel.core import core")
    files = ((path, path.read_bytes()) for path in sorted(root.rglob("*.py")))
    return [path for path, text in files if any(mark in text for mark in marks)]


def sources_digest() -> str:
    """Digest over the package's files with compiled functions, paths included."""
    root = Path(__file__).parent
    hasher = hashlib.sha256(sys.version.encode())
    for path in compiled_sources():
        hasher.update(str(path.relative_to(root)).encode())
        hasher.update(path.read_bytes())
    return hasher.hexdigest()[:20]


def _forget_old(present: Path) -> None:
    others = [path for path in present.parent.iterdir() if path != present]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
