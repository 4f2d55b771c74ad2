"""What can go wrong with a calendar.

UserError
├── CalendarError        a calendar, event or request for a change is wrong
│   ├── BadCalendar      a file or its lines cannot be read; names file and line
│   ├── NoEvent          no such event or occurrence
│   ├── Stale            somebody else changed it since it was read: read again, plan again
│   └── NeedsYes         a destructive action without the person's yes
AgentSchedError
└── CalendarUnreachable  the server is down, refuses, or answers garbage; exit code of storage
"""

from __future__ import annotations

from agentsched.errors import AgentSchedError, Exit, UserError


class CalendarError(UserError):
    """A calendar, an event or a change asked for is wrong; nothing was changed."""


class BadCalendar(CalendarError):
    """A calendar file is broken; the message names the file and the line."""


class NoEvent(CalendarError):
    """There is no such event, or no such occurrence of it."""


class Stale(CalendarError):
    """The event changed since it was read, so nothing was written: read again and plan again."""


class NeedsYes(CalendarError):
    """The action destroys something and no fitting yes came with it."""


class CalendarUnreachable(AgentSchedError):
    """The calendar server cannot be used; the message names it, the reason and the way out."""

    exit = Exit.STORAGE
