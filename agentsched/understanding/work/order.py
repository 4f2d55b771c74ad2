"""What an action waits for: by its conditions, connectives and pronouns, else by its nature."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agentsched.understanding.words import EMPTY, WORK_VERBS, stem
from agentsched.understanding.work.clauses import Clause, Link
from agentsched.understanding.work.references import content, point
from agentsched.understanding.work.sketch import Sketch
from agentsched.understanding.work.verbs import base_form, comes_later, object_of

ANAPHOR = re.compile(
    r"\b(?:its?|them|their|both|these|those|they|everything|all(?: of (?:it|them))?"
    r"|the (?:two|three|four|five|results?|outputs?|whole thing))\b",
    re.IGNORECASE,
)
_OUTCOME = re.compile(r"\bthe (?:best|winners?|winning|resulting|merged|combined)\b", re.IGNORECASE)


@dataclass(slots=True)
class Sentence:
    """What was said in the sentence so far."""

    tasks: list[int] = field(default_factory=list)
    led: bool = False
    """A condition opened it: what it names side by side waits for that alike."""
    last: list[str] = field(default_factory=list)
    """What comes after all of it ("Before training, …")."""
    order: Link = ""
    """How all its actions stand to each other ("in this order: …")."""
    before: list[int] = field(default_factory=list)
    """Tasks of the sentence before it."""
    steps: int = 0
    """How many actions it has, when each has a verb of its own."""
    side_by_side: bool = False
    """Its first action ended in "in parallel": the next one stands beside it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an action stands."""

    after: set[int]
    beside: bool = False
    """It belongs to the last stage."""
    doubt: str = ""
    """Where it was put, when no word says so."""


def place(
    sketch: Sketch, clause: Clause, said: str, sentence: Sentence, *, expanded: bool
) -> Place:
    """Return where an action stands: the first of the rules below that has something to say.

    Args:
        sketch: What was read so far; a process named by a condition is added to it.
        clause: The action with its adverbs and conditions.
        said: Its words as an order.
        sentence: What the sentence said before it.
        expanded: It stands for several tasks, which "in parallel" speaks of.
    """
    side_by_side, sentence.side_by_side = sentence.side_by_side, False
    found = {
        n
        for text in clause.conditions
        for n in (_done_to_it(sketch, text, said) or sketch.sources(text, said))
    }
    if found:
        return Place(found)
    if not sketch.stages:
        return Place({n for text in clause.checks for n in sketch.sources(text, said)})
    last = sketch.stages[-1]
    if clause.checks:
        known = {
            n for text in clause.checks for n in point(text, sketch.titles, sketch.stages).tasks
        }
        return Place(known or set(last))
    running = [n for text in clause.beside for n in sketch.sources(text)]
    if running:
        return Place(set(sketch.drafts[running[0]].after), beside=running[0] in last)
    link = clause.link or ("" if clause.trailing in ("parallel", "chain") else clause.trailing)
    match link:
        case "last":
            return Place(sketch.sinks(range(len(sketch.drafts))))
        case "then":
            return Place(set(last))
        case "free" | "first":
            return Place(set())
        case "anyway":
            return Place(set(sketch.drafts[last[0]].after), beside=True)
    if link == "parallel" or side_by_side or (clause.trailing == "parallel" and not expanded):
        return Place(set(sketch.drafts[last[0]].after), beside=True)
    if clause.trailing == "chain":
        return Place(set(last))
    return _by_object(sketch, said) or _by_nature(sketch, said, sentence)


def _done_to_it(sketch: Sketch, condition: str, said: str) -> list[int]:
    """Read "put out the cards once they are printed": printing them is a task nobody named yet."""
    done = re.fullmatch(r"(?:it|they) (?:is|are|has been|have been) (?P<verb>\w+)", condition)
    verb = stem(done["verb"]) if done else ""
    thing = object_of(said)
    if verb not in WORK_VERBS - EMPTY or not thing or done is None:
        return []
    if any(verb in content(title) for title in sketch.titles):
        return []
    return [sketch.add(f"{base_form(done['verb'])} {thing}", condition, set(), noun=True)]


def _by_object(sketch: Sketch, said: str) -> Place | None:
    """Read what the object refers to: "them", "the winner", "the merged file"."""
    rest = said.partition(" ")[2]
    pronouns = ANAPHOR.findall(rest)
    pointed = point(" ".join(pronouns), sketch.titles, sketch.stages, said).tasks
    if pronouns and pointed:
        return Place(set(pointed))
    if _OUTCOME.search(rest):
        return Place(set(sketch.stages[-1]))
    verbs = set(content(rest)) & WORK_VERBS
    made = [n for n, draft in enumerate(sketch.drafts) if stem(draft.verb) in verbs]
    if made and not any(set(made) <= set(stage) for stage in sketch.stages):
        made = made[-1:]
    return Place(set(made)) if made else None


def _users_of(sketch: Sketch, thing: str) -> list[int]:
    """Return the tasks told before that speak of the same thing: "the image"."""
    words = content(thing)
    if not words or not re.match(r"the \w", thing, re.IGNORECASE):
        return []
    return [n for n, title in enumerate(sketch.titles) if words[-1] in content(title)]


def _by_nature(sketch: Sketch, text: str, sentence: Sentence) -> Place:
    """Decide where no word does: by what the verbs usually need, else by how it is told.

    Two verbs at the beginning ("lint the code and run the tests, then …") stand side by side.
    Within a story that has an order already, or three steps and more ("pull the code, build it, run
    the tests"), what is told later comes later.
    """
    last = sketch.stages[-1]
    before = sketch.drafts[last[-1]]
    same = stem(text.split(" ", 1)[0]) == stem(before.verb)
    later = comes_later(text, before.title)
    doubt = ""
    if later is None and not same:
        fan = len(last) > 1 and len({stem(sketch.drafts[n].verb) for n in last}) == 1
        told = any(draft.after for draft in sketch.drafts) or sentence.steps > 2
        story = bool(sentence.tasks) and told
        later = fan or (story and not sentence.led)
        users = [] if later or sentence.tasks else _users_of(sketch, object_of(text))
        if users:
            return Place({users[-1]}, doubt=f"it was put after {sketch.titles[users[-1]]!r}.")
        if not fan:
            how = f"after {before.title!r}" if later else "beside what was said before it"
            doubt = f"it was put {how}."
    if later:
        return Place(set(last), doubt=doubt)
    if not same and not sentence.tasks:
        return Place(set(), doubt=doubt)  # a sentence of its own, tied by nothing
    return Place(set(before.after), beside=True, doubt=doubt)
