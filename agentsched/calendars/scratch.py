"""A calendar in memory: what a change would do is tried on a copy, not foretold by other code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Self

from agentsched.calendars.errors import Stale
from agentsched.calendars.store import CalendarStore, Resource


class ScratchCalendar:
    """``CalendarStore`` that nobody else sees and that is gone with the process."""

    def __init__(self, name: str, home: str | None, resources: Iterable[Resource] = ()) -> None:
        self._name = name
        self._home = home
        self._held = {resource.href: resource for resource in resources}

    @classmethod
    def copy_of(cls, store: CalendarStore) -> Self:
        """Return everything of a calendar as it is now."""
        return cls(store.name, store.home, store.fetch(store.etags()))

    @property
    def name(self) -> str:
        """Name of what it was copied from."""
        return self._name

    @property
    def url(self) -> str:
        """No place that anybody else can open."""
        return "scratch:"

    @property
    def home(self) -> str | None:
        """See ``CalendarStore.home``."""
        return self._home

    def etags(self) -> Mapping[str, str]:
        """See ``CalendarStore.etags``."""
        return {href: resource.etag for href, resource in self._held.items()}

    def fetch(self, hrefs: Iterable[str]) -> list[Resource]:
        """See ``CalendarStore.fetch``."""
        return [self._held[href] for href in hrefs if href in self._held]

    def create(self, href: str, text: str) -> Resource:
        """See ``CalendarStore.create``."""
        if href in self._held:
            raise Stale(f"{href!r} is there already")
        return self._put(href, text)

    def replace(self, href: str, text: str, etag: str) -> Resource:
        """See ``CalendarStore.replace``."""
        self._check(href, etag)
        return self._put(href, text)

    def delete(self, href: str, etag: str) -> None:
        """See ``CalendarStore.delete``."""
        self._check(href, etag)
        del self._held[href]

    def close(self) -> None:
        """Nothing to let go of."""

    def _put(self, href: str, text: str) -> Resource:
        etag = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        self._held[href] = Resource(href, etag, text)
        return self._held[href]

    def _check(self, href: str, etag: str) -> None:
        held = self._held.get(href)
        if held is None or held.etag != etag:
            raise Stale(f"{href!r} changed or is gone")
