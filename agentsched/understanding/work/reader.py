"""A text about work, read by rules: sentence by sentence into a builder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Set
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from agentsched.understanding.context import Context
from agentsched.understanding.intents import When
from agentsched.understanding.moments import TimeSpan, begins, take_times
from agentsched.understanding.text import crop
from agentsched.understanding.words import HARDWARE, WORK_VERBS, stem
from agentsched.understanding.work.amounts import Amount, take_amounts
from agentsched.understanding.work.builder import SEVERAL_LATER, Builder
from agentsched.understanding.work.clauses import Clause, clauses, sentences
from agentsched.understanding.work.loops import leading_rounds
from agentsched.understanding.work.references import content, point
from agentsched.understanding.work.verbs import imperative
from agentsched.understanding.work.wording import itemised, loop_first, loops_apart, plain

MOST = 60
"""Tasks of one message, about; what follows them is not read."""


class WorkReader:
    """Reads sentences and keeps what belongs to the whole: repetition, limits, leftovers."""

    def __init__(self, context: Context, verbs: Set[str] = WORK_VERBS) -> None:
        """Set up.

        Args:
            context: What time phrases are read against.
            verbs: Stems of the verbs that can open an action.
        """
        self.builder = Builder()
        self.repeat: When | None = None
        self.unread: list[str] = []
        """Stretches that no rule could place: there may be tasks in them."""
        self._whole: list[tuple[TimeSpan, bool]] = []
        """Times of all the work, and whether they are soft."""
        self._context = context
        self._verbs = verbs

    def read(self, text: str) -> Builder:
        """Read all sentences of a text; ``place_limits`` comes when their order is settled."""
        found = [part for one in sentences(itemised(text)) for part in loops_apart(loop_first(one))]
        for number, sentence in enumerate(found):
            if len(self.builder.drafts) > MOST:
                break
            later = " ".join(found[number + 1 :])
            self.sentence(sentence, later)
        return self.builder

    def sentence(self, sentence: str, later: str = "") -> None:
        """Read one sentence; ``later`` is the rest of the message, for words such as "both"."""
        sentence, commands = _hide_commands(sentence)
        loop, sentence = leading_rounds(plain(sentence, self._verbs))
        bare, times = take_times(sentence, self._context)
        goal = later and not self.builder.drafts and _GOAL.match(bare)
        if _AIM.match(bare) or goal:
            self._whole += [(_by_its_end(span), _is_soft(sentence)) for span in times]
            return
        bare, amounts = take_amounts(bare)
        parts = clauses(bare, self._verbs)
        if not parts and self.builder.stages:
            for amount in amounts:  # "…; 4h; …" is of what was said before
                self.builder.set_amount(self.builder.stages[-1], amount)
        owners: list[list[int]] = []
        self.builder.begin_sentence(parts, loop.items if loop else ())
        for number, clause in enumerate(parts):
            if len(self.builder.drafts) > MOST:
                owners.append([])
                continue
            follows = bare[clause.end :] + " " + later
            near = [a for a in amounts if clause.start <= a.start < _next_start(parts, number)]
            several = any(a.each for a in near) or SEVERAL_LATER.search(follows) is not None
            owners.append(self._clause(number, parts, several, near, sentence))
        self.builder.end_sentence()
        for amount in amounts:
            chosen = self._in_condition(amount, bare, parts) or self._owner(
                amount.start, parts, owners
            )
            place, count = amount.place
            if count > 1:
                group = chosen if len(chosen) == count else self.builder.siblings(chosen)
                chosen = [group[place]] if len(group) == count else []
            elif amount.each:
                chosen = self.builder.siblings(chosen)
            else:
                chosen = self._nearest(amount, chosen, sentence, parts)
            self.builder.set_amount(chosen, amount)
        for span in times:
            self._place_time(span, parts, owners, sentence)
        for token, command in commands.items():
            self._restore(token, command)

    def _restore(self, token: str, command: str) -> None:
        """Put a command back where a token stood for it; its task runs it."""
        for draft in self.builder.drafts:
            if token in draft.title:
                draft.title = " ".join(draft.title.replace(token, command).split())
                with suppress(ValueError):
                    draft.command = tuple(shlex.split(command))
            draft.phrase = draft.phrase.replace(token, f"`{command}`")
            draft.doubt = draft.doubt.replace(token, command)

    def _clause(
        self, number: int, parts: list[Clause], several: bool, near: list[Amount], sentence: str
    ) -> list[int]:
        clause, before = parts[number], parts[:number]
        follows = parts[number + 1] if number + 1 < len(parts) else None
        builder = self.builder
        if _KEEP.match(clause.text) or (_WISH.match(clause.text) and _WHERE.search(clause.text)):
            return []
        if clause.link == "else" and (not clause.text or _FORBIDS.match(clause.text)):
            return []  # "if it fails don't publish" says what waiting for it says
        if clause.link == "else" or clause.trailing == "else":
            builder.remarks.append(
                f"{crop(clause.text, 80)!r} is for the case that something fails: a plan has no "
                f"such branch, it was left out."
            )
            return []
        if _FORBIDS.match(clause.text):
            builder.remarks.append(f"{crop(clause.text, 80)!r} says what not to do; no task.")
            return []
        heading = sentence[clause.end :].lstrip().startswith(":")
        if heading and follows is not None and follows.kind == "action":
            builder.order_of_sentence(clause.trailing or clause.link)
            return []  # "Benchmark both: run …" names what is told after it
        if clause.kind == "action" and near and _TELLS.match(near[0].phrase):
            known = point(clause.text, builder.titles, builder.stages).tasks
            doing = re.match(r"\W*\w+ing\b", sentence[clause.start :])
            if doing and known and near[0].start <= clause.end:
                return list(known)  # "Computing the checksum takes 5 minutes"
        if clause.kind == "action":
            added = builder.action(clause, several=several)
            if len(added) == 1 and _may_hold_more(clause, self._verbs):
                self.unread.append(clause.text)
            return added
        if clause.kind == "list":
            opens = sentence[: clause.start].rstrip()[-1:]
            if opens in (":", "(") and before and before[-1].kind == "action":
                added = builder.listed(clause, told_apart=opens == "(")
                if added:
                    return added
        if heading and not builder.drafts:
            return []  # "I need the weekly figures: …" is what for
        script = re.match(r"[\w-]+\.[a-z]", clause.text) is not None
        measured = bool(near) and (script or _TELLS.match(near[0].phrase) is not None)
        targets = builder.statement(clause, measured=measured)
        if not targets and clause.kind == "list":
            self.unread.append(clause.text)
        if not targets and not heading and len(content(clause.text)) > 2:
            builder.remarks.append(f"{crop(clause.text, 80)!r} was taken for a remark; no task.")
        return targets

    def _owner(self, place: int, parts: list[Clause], owners: list[list[int]]) -> list[int]:
        chosen: list[int] = []
        for clause, tasks in zip(parts, owners, strict=True):
            if clause.start <= place or not chosen:
                chosen = tasks or chosen
        return chosen

    def _in_condition(self, amount: Amount, bare: str, parts: list[Clause]) -> list[int]:
        """Return what a condition names whose amount it is: "while the model trains (4 hours)"."""
        if not parts or amount.start >= parts[0].start:
            return []
        said = bare[: amount.start].strip(" ,(")
        return list(point(said, self.builder.titles, []).tasks)

    def _nearest(
        self, amount: Amount, tasks: list[int], sentence: str, parts: list[Clause]
    ) -> list[int]:
        """Return whose amount it is where one verb has several objects: those just before it.

        "The fuzzers for 6 hours and the suite for 2": an amount between the objects is of the one
        before it; one after the last is of all that have none of their own.
        """
        if len(tasks) < 2:
            return tasks
        own = [clause for clause in parts if clause.start <= amount.start]
        clause = sentence[: own[-1].end] if own else sentence
        ends = {n: self._ends_at(n, clause) for n in tasks}
        if min(ends.values()) < 0:
            return tasks
        before = [n for n in tasks if ends[n] <= amount.start]
        if len(before) < len(tasks):
            return before[-1:] or tasks
        free = [n for n in tasks if amount.name not in self.builder.drafts[n].amounts]
        return free or tasks

    def _ends_at(self, number: int, sentence: str) -> int:
        """Return where the last words of a task's title end in a sentence, or -1."""
        title = self.builder.titles[number].split()
        for words in (title[-2:], title[-1:]):
            pattern = r"\W+".join(re.escape(word) for word in words)
            found = re.search(rf"(?<!\w){pattern}(?!\w)", sentence, re.IGNORECASE)
            if found and len("".join(words)) > 1:
                return found.end()
        return -1

    def _place_time(
        self, span: TimeSpan, parts: list[Clause], owners: list[list[int]], sentence: str
    ) -> None:
        if span.when.rrule:
            self.repeat = self.repeat or span.when
            return
        drafts = self.builder.drafts
        numbers = self._owner(span.start, parts, owners)
        whole = re.search(
            r"\b(?:everything|all of it|it all|the whole (?:thing )?(?:must|has|needs|should))\b"
            r"[^,;]*$|(?:^|[,;] *)(?:must|has to|have to) be\b[^,;]*$",
            sentence[: span.start],
        )
        if not numbers or (whole and span.when.due):
            self._whole.append((span, _is_soft(sentence)))
            return
        begin = begins(span, self._context)
        for number in numbers:
            if span.when.due is not None:
                drafts[number].limit, drafts[number].soft_limit = span.when, _is_soft(sentence)
            elif begin is not None:
                drafts[number].begin = begin

    def place_limits(self) -> None:
        """Give what ends the work the limit of all of it, and every task the time it begins."""
        drafts = self.builder.drafts
        ends = [d for n, d in enumerate(drafts) if not any(n in other.after for other in drafts)]
        for span, soft in self._whole:
            if span.when.due is not None:
                for draft in ends:
                    if draft.limit is None:
                        draft.limit, draft.soft_limit = span.when, soft
            else:
                for draft in drafts:
                    draft.begin = draft.begin or begins(span, self._context)


