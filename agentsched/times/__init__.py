"""Time words and what they mean: dates, ranges, durations, deadlines, recurrences, computed."""

from agentsched.times.echo import say, say_rule
from agentsched.times.errors import TimePhraseError
from agentsched.times.finding import find_times, resolve
from agentsched.times.habits import Habits
from agentsched.times.impossible import refuse_impossible
from agentsched.times.resolved import Found, Resolved

__all__ = [
    "Found",
    "Habits",
    "Resolved",
    "TimePhraseError",
    "find_times",
    "refuse_impossible",
    "resolve",
    "say",
    "say_rule",
]
