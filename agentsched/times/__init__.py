"""Time words and what they mean: dates, ranges, durations, deadlines, recurrences, computed."""

from agentsched.times.echo import say
from agentsched.times.errors import TimePhraseError
from agentsched.times.finding import find_times, resolve
from agentsched.times.habits import Habits
from agentsched.times.resolved import Found, Resolved

__all__ = ["Found", "Habits", "Resolved", "TimePhraseError", "find_times", "resolve", "say"]
