"""A request for work to a ``PlanWork``: rules read it, a model helps with verbs and with order."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agentsched.understanding.asking import Turn
from agentsched.understanding.intents import PlanWork
from agentsched.understanding.moments import find_spans, refuse_impossible
from agentsched.understanding.text import crop, stands_in
from agentsched.understanding.words import NO_VERB, WORK_VERBS, stem
from agentsched.understanding.work.doubts import settle_doubts
from agentsched.understanding.work.graph import to_graph
from agentsched.understanding.work.reader import MOST, WorkReader

_Quote = Annotated[str, Field(max_length=90)]


class QuotedTask(BaseModel):
    """One task in the model's answer."""

    model_config = ConfigDict(extra="forbid")

    do: _Quote
    after: _Quote


class QuotedTasks(BaseModel):
    """The model's answer to ``understanding/work_tasks``."""

    model_config = ConfigDict(extra="forbid")

    tasks: Annotated[list[QuotedTask], Field(max_length=16)]


def read_work(text: str, turn: Turn) -> PlanWork | None:
    """Return the work a text asks for; None when no task is in it.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    refuse_impossible(text, find_spans(text, turn.context), with_lead=True)
    reader = WorkReader(turn.context)
    reader.read(text)
    if (reader.unread or not reader.builder.drafts) and turn.has_model:
        reader = _with_model(text, turn, reader)
    drafts = reader.builder.drafts
    if not drafts:
        return None
    settle_doubts(text, turn, reader.builder)
    reader.place_limits()
    if len(drafts) > MOST:
        turn.note(
            f"There are more than {MOST} tasks in the message: the first {MOST} were taken; "
            f"put longer lists into a job file."
        )
        drafts = drafts[:MOST]
        for draft in drafts:
            draft.after = {n for n in draft.after if n < MOST}
    graph, notes = to_graph(drafts, _for_hints(text, turn), turn.context.inventory)
    for note in (*notes, *reader.builder.doubts):
        turn.note(note)
    for cycle in reader.builder.cycles:
        turn.note(f"A circle: {crop(cycle, 300)}; the first of these waits was left out.")
        titles = tuple(dict.fromkeys(re.split(r" waits for |, which waits for ", cycle)))
        turn.clarify(f"{crop(cycle, 300)}: which of them comes first?", "first", choices=titles)
    phrases = tuple(crop(part, 300) for part in re.split(r"\n", text) if part.strip())[:20]
    return PlanWork(phrases=phrases or (crop(text, 300),), graph=graph, repeat=reader.repeat)


def _for_hints(text: str, turn: Turn) -> str:
    """Blank what reads like a wish about places and is none.

    "Every Monday at 6" says when work repeats, "publish them together" that one verb has several
    objects.
    """
    text = re.sub(r"\b(?:put|bring|pull|piece) together\b", _blank, text, flags=re.IGNORECASE)
    if not re.search(r"\b(?:keep|run|place|put|stay|pack|co-?locate)\b", text, re.IGNORECASE):
        text = re.sub(r"(?<=both )together\b|(?<=them )together\b", " " * 8, text)
    text = re.sub(
        r"\bside by side\b|(?:\b(?:are|is|all|goes|go)|'s) green\b"
        r"|\bsplit\b(?! (?:across|over|between))",
        _blank,
        text,
        flags=re.IGNORECASE,
    )
    for span in find_spans(text, turn.context):
        if span.kind == "recurrence":
            text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def quote_tasks(text: str, turn: Turn) -> QuotedTasks | None:
    """Ask the model which words are tasks; every quote stands in the text."""

    def check(answer: QuotedTasks) -> str | None:
        if not answer.tasks:
            return "there must be at least one task"
        for task in answer.tasks:
            if not stands_in(task.do, text):
                return f"{crop(task.do, 60)!r} does not stand in the message; copy its words"
        return None

    return turn.ask("work_tasks", QuotedTasks, check, max_tokens=400, message=crop(text, 1500))


def _with_model(text: str, turn: Turn, before: WorkReader) -> WorkReader:
    """Read again, with the verbs that open the tasks the model quoted."""
    answer = quote_tasks(text, turn)
    if answer is None:
        return before
    new = {
        stem(words[0])
        for task in answer.tasks
        for words in (re.findall(r"[A-Za-z][\w-]*", task.do),)
        if len(words) > 1 and words[0].lower() not in NO_VERB
    }
    if new <= WORK_VERBS:
        return before
    reader = WorkReader(turn.context, WORK_VERBS | new)
    reader.read(text)
    # A reading that finds fewer tasks than the rules alone has lost something.
    return reader if len(reader.builder.drafts) >= len(before.builder.drafts) else before
