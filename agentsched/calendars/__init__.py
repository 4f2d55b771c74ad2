"""Calendars: stores, loss-free edits, occurrences, conflicts, free times, and ways out."""

from agentsched.calendars.away import busy_stretches
from agentsched.calendars.book import Book
from agentsched.calendars.conflicts import Spacing, find_conflicts
from agentsched.calendars.creating import NewEvent
from agentsched.calendars.errors import CalendarError, Stale
from agentsched.calendars.events import Viewer
from agentsched.calendars.free import Participant, Wanted, free_slots
from agentsched.calendars.hours import parse_hours
from agentsched.calendars.journal import Journal
from agentsched.calendars.occurrences import Occurrence
from agentsched.calendars.preference import PreferenceModel
from agentsched.calendars.resolution import Authority, Situation, resolve
from agentsched.calendars.store import Access, open_calendar

__all__ = [
    "Access",
    "Authority",
    "Book",
    "CalendarError",
    "Journal",
    "NewEvent",
    "Occurrence",
    "Participant",
    "PreferenceModel",
    "Situation",
    "Spacing",
    "Stale",
    "Viewer",
    "Wanted",
    "busy_stretches",
    "find_conflicts",
    "free_slots",
    "open_calendar",
    "parse_hours",
    "resolve",
]
