"""Calendar changes that are proposed: what would be written, and each conflict's ways out."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

_OCCURRENCE = re.compile(r"/\d{8}(?:T\d{6}Z?)?$")
Words = Annotated[str, Field(max_length=1000)]
Verb = Literal["add", "move", "cancel", "accept", "decline", "delegate", "undo", "keep"]
Scope = Literal["this", "future", "series"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Draft(_Part):
    """One change of the calendar, not yet made; which fields count depends on the verb."""

    verb: Verb
    words: Words
    """What would be done, for people."""
    event: str = ""
    """Id of the occurrence, or UID; of a new event the UID it will have, which ways out may name.
    For an undo, the id of the action."""
    scope: Scope = "this"
    title: str = Field(default="", max_length=300)
    at: AwareDatetime | None = None
    """When the occurrence it changes began, as it was shown."""
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    all_day: bool = False
    rrule: str = Field(default="", max_length=300)
    zone: str = Field(default="", max_length=80)
    place: str = Field(default="", max_length=300)
    people: tuple[Annotated[str, Field(max_length=320)], ...] = ()
    token: str = Field(default="", max_length=200)
    """What stands for the user's yes to a destructive change of the event as it was shown."""

    @property
    def uid(self) -> str:
        """Of the event it changes or makes."""
        return _OCCURRENCE.sub("", self.event)

    @property
    def single(self) -> bool:
        """Whether it changes one occurrence of a series."""
        return self.scope == "this" and self.uid != self.event

    @property
    def destructive(self) -> bool:
        """Whether it takes something away from somebody."""
        return self.verb in ("cancel", "decline")


class Option(_Part):
    """One way out of a conflict."""

    letter: str = Field(pattern=r"^[a-z]$")
    words: Words
    drafts: tuple[Draft, ...] = ()
    """Empty: everything stays as it is."""
    why: Words = ""


class Collision(_Part):
    """Two things at one time, and what can be done about it; the first option is proposed."""

    id: str = Field(max_length=12)
    """``1``, ``2``, … in the order shown."""
    words: Words
    """Both occurrences, kind and minutes."""
    options: tuple[Option, ...] = Field(min_length=1)
    titles: tuple[Annotated[str, Field(max_length=300)], ...] = ()
    """Of the events that collide."""
    candidates: tuple[dict[str, str], ...] = ()
    """Their features, for learning from the choice."""
    sure: Words = ""
    """Why the first option may be taken unasked; empty where it must be asked."""
    separates: Words = ""
    """The feature that tells the two best options apart."""

    def option(self, letter: str) -> Option:
        """Return the option of that letter; the first for an empty one.

        Raises:
            KeyError: There is none.
        """
        if not letter:
            return self.options[0]
        for option in self.options:
            if option.letter == letter:
                return option
        raise KeyError(letter)


class Lesson(_Part):
    """What a choice taught, which an undo of it unlearns."""

    decision: str = Field(max_length=200)
    """Id in memory."""
    words: Words
    """``'A' mattered more than 'B'``."""


class Settlement(_Part):
    """Everything a turn would do to the calendar, and unlearn with it."""

    drafts: tuple[Draft, ...] = ()
    collisions: tuple[Collision, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    """Of an undo: what is unlearnt."""
    notes: tuple[Words, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to approve."""
        return not (self.drafts or self.lessons) and not any(
            option.drafts for one in self.collisions for option in one.options
        )

    @property
    def needs_nobody(self) -> bool:
        """Whether all of it may be done unasked, by the user's standing rules."""
        return not self.drafts and bool(self.collisions) and all(c.sure for c in self.collisions)

    def chosen(self, choices: dict[str, str]) -> tuple[Draft, ...]:
        """Return all changes under these choices (collision id to letter).

        Two conflicts may offer to move the same event: what was chosen counts before what was only
        proposed, and one that has given way need not do so again.
        """
        found: list[Draft] = []
        for one in sorted(self.collisions, key=lambda one: one.id not in choices):
            drafts = one.option(choices.get(one.id, "")).drafts
            if not {draft.event for draft in drafts} & {draft.event for draft in found}:
                found += drafts
        return (*self.drafts, *found)
