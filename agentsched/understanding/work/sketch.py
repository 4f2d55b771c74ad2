"""A task graph in the making: drafts by number, told in stages, and what waits for what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from agentsched.understanding.intents import When
from agentsched.understanding.moments import Begin
from agentsched.understanding.text import crop
from agentsched.understanding.work.amounts import Amount
from agentsched.understanding.work.references import content, point


@dataclass(slots=True)
class Draft:
    """A task in the making."""

    title: str
    phrase: str
    after: set[int] = field(default_factory=set)
    noun: bool = False
    """Only named ("after the ETL finishes"); an action with that noun takes its place."""
    amounts: dict[str, float] = field(default_factory=dict)
    limit: When | None = None
    soft_limit: bool = False
    begin: Begin | None = None
    command: tuple[str, ...] = ()
    doubt: str = ""
    """Where it was put although no word says so; empty where one does."""

    @property
    def verb(self) -> str:
        """Its first word."""
        return self.title.split(" ", 1)[0]


class Sketch:
    """Drafts and the waits between them; it never closes a circle."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.stages: list[list[int]] = []
        """Tasks told together, oldest first: what "both" and "then" point at."""
        self.cycles: list[str] = []
        """Waits that close a circle, "a waits for b, which waits for a"; they are left out."""

    @property
    def titles(self) -> list[str]:
        """Of all drafts."""
        return [draft.title for draft in self.drafts]

    def siblings(self, numbers: list[int]) -> list[int]:
        """Return the tasks said together with one task, for an amount that is of each."""
        stage = next((stage for stage in reversed(self.stages) if numbers == stage[-1:]), numbers)
        return list(stage)

    def set_amount(self, numbers: list[int], amount: Amount) -> None:
        """Give tasks a duration or a demand."""
        for number in numbers:
            self.drafts[number].amounts[amount.name] = amount.value
            if amount.per:
                self.drafts[number].amounts["devices"] = float(amount.per)

    def add(
        self,
        title: str,
        phrase: str,
        after: set[int],
        *,
        noun: bool = False,
    ) -> int:
        """Add a task, or put an action in the place of the noun it was named by before."""
        title = re.sub(r"\s+(?:and|or|but)$", "", title.strip(" ,:()-"))
        title = crop(title, 120)
        words = set(content(title))
        for number, draft in enumerate(self.drafts):
            known = set(content(draft.title))
            if draft.noun and known and known <= words and not noun and number not in after:
                draft.title, draft.noun, draft.phrase = title, False, crop(phrase, 200)
                draft.after |= {n for n in after if not self.reaches(n, number)}
                return number
        self.drafts.append(Draft(title, crop(phrase, 200), set(after), noun))
        return len(self.drafts) - 1

    def sources(self, text: str, about: str = "") -> list[int]:
        """Return the tasks a condition points at; a process nobody named before is a new task."""
        pointed = point(text, self.titles, self.stages, about)
        added = []
        for name in pointed.names:
            number = self.add(name, text, set(), noun=True)
            added.append(number)
            if not self.stages:
                self.stages.append([number])
        return [*pointed.tasks, *added]

    def link(self, target: int, sources: list[int]) -> None:
        """Let a task wait for others, but for those that wait for it."""
        for source in sources:
            if source != target and not self.reaches(source, target):
                self.drafts[target].after.add(source)

    def note_cycles(self, target: int, sources: list[int]) -> None:
        """Keep the circle that a stated wait would close; ``_link`` leaves that edge out."""
        for source in sources:
            if source != target and self.reaches(source, target):
                first, *rest = (self.drafts[n].title for n in (target, *self._way(source, target)))
                circle = f"{first} waits for {', which waits for '.join(rest)}"
                if circle not in self.cycles:
                    self.cycles.append(circle)

    def _way(self, start: int, goal: int) -> list[int]:
        """Return the tasks from ``start`` to what it waits for, ``goal``; one of the shortest."""
        ways = [[start]]
        seen = {start}
        for way in ways:
            if way[-1] == goal:
                return way
            new = sorted(self.drafts[way[-1]].after - seen)
            seen |= set(new)
            ways += [[*way, number] for number in new]
        return []

    def reaches(self, start: int, goal: int) -> bool:
        """Whether ``start`` waits, directly or not, for ``goal``."""
        seen, todo = {start}, [start]
        while todo:
            number = todo.pop()
            if number == goal:
                return True
            new = self.drafts[number].after - seen
            seen |= new
            todo += new
        return False

    def unlink(self, numbers: list[int]) -> None:
        """Take the edges between these tasks out; they wait for what the first waited for."""
        group = set(numbers)
        outside = {n for number in numbers for n in self.drafts[number].after} - group
        for number in numbers:
            draft = self.drafts[number]
            draft.doubt = ""
            if draft.after & group:
                draft.after = (draft.after - group) | outside
        if len(numbers) > 1:
            apart = [[n for n in stage if n not in group] for stage in self.stages]
            self.stages = [*(stage for stage in apart if stage), sorted(group)]

    def chain(self, numbers: list[int]) -> None:
        """Put these tasks one after another."""
        for earlier, later in pairwise(numbers):
            draft = self.drafts[later]
            draft.doubt = ""
            draft.after = {n for n in draft.after if n not in numbers} | {earlier}

    def sinks(self, numbers: Iterable[int]) -> set[int]:
        """Return those of these tasks that no other of them waits for."""
        chosen = set(numbers)
        return chosen - {n for number in chosen for n in self.drafts[number].after}
