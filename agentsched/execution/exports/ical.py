"""A plan as a calendar: an event a task, to be shown beside a person's own appointments."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress, vText

from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.plan import Assignment, Plan


def to_ical(graph: TaskGraph, plan: Plan, stamp: datetime) -> str:
    """Return the plan as iCalendar text, times in UTC.

    Identities depend on graph name and task alone, so a later plan moves the same events.

    Args:
        graph: What is done.
        plan: Where and when.
        stamp: When the calendar is made, aware; DTSTAMP of every event.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//agentsched//plan//EN")
    calendar.add("version", "2.0")
    calendar.add("name", graph.name)
    calendar.add("x-wr-calname", graph.name)
    tasks = {task.id: task for task in graph.tasks}
    for place in sorted(plan.assignments, key=lambda place: (place.start, place.task)):
        task = tasks.get(place.task)
        if task is not None:
            calendar.add_component(_event(task, place, graph, stamp))
    text: bytes = calendar.to_ical()
    return text.decode()


def _event(task: Task, place: Assignment, graph: TaskGraph, stamp: datetime) -> Event:
    event = Event()
    event.add("uid", _uid(graph, task.id))
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("dtstart", place.start.astimezone(UTC))
    event.add("dtend", place.end.astimezone(UTC))
    event.add("summary", task.title or task.id)
    event.add("categories", ["agentsched"])
    # Work of machines takes nobody's time.
    event.add("transp", "OPAQUE" if task.people else "TRANSPARENT")
    if place.machines:
        event.add("location", ", ".join(dict.fromkeys(place.machines)))
    lines = [f"Task: {task.id}"]
    if task.command:
        lines.append(f"Command: {shlex.join(task.command)}")
    if task.people:
        lines.append(f"People: {', '.join(task.people)}")
    for person in task.people:
        if "@" in person:
            attendee = vCalAddress(f"mailto:{person}")
            attendee.params["partstat"] = vText("NEEDS-ACTION")
            event.add("attendee", attendee)
    if task.due is not None:
        lines.append(f"Due: {task.due.isoformat()}")
    if task.deadline is not None:
        lines.append(f"Deadline: {task.deadline.isoformat()}")
    event.add("description", "\n".join(lines))
    for other in dict.fromkeys(task.after):
        # RFC 9253: this one starts when the other has finished.
        event.add("related-to", _uid(graph, other), parameters={"RELTYPE": "FINISHTOSTART"})
    return event


def _uid(graph: TaskGraph, task: str) -> str:
    name = "".join(c if c.isalnum() and c.isascii() else "-" for c in graph.name.lower())
    return f"{name.strip('-') or 'plan'}.{task}@agentsched"
