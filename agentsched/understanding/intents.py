"""What a message asks for: one type an intent, each with the words of the user that it rests on.

Nothing here is computed by a model. A model, or a rule, found the phrases; ``When`` was resolved
by ``agentsched.times``, hints by ``planning.hint_words``, edges by ``understanding.edges``.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from agentsched.planning.graph import TaskGraph
from agentsched.planning.hints import Weekday

Phrase = Annotated[str, Field(max_length=300)]
Short = Annotated[str, Field(max_length=120)]
Scope = Literal["this", "future", "series"]
"""One occurrence, it and those after it, or the whole series."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class When(_Part):
    """A time phrase and what it means; what the words leave open is None."""

    phrase: Phrase
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    all_day: bool = False
    """``start`` is a date; its time of day says nothing."""
    duration: int | None = Field(default=None, ge=1)
    """Seconds."""
    due: AwareDatetime | None = None
    """It must be over by then ("by Friday 5pm")."""
    rrule: Annotated[str, Field(max_length=200)] = ""
    """RFC 5545 rule without its name, ``FREQ=WEEKLY;BYDAY=MO``; empty for a single time."""
    assumed: tuple[Annotated[str, Field(max_length=300)], ...] = ()
    """What was filled in, in words."""


class EventRef(_Part):
    """Words that point at an event in the calendar; the calendar decides which one it is."""

    words: Short = ""
    """Title or part of it, ``dentist``; empty where only time or people are named."""
    when: When | None = None
    people: tuple[Short, ...] = ()
    last: bool = False
    """The event that was spoken of last ("move it")."""
    all: bool = False
    """Every event that fits, not only one ("all meetings on Friday")."""


class _Intent(_Part):
    phrases: tuple[Phrase, ...] = Field(min_length=1)
    """The user's words, as they stand in the message."""


class PlanWork(_Intent):
    """Run this work: tasks, what waits for what, demands, limits, wishes about places."""

    kind: Literal["plan_work"] = "plan_work"
    graph: TaskGraph
    repeat: When | None = None
    """The whole of it again and again ("nightly")."""


class DropPlan(_Intent):
    """Forget the last plan; what has run of it stays as it is."""

    kind: Literal["drop_plan"] = "drop_plan"


class AddTask(_Part):
    """One more task."""

    kind: Literal["add_task"] = "add_task"
    task: Short


class DropTask(_Part):
    """This task no more; what waited for it waits for what it waited for."""

    kind: Literal["drop_task"] = "drop_task"
    task: Short


class WaitFor(_Part):
    """This task after those, too."""

    kind: Literal["wait_for"] = "wait_for"
    task: Short
    after: tuple[Short, ...]


class Unbind(_Part):
    """This task no longer after those; empty: after none."""

    kind: Literal["unbind"] = "unbind"
    task: Short
    after: tuple[Short, ...] = ()


class SetField(_Part):
    """Another value for one property of these tasks."""

    kind: Literal["set_field"] = "set_field"
    tasks: tuple[Short, ...]
    field: Literal[
        "duration", "devices", "cpus", "memory", "gang", "deadline", "due", "release", "priority",
        "retries", "hints",
    ]  # fmt: skip
    value: Short
    """In words, ``2 h``."""


Change = Annotated[AddTask | DropTask | WaitFor | Unbind | SetField, Field(discriminator="kind")]


class ChangePlan(_Intent):
    """A follow-up: the last plan, changed. ``graph`` is the outcome, ``changes`` say what."""

    kind: Literal["change_plan"] = "change_plan"
    changes: tuple[Change, ...] = Field(min_length=1)
    graph: TaskGraph


class ScheduleEvent(_Intent):
    """Put an event, or a series, into the calendar."""

    kind: Literal["schedule_event"] = "schedule_event"
    title: Short
    when: When | None = None
    """None: any free time will do."""
    people: tuple[Short, ...] = ()
    place: Short = ""


