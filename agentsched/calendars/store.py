"""Where calendars are kept: one protocol for folders, files and CalDAV servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agentsched.calendars.errors import CalendarError


@dataclass(frozen=True, slots=True)
class Resource:
    """One file of a calendar, or one object of a CalDAV collection."""

    href: str
    etag: str
    """Changes whenever the text does."""
    text: str


class CalendarStore(Protocol):
    """Holds resources by href and guards every write by the ETag that was read.

    Reads may be repeated; a write that fails has changed nothing, or says that it does not know.
    ``Stale`` means that the resource is no longer what the ETag stands for, and nothing was
    written. Implementations may keep what they have seen; they are used by one thread.
    """

    @property
    def name(self) -> str:
        """Short name, for people."""

    @property
    def url(self) -> str:
        """What tells this calendar from others, without credentials; stands in the journal."""

    @property
    def home(self) -> str | None:
        """The resource that takes every new event; None: each gets one of its own."""

    def etags(self) -> Mapping[str, str]:
        """Return the ETag of every resource there is now, by href."""

    def fetch(self, hrefs: Iterable[str]) -> list[Resource]:
        """Return resources; one that is gone meanwhile is left out."""

    def create(self, href: str, text: str) -> Resource:
        """Store a new resource and return it as stored.

        Raises:
            Stale: There is one of that name.
        """

    def replace(self, href: str, text: str, etag: str) -> Resource:
        """Overwrite a resource if it still has that ETag, and return it as stored.

        Raises:
            Stale: It changed or is gone.
        """

    def delete(self, href: str, etag: str) -> None:
        """Delete a resource if it still has that ETag.

        Raises:
            Stale: It changed or is gone.
        """

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a CalDAV server is reached."""

    user: str = ""
    password: str = ""
    timeout: float = 20
    """Seconds without an answer, for one request."""
    retries: int = 2
    """More tries of a request that only reads."""

    def __repr__(self) -> str:
        return f"Access(user={self.user!r}, password={'***' if self.password else ''!r})"


def open_calendar(
    place: str | Path, *, access: Access | None = None, name: str = "", make: bool = False
) -> CalendarStore:
    """Open a calendar.

    Args:
        place: A folder of ``.ics`` files, one ``.ics`` file, or an ``http(s)://`` URL of a CalDAV
            calendar, or of a server or user whose calendars are then looked up.
        access: For CalDAV; user and password may also stand in the URL.
        name: Which calendar, where a server has several.
        make: Make a folder that is not there.

    Raises:
        CalendarError: There is no such place, or it is none of these.
        CalendarUnreachable: The server cannot be used.
    """
    text = str(place)
    if text.startswith(("http://", "https://")):
        from agentsched.calendars.dav import DavCalendar

        return DavCalendar.open(text, access or Access(), name)
    if "://" in text:
        raise CalendarError(
            f"calendar {text!r}: give a folder, an .ics file, or an http(s):// URL of CalDAV"
        )
    from agentsched.calendars.folder import FolderCalendar

    return FolderCalendar.open(Path(text).expanduser(), make=make)
