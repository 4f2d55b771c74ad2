"""Clauses to tasks and edges: what waits for what, by connectives, pronouns and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

from agentsched.understanding.words import COLLECTIVE, CONSUMERS, stem
from agentsched.understanding.work.clauses import Clause, Link, begins_action
from agentsched.understanding.work.order import ANAPHOR, Sentence, place
from agentsched.understanding.work.phrases import expand
from agentsched.understanding.work.references import content, point
from agentsched.understanding.work.sketch import Draft, Sketch
from agentsched.understanding.work.verbs import imperative, object_of

_EACH_ONE = re.compile(
    r"^(?P<verb>[\w-]+) (?:each(?: one| of (?:them|these|those|the \w+)| \w+)?|every one(?: of "
    r"them)?)\b(?P<rest>.*)$",
    re.IGNORECASE,
)
SEVERAL_LATER = re.compile(
    r"\b(?:both|the (?:two|three|four|five|six)|each|all (?:two|three|four|five|of them)|them all"
    r"|apiece|per (?:run|model|task|job|sample))\b",
    re.IGNORECASE,
)
_EVERY = re.compile(r"(?:the |all )*(?:steps|tasks|jobs|items|everything|all)\b", re.IGNORECASE)
_GATHERED = re.compile(r"\b(?:summary|report|table|overview|comparison|mean|average)\b", re.I)
"""What is made of all rounds of a loop."""
_THAT = re.compile(
    r"(?:you |we |i )?(?:do|doing|start|starting|begin)? ?(?:that|this|it|so)", re.IGNORECASE
)


class Builder(Sketch):
    """Takes clauses in order; ``drafts`` is the outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.remarks: list[str] = []
        """What was left out of the plan, and why."""
        self._rounds: tuple[str, ...] = ()
        self._looped: list[int] | None = None
        self._sentence = Sentence()
        self._free: set[int] = set()

    @property
    def doubts(self) -> list[str]:
        """Decisions that no word supports, and what was left out."""
        return list(dict.fromkeys([*(d.doubt for d in self.drafts if d.doubt), *self.remarks]))

    def begin_sentence(self, clauses: Sequence[Clause], rounds: tuple[str, ...] = ()) -> None:
        """The next clause opens a sentence.

        Args:
            clauses: All of the sentence.
            rounds: What it is done for each of, where it says so.
        """
        actions = (c for c in clauses if c.kind == "action")
        bare = takewhile(lambda c: not (c.link or c.conditions or c.checks), actions)
        verbs = [stem(re.split(r"\W|\d", c.text, maxsplit=1)[0]) for c in bare]
        self._rounds, self._looped = rounds, None
        self._sentence = Sentence(
            steps=len(verbs) if len(set(verbs)) == len(verbs) else 0,
            before=self._sentence.tasks,
            side_by_side=self._sentence.side_by_side,
        )

    def end_sentence(self) -> None:
        """Place what the sentence's head put last ("Before training, …")."""
        if self._sentence.order == "chain":
            self.chain(self._sentence.tasks)
        elif self._sentence.order == "parallel":
            self.unlink(self._sentence.tasks)
        for text in self._sentence.last:
            ends = self.sinks(self._sentence.tasks)
            self._place_after(text, ends)

    def order_of_sentence(self, link: Link) -> None:
        """Keep how all actions of the sentence stand to each other, as its heading says."""
        self._sentence.order = link

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
        steps = re.split(r",\s*(?:and\s+)?|\s+and\s+", text)
        named = several and len(steps) > 1 and not begins_action(text)
        titles = steps if named else expand(text, distributive=several)
        where = place(self, clause, said, self._sentence, expanded=len(titles) > 1)
        added = [self.add(title, clause.text, where.after - self._free) for title in titles]
        if where.doubt:
            for number in added:
                self.drafts[number].doubt = f"No word says when {said!r} comes; {where.doubt}"
        if clause.trailing == "chain" and len(added) > 1:
            for earlier, later in pairwise(added):
                self.drafts[later].after = {earlier}
            self.stages += [[number] for number in added]
        elif where.beside and self.stages:
            self.stages[-1] += [number for number in added if number not in self.stages[-1]]
        else:
            self.stages.append(list(added))
        if clause.trailing == "chain" and len(added) == 1:
            self.chain([*self._sentence.tasks, *added])
        self._close(clause, added)
        return added

    def statement(self, clause: Clause, *, measured: bool) -> list[int]:
        """Take in what a clause says of tasks; return the tasks it speaks of.

        Args:
            clause: What is said.
            measured: It says how long something takes, or what that needs; a process nobody named
                before ("the simulation takes 8 hours") is a task then.
        """
        text = clause.text
        subject = re.split(
            r"\b(?:needs?|takes?|requires?|depends?|has|have|must|should|can|could|may|are|is"
            r"|runs?|uses?|waits?|go(?:es)?|comes?|happens?|follows?|starts?"
            r"|will|do(?:es)?(?:n't| not)?|don't|cannot|can't|gets?|only|lasts?)\b",
            text,
            maxsplit=1,
        )[0].strip(" ,")
        rest = text[len(subject) :].strip(" ,") if text.startswith(subject) else text
        if re.search(r"\bno need\b|(?:\bnot|n't) (?:have|need) to\b|\bneedn't\b", text.lower()):
            for condition in (*clause.conditions, rest):
                self._free |= set(point(condition, self.titles, self.stages).tasks)
            return []
        if re.match(r"(?:nothing|nobody|none|no other|neither)\b", text.lower()):
            return []
        targets = self._targets(subject)
        named = re.match(r"(?:the|our|my) \w|[\w-]+\.[a-z]", subject, re.IGNORECASE) and content(
            subject
        )
        if measured and named and not targets:
            targets = [self.add(_article_off(subject), text, set(), noun=True)]
            self.stages.append(list(targets))
        if _independent(text) and not content(re.sub(r"\b(?:particular|order)\b", "", subject)):
            targets = self._sentence.tasks or self._sentence.before
        if _independent(text) or clause.trailing == "parallel" or clause.link == "parallel":
            self.unlink(targets)
            return targets
        if "chain" in (clause.link, clause.trailing):
            every = _EVERY.match(subject) or not targets
            self.chain(list(range(len(self.drafts))) if every else sorted(targets))
            return targets
        told = clause.link in ("then", "last") or clause.trailing in ("then", "last")
        if told and not targets and content(subject) and self.stages:
            last = "last" in (clause.link, clause.trailing)
            after = self.sinks(range(len(self.drafts))) if last else set(self.stages[-1])
            targets = [self.add(_article_off(subject), text, after)]
            self.stages.append(list(targets))
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
            sources = self.sources(condition)
            if not targets and content(subject):
                targets = [self.add(_article_off(subject), text, set(), noun=True)]
                self.stages.append(list(targets))
            for target in targets:
                self.note_cycles(target, sources)
                self.link(target, sources)
        for later in (*clause.before, *clause.before_rest):
            if not targets and content(subject):
                targets = [self.add(_article_off(subject), text, set(), noun=True)]
                self.stages.append(list(targets))
            self._place_after(later, set(targets))
        return targets

    def listed(self, clause: Clause, *, told_apart: bool) -> list[int]:
        """Read items after a colon: the action before it is done with each.

        Args:
            clause: The items.
            told_apart: They only name what was counted: "the three ablations (a, b and c)".
        """
        items = [item.strip() for item in re.split(r",\s*(?:and\s+)?|\s+and\s+", clause.text)]
        items = [item for item in items if item]
        if len(items) < 2 or not self.stages:
            return []
        last = self.stages[-1]
        if len(last) == len(items) and all(
            self.titles[n].endswith(f" {k}") for k, n in enumerate(last, 1)
        ):
            for item, number in zip(items, last, strict=True):
                draft = self.drafts[number]
                draft.title = f"{draft.title.rpartition(' ')[0]} {item}"
            return list(last)
        if told_apart or len(last) != 1:
            return []
        head = self.drafts[self.stages[-1][0]]
        title = head.title
        head.title = f"{title}: {items[0]}"
        for item in items[1:]:
            self.drafts.append(
                Draft(f"{title}: {item}", clause.text, set(head.after), amounts=dict(head.amounts))
            )
            self.stages[-1].append(len(self.drafts) - 1)
        self._sentence.tasks += self.stages[-1]
        return list(self.stages[-1])

    def _without_pronoun(self, text: str) -> str:
        """Put the thing for "it", where the task before has one: "clean it" is of the data set."""
        found = re.match(r"^(?P<verb>[\w-]+(?: up| down)?) it\b(?P<rest>.*)$", text, re.IGNORECASE)
        if found is None or not self.stages:
            return text
        for stage in reversed(self.stages):
            thing = object_of(self.drafts[stage[0]].title) if len(stage) == 1 else ""
            if not re.match(r"(?:its|their)\b", thing):
                return f"{found['verb']} {thing}{found['rest']}" if thing else text
        return text

    def _within_loop(self, text: str, clause: Clause) -> bool:
        """Whether an action is done in each round; what gathers the rounds ends the loop."""
        if self._looped is None:
            return True
        rest = text.partition(" ")[2]
        if re.search(r"\b(?:it|its|that one)\b", rest, re.IGNORECASE):
            return True
        verb = stem(text.split(" ", 1)[0])
        plural = re.match(r"(?:the |all )?(?:[\w-]+ )*?[\w-]+s\b(?! of\b)", rest) is not None
        own = object_of(self.drafts[self._looped[0]].title)
        theirs = own.endswith("s") and re.match(r"(?:them|their)\b", rest) is not None
        return not (
            (ANAPHOR.search(rest) and not theirs)
            or _GATHERED.search(rest)
            or verb in COLLECTIVE
            or (verb in CONSUMERS and plural)
            or "last" in (clause.link, clause.trailing)
        )

    def _round_for_round(self, text: str, clause: Clause) -> list[int]:
        """Add the action once for each round; a later one follows the same round's earlier one."""
        titles = [f"{text} for {item}" for item in self._rounds]
        if self._looped is None:
            where = place(self, clause, text, self._sentence, expanded=True)
            added = [self.add(title, clause.text, where.after - self._free) for title in titles]
        else:
            before = zip(titles, self._looped, strict=True)
            added = [self.add(title, clause.text, {earlier}) for title, earlier in before]
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
            added.append(self.add(title, clause.text, {source}))
        self.stages.append(list(added))
        return added

    def _close(self, clause: Clause, added: list[int]) -> None:
        """Place what goes beside the action and after it."""
        for text in clause.beside:
            for other in self.sources(text):
                if other not in self.stages[-1]:
                    self.stages[-1].append(other)
        sentence = self._sentence
        sentence.led = sentence.led or bool(clause.conditions and not sentence.tasks)
        sentence.tasks += added
        sentence.last += clause.before_rest
        for text in clause.before:
            self._place_after(text, set(added))
        if clause.trailing == "first":
            for number, draft in enumerate(self.drafts[: min(added)]):
                if not draft.after:
                    self.link(number, added)
        alone = len(sentence.tasks) == 1
        sentence.side_by_side = clause.trailing in ("parallel", "free") and alone

    def _place_after(self, text: str, ends: set[int]) -> None:
        if re.fullmatch(r"\d{1,2}(?::\d\d)?", text.strip()):
            self.remarks.append(f"'before {text.strip()}' was not read as a time; say am or pm.")
            return
        pointed = point(text, self.titles, self.stages)
        if _THAT.fullmatch(text):  # "before you do that": what was told before this sentence
            said = {*self._sentence.tasks, *ends}
            earlier = (stage for stage in reversed(self.stages) if not said & set(stage))
            for number in next(earlier, []):
                self.link(number, list(ends))
            return
        known = [n for n in pointed.tasks if n not in ends] if not pointed.names else []
        if known:
            for number in known:
                self.link(number, list(ends))
            return
        order = re.match(r"(?:you|we|i)\b|\w+ing\b", text, re.IGNORECASE)
        title = imperative(text) if order else (pointed.names or (text,))[0]
        self.stages.append([self.add(title, text, set(ends), noun=not order)])

    def _targets(self, subject: str) -> list[int]:
        if not subject or re.fullmatch(r"(?:it|which|that|this)", subject, re.IGNORECASE):
            return list(self.stages[-1]) if self.stages else []
        pronoun = re.match(
            r"(?:(?:all|both|these|those)(?: (?:two|three|four|five|six))?"
            r"|the (?:two|three|four|five|six))\b",
            subject,
            re.IGNORECASE,
        )
        found = point(subject, self.titles, self.stages).tasks
        if not found and pronoun:
            found = point(pronoun[0], self.titles, self.stages).tasks
        return list(found)


def _article_off(noun: str) -> str:
    return re.sub(r"^(?:the|a|an|our|my)\s+", "", noun, flags=re.IGNORECASE)


def _independent(text: str) -> bool:
    return bool(
        re.search(
            r"(?i)\bindependent\b|(?:\bnot|n't) depend\b|\bin any order\b"
            r"|\bno (?:particular )?order\b",
            text,
        )
    )