class MoveEvent(_Intent):
    """Change when an event is, how long, where, or who comes."""

    kind: Literal["move_event"] = "move_event"
    event: EventRef
    to: When | None = None
    """Its new time or length; None when only ``by`` or other things change."""
    by: int | None = None
    """Seconds later; negative is earlier."""
    scope: Scope = "this"
    title: Short = ""
    place: Short = ""
    add_people: tuple[Short, ...] = ()
    drop_people: tuple[Short, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it says what is to change."""
        return any((self.to, self.by, self.title, self.place, self.add_people, self.drop_people))


class RespondEvent(_Intent):
    """Answer an invitation."""

    kind: Literal["respond_event"] = "respond_event"
    event: EventRef
    response: Literal["accept", "decline", "tentative"]
    message: Phrase = ""
    """Words to send along."""


class CancelEvent(_Intent):
    """Take an event, some occurrences, or a series out of the calendar."""

    kind: Literal["cancel_event"] = "cancel_event"
    event: EventRef
    scope: Scope = "this"


class Busy(_Part):
    """When somebody cannot, or would rather not, as the message says; half open."""

    who: Short
    start: AwareDatetime
    end: AwareDatetime
    soft: bool = False
    """A wish: given way to when nothing else is left."""
    phrase: Phrase = ""


class FindTime(_Intent):
    """Find a slot for several people."""

    kind: Literal["find_time"] = "find_time"
    title: Short = "meeting"
    people: tuple[Short, ...] = ()
    duration: int = Field(ge=60, le=366 * 86_400)
    """Seconds."""
    days: tuple[AwareDatetime, ...] = ()
    """Midnight in the user's zone of each day that is allowed; empty: from now on."""
    opens: time = time(9)
    closes: time = time(17)
    """The hours of a day within which it must lie."""
    busy: tuple[Busy, ...] = ()
    """What the message itself says of calendars; the calendars known here come on top."""
    weekdays: tuple[Weekday, ...] = ("MO", "TU", "WE", "TH", "FR")
    """Used where ``days`` is empty."""
    within: When | None = None
    """The stretch of time the words name ("next week")."""
    latest: bool = False
    """The last slot that fits, not the first."""


class ResolveConflicts(_Intent):
    """Look for collisions and settle them."""

    kind: Literal["resolve_conflicts"] = "resolve_conflicts"
    within: When | None = None
    """None: the whole horizon, or what else the message plans."""
    keep: Short = ""
    """What must stay where it is, in words."""
    move: Short = ""
    """What may be moved, in words; empty: whatever collides."""


class Query(_Intent):
    """A question about calendar, plan or past decisions; nothing is changed."""

    kind: Literal["query"] = "query"
    topic: Literal["events", "free", "plan", "why", "what_if", "conflicts", "preferences"]
    about: Phrase = ""
    """What it is about, in words: an event, a task, a person."""
    when: When | None = None
    people: tuple[Short, ...] = ()


class StatePreference(_Intent):
    """A rule or a wish for the future."""

    kind: Literal["state_preference"] = "state_preference"
    direction: Literal["prefer", "avoid"]
    hard: bool = False
    """A rule ("never", "always"), not a wish."""
    about: Phrase
    """What is preferred or avoided, in the user's words."""
    weekdays: tuple[Weekday, ...] = ()
    start: time | None = None
    end: time | None = None
    """Time of day; ``end <= start`` wraps."""
    people: tuple[Short, ...] = ()
    over: Phrase = ""
    """What it ranks above ("customers over internal meetings"); empty for none."""


class WithdrawPreference(_Intent):
    """Forget a rule or wish."""

    kind: Literal["withdraw_preference"] = "withdraw_preference"
    about: Phrase
    """Which one, in words; empty for the last."""


class Undo(_Intent):
    """Take back what was done last in this conversation."""

    kind: Literal["undo"] = "undo"


class StartEvolution(_Intent):
    """Let policies evolve."""

    kind: Literal["start_evolution"] = "start_evolution"
    scenario: Short = ""
    """Its name; empty where the words name none."""
    evaluations: int | None = Field(default=None, ge=1)
    seconds: int | None = Field(default=None, ge=1)
    """Wall time allowed."""


class AskRun(_Intent):
    """How an evolution run stands or ended, or its replay."""

    kind: Literal["ask_run"] = "ask_run"
    action: Literal["status", "replay", "stop", "resume", "compare"]
    run: Short = ""
    """Which one, in words; empty for the latest."""


class Answer(_Intent):
    """Yes, no or cancel, to what was asked last."""

    kind: Literal["answer"] = "answer"
    yes: bool


class SmallTalk(_Intent):
    """Nothing to do: thanks, greetings."""

    kind: Literal["small_talk"] = "small_talk"


class Unknown(_Intent):
    """Words that no rule and no model could place; ``why`` says so in a sentence."""

    kind: Literal["unknown"] = "unknown"
    why: Phrase


Intent = Annotated[
    PlanWork
    | ChangePlan
    | DropPlan
    | ScheduleEvent
    | MoveEvent
    | CancelEvent
    | FindTime
    | ResolveConflicts
    | RespondEvent
    | Query
    | StatePreference
    | WithdrawPreference
    | Undo
    | StartEvolution
    | AskRun
    | Answer
    | SmallTalk
    | Unknown,
    Field(discriminator="kind"),
]


Slot = Literal["event", "change", "time", "scenario", "first", "confirm"]
"""What an answer fills: which event, what of it changes, when, which scenario, which task comes
first, yes or no."""


class Choice(_Part):
    """One of the answers that are listed with a question."""

    words: Short
    event: EventRef | None = None
    """The event it stands for."""


class Question(_Part):
    """What the user is asked, and where the answer goes; see ``answering``."""

    text: Annotated[str, Field(max_length=1000)]
    slot: Slot
    intent: int | None = None
    """Number of the intent that waits for it; None: the answer adds one."""
    clause: Annotated[str, Field(max_length=8000)] = ""
    """The words it is about, where they are read again with the answer among them."""
    wrong: Annotated[str, Field(max_length=8000)] = ""
    """Those of them that the answer replaces."""
    if_yes: Annotated[str, Field(max_length=2000)] = ""
    """What a bare yes asks for, as the user could have said it."""
    choices: tuple[Choice, ...] = ()
    """In the order in which they are listed."""


class ModelCall(_Part):
    """One question to the model, for the record."""

    purpose: Short
    """Name of the prompt."""
    prompt: Annotated[str, Field(max_length=64)]
    """sha256 of the prompt file."""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    accepted: bool = True
    """False: the checker refused the answer."""


class Understood(_Part):
    """A message, understood as far as it could be."""

    intents: tuple[Intent, ...]
    asks: Question | None = None
    """Asked only when the answer would change the plan."""
    notes: tuple[Annotated[str, Field(max_length=400)], ...] = ()
    """What was assumed, left out, or could not be done, one sentence each."""
    calls: tuple[ModelCall, ...] = ()

    @property
    def question(self) -> str | None:
        """What the user is asked, in words."""
        return None if self.asks is None else self.asks.text


def midnight(day: datetime) -> datetime:
    """Return the beginning of a moment's day in its own zone."""
    return day.replace(hour=0, minute=0, second=0, microsecond=0)
