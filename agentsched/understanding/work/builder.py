"""Clauses to tasks and edges: what waits for what, by connectives, pronouns and names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from agentsched.understanding.intents import When
from agentsched.understanding.moments import Begin
from agentsched.understanding.text import crop
from agentsched.understanding.words import COLLECTIVE, WORK_VERBS, stem
from agentsched.understanding.work.amounts import Amount
from agentsched.understanding.work.clauses import Clause
from agentsched.understanding.work.phrases import expand
from agentsched.understanding.work.references import content, point
from agentsched.understanding.work.verbs import comes_later, imperative

_EACH_ONE = re.compile(
    r"^(?P<verb>[\w-]+) (?:each(?: one| of (?:them|these|those|the \w+)| \w+)?|every one(?: of "
    r"them)?)\b(?P<rest>.*)$",
    re.IGNORECASE,
)
_ANAPHOR = re.compile(
    r"\b(?:its?|them|their|both|these|those|they|everything|all(?: of (?:it|them))?"
    r"|the (?:two|three|four|five|results?|outputs?|whole thing))\b",
    re.IGNORECASE,
)
SEVERAL_LATER = re.compile(
    r"\b(?:both|the (?:two|three|four|five|six)|each|all (?:two|three|four|five|of them)|them all"
    r"|apiece|per (?:run|model|task|job|sample))\b",
    re.IGNORECASE,
)
_EVERY = re.compile(r"(?:the |all )*(?:steps|tasks|jobs|items|everything|all)\b", re.IGNORECASE)


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

    @property
    def verb(self) -> str:
        """Its first word."""
        return self.title.split(" ", 1)[0]


class Builder:
    """Takes clauses in order; ``drafts`` is the outcome."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.stages: list[list[int]] = []
        self.doubts: list[str] = []
        """Decisions that no word supports; a model may be asked about them."""
        self.cycles: list[str] = []
        """Waits that close a circle, "a waits for b, which waits for a"; they are left out."""
        self._rounds: tuple[str, ...] = ()
        self._looped: list[int] | None = None
        self._led = False
        """A condition opened the sentence: what it names side by side waits for it alike."""
        self._sentence: list[int] = []
        self._rest: list[str] = []
        self._free: set[int] = set()
        self._next_parallel = False

    @property
    def titles(self) -> list[str]:
        """Of all drafts."""
        return [draft.title for draft in self.drafts]

    def begin_sentence(self, rounds: tuple[str, ...] = ()) -> None:
        """The next clause opens a sentence, which may say what is done for each of these."""
        self._rounds, self._looped = rounds, None
        self._led = False
        self._sentence = []
        self._rest = []

    def end_sentence(self) -> None:
        """Place what the sentence's head put last ("Before training, …")."""
        for text in self._rest:
            ends = self._sinks(self._sentence)
            self._place_after(text, ends)

    def action(self, clause: Clause, *, several: bool) -> list[int]:
        """Add the tasks of one action; return their numbers.

        Args:
            clause: Who does what.
            several: Words beside it say that its objects are tasks of their own.
        """
        text = imperative(clause.text)
        several = (
            several or "parallel" in (clause.link, clause.trailing) or clause.trailing == "chain"
        )
        if self._rounds and self._within_loop(text, clause):
            added = self._round_for_round(text, clause)
            self._close(clause, added)
            return added
        self._rounds = ()
        each = _EACH_ONE.match(text)
        if each:
            added = self._for_each(each["verb"], each["rest"], clause)
            if added:
                self._close(clause, added)
                return added
        said, text = text, self._without_pronoun(text)
        titles = expand(text, distributive=several)
        deps, sibling = self._relation(clause, said, expanded=len(titles) > 1)
        added = [self._add(title, clause.text, deps) for title in titles]
        if clause.trailing == "chain" and len(added) > 1:
            for earlier, later in pairwise(added):
                self.drafts[later].after = {earlier}
            self.stages += [[number] for number in added]
        elif sibling and self.stages:
            self.stages[-1] += [number for number in added if number not in self.stages[-1]]
        else:
            self.stages.append(list(added))
        if clause.trailing == "chain" and len(added) == 1:
            self._chain([*self._sentence, *added])
        self._close(clause, added)
        return added

    def statement(self, clause: Clause) -> list[int]:
        """Take in what a clause says of tasks; return the tasks it speaks of."""
        text = clause.text
        subject = re.split(
            r"\b(?:needs?|takes?|requires?|depends?|has|have|must|should|can|could|may|are|is"
            r"|runs?|uses?|waits?|go(?:es)?"
            r"|will|do(?:es)?(?:n't| not)?|don't|cannot|can't|gets?|only|lasts?)\b",
            text,
            maxsplit=1,
        )[0].strip(" ,")
        rest = text[len(subject) :].strip(" ,") if text.startswith(subject) else text
        if re.search(r"\bno need\b|\b(?:not|n't) (?:have|need) to\b|\bneedn't\b", text.lower()):
            for condition in (*clause.conditions, rest):
                self._free |= set(point(condition, self.titles, self.stages).tasks)
            return []
        if re.match(r"(?:nothing|nobody|none|no other|neither)\b", text.lower()):
            return []
        targets = self._targets(subject)
        if _independent(text) or clause.trailing == "parallel" or clause.link == "parallel":
            self._unlink(targets)
            return targets
        if "chain" in (clause.link, clause.trailing):
            every = _EVERY.match(subject) or not targets
            self._chain(list(range(len(self.drafts))) if every else sorted(targets))
            return targets
        needed = re.match(
            r"(?:\w+ )?(?:also )?(?:depends? on|needs?|requires?|waits? for|comes? after|goes "
            r"after|must (?:come|run|follow) after|only on|follows?)\s+(?P<what>.+)$",
            rest,
            re.IGNORECASE,
        )
        what = needed["what"] if needed else ""
        if what and re.search(r"\b(?:existing|current|available|nothing)\b", what):
            what = ""
        for condition in (*clause.conditions, *([what] if what else [])):
            sources = self._sources(condition)
            if not targets and content(subject):
                targets = [self._add(_article_off(subject), text, set(), noun=True)]
                self.stages.append(list(targets))
            for target in targets:
                self._note_cycles(target, sources)
                self._link(target, sources)
        for later in (*clause.before, *clause.before_rest):
            if not targets and content(subject):
                targets = [self._add(_article_off(subject), text, set(), noun=True)]
                self.stages.append(list(targets))
            self._place_after(later, set(targets))
        return targets

    def listed(self, clause: Clause) -> list[int]:
        """Read items after a colon: the action before it is done with each."""
        items = [item.strip() for item in re.split(r",\s*(?:and\s+)?|\s+and\s+", clause.text)]
        items = [item for item in items if item]
        if len(items) < 2 or not self.stages or len(self.stages[-1]) != 1:
            return []
        head = self.drafts[self.stages[-1][0]]
        title = head.title
        head.title = f"{title}: {items[0]}"
        for item in items[1:]:
            self.drafts.append(
                Draft(f"{title}: {item}", clause.text, set(head.after), amounts=dict(head.amounts))
            )
            self.stages[-1].append(len(self.drafts) - 1)
        self._sentence += self.stages[-1]
        return list(self.stages[-1])

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

    def _relation(self, clause: Clause, said: str, *, expanded: bool) -> tuple[set[int], bool]:
        """Return what the action waits for, and whether it stands beside the last stage."""
        conditions = [c for c in clause.conditions if re.search(r"\w", c)]
        follows = self._next_parallel
        self._next_parallel = False
        if conditions:
            found = {n for c in conditions for n in self._sources(c, said)}
            if found:
                return found - self._free, False
        if not self.stages:
            return {n for c in clause.checks for n in self._sources(c, said)}, False
        last = self.stages[-1]
        if clause.checks:
            known = {n for c in clause.checks for n in point(c, self.titles, self.stages).tasks}
            return (known or set(last)) - self._free, False
        running = [n for text in clause.beside for n in self._sources(text)]
        if running:
            return set(self.drafts[running[0]].after), running[0] in last
        link = clause.link or ("" if clause.trailing in ("parallel", "chain") else clause.trailing)
        if link == "last":
            return self._sinks(range(len(self.drafts))) - self._free, False
        if link == "then":
            return set(last) - self._free, False
        if link == "anyway":
            return set(self.drafts[last[0]].after), True
        if link == "free":
            return set(), False
        beside = link == "parallel" or follows or (clause.trailing == "parallel" and not expanded)
        if beside:
            return set(self.drafts[last[0]].after), True
        if clause.trailing == "chain":
            return set(last), False
        rest = said.partition(" ")[2]
        if _ANAPHOR.search(rest):
            pointed = point(" ".join(_ANAPHOR.findall(rest)), self.titles, self.stages, said)
            if pointed.tasks:
                return set(pointed.tasks) - self._free, False
        if re.search(
            r"\bthe (?:best|winners?|winning|resulting|merged|combined)\b", rest, re.IGNORECASE
        ):
            return set(last) - self._free, False
        made = self._made_by(rest)
        if made:
            return made - self._free, False
        return self._by_nature(said, last)

    def _without_pronoun(self, text: str) -> str:
        """Put the thing for "it", where the task before has one: "clean it" is of the data set."""
        found = re.match(r"^(?P<verb>[\w-]+(?: up| down)?) it\b(?P<rest>.*)$", text, re.IGNORECASE)
        if found is None or not self.stages:
            return text
        for stage in reversed(self.stages):
            thing = _object_of(self.drafts[stage[0]].title) if len(stage) == 1 else ""
            if not re.match(r"(?:its|their)\b", thing):
                return f"{found['verb']} {thing}{found['rest']}" if thing else text
        return text

    def _by_nature(self, text: str, last: list[int]) -> tuple[set[int], bool]:
        """Decide where no word does: by what the verbs usually need, else by how it is told.

        Two verbs at the beginning ("lint the code and run the tests, then …") stand side by side.
        Within a story that has an order already, what is told later comes later.
        """
        verb = text.split(" ", 1)[0]
        before = self.drafts[last[-1]]
        same = stem(verb) == stem(before.verb)
        later = comes_later(text, before.title)
        if later is None and not same and self._is_fan(last):
            later = True
        if later is None and not same:
            story = bool(self._sentence) and any(draft.after for draft in self.drafts)
            later = story and not self._led
            how = f"after {before.title!r}" if later else "beside what was said before it"
            self.doubts.append(f"No word says when {text!r} comes; it was put {how}.")
        if later:
            return set(last) - self._free, False
        if not same and not self._sentence:
            return set(), False  # a sentence of its own, tied by nothing
        return set(before.after), True

    def _is_fan(self, stage: list[int]) -> bool:
        """Whether a stage is one verb with several objects; what follows it gathers them."""
        return len(stage) > 1 and len({stem(self.drafts[n].verb) for n in stage}) == 1

    def _made_by(self, rest: str) -> set[int]:
        """Return the tasks whose verb the object repeats: "the merged file", "the calls"."""
        verbs = set(content(rest)) & WORK_VERBS
        found = [n for n, draft in enumerate(self.drafts) if stem(draft.verb) in verbs]
        return {found[-1]} if found and not self._share_stage(found) else set(found)

    def _share_stage(self, numbers: list[int]) -> bool:
        return any(set(numbers) <= set(stage) for stage in self.stages)

    def _within_loop(self, text: str, clause: Clause) -> bool:
        """Whether an action is done in each round; what gathers the rounds ends the loop."""
        if self._looped is None:
            return True
        rest = text.partition(" ")[2]
        if re.search(r"\b(?:it|its|that one)\b", rest, re.IGNORECASE):
            return True
        gathers = _ANAPHOR.search(rest) or comes_later(text, self.drafts[self._looped[0]].title)
        return not (gathers or stem(text.split(" ", 1)[0]) in COLLECTIVE or clause.link == "last")

    def _round_for_round(self, text: str, clause: Clause) -> list[int]:
        """Add the action once for each round; a later one follows the same round's earlier one."""
        titles = [f"{text} for {item}" for item in self._rounds]
        if self._looped is None:
            deps, _ = self._relation(clause, text, expanded=True)
            added = [self._add(title, clause.text, deps) for title in titles]
        else:
            before = zip(titles, self._looped, strict=True)
            added = [self._add(title, clause.text, {earlier}) for title, earlier in before]
        self._looped = added
        self.stages.append(list(added))
        return added

    def _for_each(self, verb: str, rest: str, clause: Clause) -> list[int]:
        many = next((stage for stage in reversed(self.stages) if len(stage) > 1), None)
        if many is None:
            return []
        added = []
        for source in many:
            thing = self.drafts[source].title.partition(" ")[2]
            title = f"{verb} {thing}{rest.rstrip()}".strip()
            added.append(self._add(title, clause.text, {source}))
        self.stages.append(list(added))
        return added

    def _close(self, clause: Clause, added: list[int]) -> None:
        """Place what goes beside the action and after it."""
        for text in clause.beside:
            for other in self._sources(text):
                if other not in self.stages[-1]:
                    self.stages[-1].append(other)
        self._led = self._led or bool(clause.conditions and not self._sentence)
        self._sentence += added
        self._rest += clause.before_rest
        for text in clause.before:
            self._place_after(text, set(added))
        self._next_parallel = clause.trailing in ("parallel", "free") and len(self._sentence) == 1

    def _place_after(self, text: str, ends: set[int]) -> None:
        pointed = point(text, self.titles, self.stages)
        known = [n for n in pointed.tasks if n not in ends] if not pointed.names else []
        if known:
            for number in known:
                self._link(number, list(ends))
            return
        order = re.match(r"(?:you|we|i)\b|\w+ing\b", text, re.IGNORECASE)
        title = imperative(text) if order else (pointed.names or (text,))[0]
        self.stages.append([self._add(title, text, set(ends), noun=not order)])

    def _sources(self, text: str, about: str = "") -> list[int]:
        """Return the tasks a condition points at; a process nobody named before is a new task."""
        pointed = point(text, self.titles, self.stages, about)
        added = []
        for name in pointed.names:
            number = self._add(name, text, set(), noun=True)
            added.append(number)
            if not self.stages:
                self.stages.append([number])
        return [*pointed.tasks, *added]

    def _targets(self, subject: str) -> list[int]:
        if not subject or re.fullmatch(r"(?:it|which|that|this)", subject, re.IGNORECASE):
            return list(self.stages[-1]) if self.stages else []
        pronoun = re.match(r"(?:all|both|these|those|the) (?:two|three|four|five|six)?\b", subject)
        found = point(subject, self.titles, self.stages).tasks
        if not found and pronoun:
            found = point(pronoun[0], self.titles, self.stages).tasks
        return list(found)

    def _add(
        self,
        title: str,
        phrase: str,
        after: set[int],
        *,
        noun: bool = False,
    ) -> int:
        title = crop(title.strip(" ,:()-"), 120)
        words = set(content(title))
        for number, draft in enumerate(self.drafts):
            known = set(content(draft.title))
            if draft.noun and known and known <= words and not noun and number not in after:
                draft.title, draft.noun, draft.phrase = title, False, crop(phrase, 200)
                draft.after |= {n for n in after if not self._reaches(n, number)}
                return number
        self.drafts.append(Draft(title, crop(phrase, 200), set(after), noun))
        return len(self.drafts) - 1

    def _link(self, target: int, sources: list[int]) -> None:
        for source in sources:
            if source != target and not self._reaches(source, target):
                self.drafts[target].after.add(source)

    def _note_cycles(self, target: int, sources: list[int]) -> None:
        """Keep the circle that a stated wait would close; ``_link`` leaves that edge out."""
        for source in sources:
            if source != target and self._reaches(source, target):
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

    def _reaches(self, start: int, goal: int) -> bool:
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

    def _unlink(self, numbers: list[int]) -> None:
        """Take the edges between these tasks out; they wait for what the first waited for."""
        group = set(numbers)
        outside = {n for number in numbers for n in self.drafts[number].after} - group
        for number in numbers:
            draft = self.drafts[number]
            if draft.after & group:
                draft.after = (draft.after - group) | outside

    def _chain(self, numbers: list[int]) -> None:
        for earlier, later in pairwise(numbers):
            draft = self.drafts[later]
            draft.after = {n for n in draft.after if n not in numbers} | {earlier}

    def _sinks(self, numbers: Iterable[int]) -> set[int]:
        chosen = set(numbers)
        return chosen - {n for number in chosen for n in self.drafts[number].after}


def _article_off(noun: str) -> str:
    return re.sub(r"^(?:the|a|an|our|my)\s+", "", noun, flags=re.IGNORECASE)


def _object_of(title: str) -> str:
    """Return the object of "download the data set from the archive"."""
    rest = title.partition(" ")[2]
    return re.split(r"\s(?:from|on|in|with|for|to|using|into|at|over)\s", rest, maxsplit=1)[0]


def _independent(text: str) -> bool:
    return bool(
        re.search(r"\bindependent\b|\b(?:not|n't) depend\b|\bin any order\b|\bno order\b", text)
    )