_WISH = re.compile(
    r"(?:please )?(?:prefer|avoid|use|keep|pin|put|place|stay|never|only|ideally|cheapest"
    r"|nearest)\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    rf"\b(?:{HARDWARE}|zones?|regions?|same|near|close to|place|away from|off-?peak|carbon"
    rf"|price)\b",
    re.IGNORECASE,
)
"""With one of these, "keep them on one rack" is a wish about places and no task."""
_TELLS = re.compile(r"(?:takes?|needs?|requires?|uses?|runs?|lasts?)\b", re.IGNORECASE)
_KEEP = re.compile(
    r"keep (?:everything|it|them|both|all(?: of (?:it|them))?|the whole thing) "
    r"(?:in|on|within|inside|near|at|off|out of)\b",
    re.IGNORECASE,
)
_FORBIDS = re.compile(
    r"(?:do not|don't|never) (?!(?:wait|depend|need|have)\b)\w|\w+ nothing\b", re.IGNORECASE
)
_AIM = re.compile(
    r"\W*(?:(?:hi|hello|hey|so)\b[ ,]*)?(?:i|we) (?:really )?(?:need|want) [^,;]+? "
    r"(?:out|done|ready|finished|live)\W*$",
    re.IGNORECASE,
)
_GOAL = re.compile(
    r"\W*(?:i|we)(?:'m|'re|'ll| am| are| will)? (?:going to )?(?:need|want) (?:a|an|the|our|my) "
    r"(?!\w+ to\b)[^,;:]+\s\s\W*$",
    re.IGNORECASE,
)
"""What the work is for; what is to be done is said elsewhere."""
_COMMAND = re.compile(r"`([^`\n]{1,4000})`")


def _hide_commands(sentence: str) -> tuple[str, dict[str, str]]:
    """Put a name of the same length for each command in backticks: its words are no English."""
    commands: dict[str, str] = {}

    def hide(found: re.Match[str]) -> str:
        token = f"Cmd{len(commands)}".ljust(len(found[0]), "_")
        commands[token] = found[1]
        return token

    return _COMMAND.sub(hide, sentence), commands


def _may_hold_more(clause: Clause, verbs: Set[str]) -> bool:
    """Whether an "and" was left in one task, or its verb is on no list."""
    first, _, rest = imperative(clause.text).partition(" ")
    return stem(first) not in verbs or bool(
        re.search(
            r"(?:,| and| &) (?!the\b|a\b|an\b|without\b)[a-z-]+ (?:the|a|an|all|my|our|it|them)\b",
            rest,
        )
    )


def _next_start(parts: list[Clause], number: int) -> int:
    later = (clause.start for clause in parts[number + 1 :] if clause.kind != "list")
    return next(later, 1 << 30)


def _by_its_end(span: TimeSpan) -> TimeSpan:
    """Return the limit in "I need it done today"."""
    when = span.when
    if when.due is not None or when.start is None:
        return span
    day = when.start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    limit = when.model_copy(update={"due": when.end or day, "start": None, "end": None})
    return replace(span, when=limit)


def _is_soft(sentence: str) -> bool:
    return bool(
        re.search(r"\b(?:ideally|if possible|preferably|should|hopefully|if you can)\b", sentence)
    )
