"""A small book of people: what one is to the user, which no calendar says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentsched.calendars.errors import CalendarError


class Contact(BaseModel):
    """One person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(min_length=3, max_length=320)
    """Mail address."""
    name: str = Field(default="", max_length=120)
    relation: str = Field(default="", max_length=40)
    """To the user: manager, report, peer, customer, vendor, family, …"""
    role: str = Field(default="", max_length=60)
    """What they are: CTO, recruiter, …"""
    deputy: bool = False
    """The user's invitations may be delegated to them."""
    calendar: str = Field(default="", max_length=1000)
    """Where their calendar is: a folder, an ``.ics`` file or a CalDAV URL; empty: not known."""
    zone: str = Field(default="", max_length=80)
    """IANA name of where they are; empty: where the user is."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    contact: list[Contact] = Field(default_factory=list)


@dataclass(frozen=True)
class Contacts:
    """Contacts by address."""

    by_address: dict[str, Contact]

    @classmethod
    def of(cls, contacts: Iterable[Contact] = ()) -> Contacts:
        """Return a book of these."""
        return cls({contact.address.lower(): contact for contact in contacts})

    def relation(self, address: str) -> str:
        """Return what somebody is to the user; empty when it is not known."""
        found = self.by_address.get(address.lower())
        return "" if found is None else found.relation.lower()

    @property
    def deputies(self) -> tuple[str, ...]:
        """Addresses of those to whom the user may delegate."""
        return tuple(address for address, c in self.by_address.items() if c.deputy)


def load_contacts(path: Path) -> Contacts:
    """Read a TOML file of ``[[contact]]`` tables.

    Raises:
        CalendarError: It cannot be read, or a field is wrong.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return Contacts.of(_File.model_validate(data).contact)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CalendarError(f"contacts {str(path)!r} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CalendarError(f"contacts {str(path)!r}: {where}: {first['msg']}") from None
