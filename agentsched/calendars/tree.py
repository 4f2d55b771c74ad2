"""The component tree of an iCalendar file; immutable, and written back exactly as it was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agentsched.calendars.errors import BadCalendar
from agentsched.calendars.lines import Line, make_line, read_lines

DEPTH = 20
"""Components nested deeper are no calendar but an attack."""


@dataclass(frozen=True, slots=True)
class Component:
    """``BEGIN:NAME`` to ``END:NAME`` with lines and components in their order."""

    name: str
    begin: Line
    items: tuple[Line | Component, ...]
    end: Line

    @property
    def text(self) -> str:
        """What it is in a file, to the last character."""
        return "".join(_texts(self))

    @property
    def line_end(self) -> str:
        """The line end its file uses."""
        return "\r\n" if self.begin.raw.endswith("\r\n") else "\n"

    @property
    def lines(self) -> Iterator[Line]:
        """Its own lines, not those of the components in it."""
        return (item for item in self.items if isinstance(item, Line))

    def children(self, *names: str) -> Iterator[Component]:
        """Return the components in it, all or those of these names."""
        for item in self.items:
            if isinstance(item, Component) and (not names or item.name in names):
                yield item

    def get(self, name: str) -> Line | None:
        """Return its first line of that name."""
        for item in self.items:
            if isinstance(item, Line) and item.name == name:
                return item
        return None

    def text_of(self, name: str) -> str:
        """Return the TEXT of its first line of that name, or an empty string."""
        line = self.get(name)
        return "" if line is None else line.text

    def all(self, name: str) -> tuple[Line, ...]:
        """Return its lines of that name."""
        return tuple(line for line in self.lines if line.name == name)

    def with_line(self, line: Line) -> Component:
        """Return it with that line in place of the first of its name, else after its last line."""
        for at, item in enumerate(self.items):
            if isinstance(item, Line) and item.name == line.name:
                return replace(self, items=(*self.items[:at], line, *self.items[at + 1 :]))
        return self.adding(line)

    def adding(self, *lines: Line) -> Component:
        """Return it with these after its last line."""
        own = [at for at, item in enumerate(self.items) if isinstance(item, Line)]
        at = own[-1] + 1 if own else 0
        return replace(self, items=(*self.items[:at], *lines, *self.items[at:]))

    def without(self, *names: str) -> Component:
        """Return it without its lines of these names."""
        kept = (i for i in self.items if not (isinstance(i, Line) and i.name in names))
        return replace(self, items=tuple(kept))

    def mapping(self, name: str, change: Callable[[Line], Line | None]) -> Component:
        """Return it with each line of that name changed; None drops the line."""
        items: list[Line | Component] = []
        for item in self.items:
            made = change(item) if isinstance(item, Line) and item.name == name else item
            if made is not None:
                items.append(made)
        return replace(self, items=tuple(items))


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file: normally one VCALENDAR, and what stands around it."""

    items: tuple[Line | Component, ...]

    @property
    def text(self) -> str:
        """The file, to the last character."""
        return "".join(
            part for item in self.items for part in (_texts(item) if isinstance(item, Component)
            else (item.raw,))
        )  # fmt: skip

    @property
    def calendars(self) -> Iterator[Component]:
        """Its VCALENDARs."""
        return (
            item for item in self.items if isinstance(item, Component) and item.name == "VCALENDAR"
        )

    def replacing(self, old: Component, *new: Component) -> Document:
        """Return it with a component of a calendar (by identity) replaced by none or several."""
        items = tuple(
            _replacing(item, old, new) if isinstance(item, Component) else item
            for item in self.items
        )
        return Document(items)

    def components(self, *uids: str) -> tuple[Component, ...]:
        """Return what its calendars hold of these UIDs, in the order of the file."""
        return tuple(
            component
            for calendar in self.calendars
            for component in calendar.children("VEVENT")
            if component.text_of("UID").strip() in uids
        )

    def appending(self, *components: Component) -> Document:
        """Return it with these at the end of its first calendar."""
        first = next(self.calendars)
        longer = replace(first, items=(*first.items, *components))
        return Document(tuple(longer if item is first else item for item in self.items))


def parse(text: str, file: str) -> Document:
    """Read a file.

    Args:
        text: Its text.
        file: Its name, for messages.

    Raises:
        BadCalendar: There is no VCALENDAR, or a component is not closed as it was opened.
    """
    # A byte-order mark would hide the first BEGIN; as a line of its own it is kept.
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    top: list[Line | Component] = [Line(mark, "", mark, "", 1)] if mark else []
    open_: list[tuple[Line, list[Line | Component]]] = []
    for line in read_lines(text[len(mark) :]):
        into = open_[-1][1] if open_ else top
        if line.name == "BEGIN":
            if len(open_) == DEPTH:
                raise BadCalendar(
                    f"{file}, line {line.number}: components are nested deeper than {DEPTH}; "
                    "this is no calendar"
                )
            open_.append((line, []))
        elif line.name == "END":
            begin = open_.pop() if open_ else None
            name = line.value.strip().upper()
            if begin is None or begin[0].value.strip().upper() != name:
                inside = f"in {begin[0].value.strip()}" if begin else "outside of any component"
                raise BadCalendar(
                    f"{file}, line {line.number}: END:{name[:40]} {inside}; "
                    "mend the file or take it out of the calendar"
                )
            whole = Component(name, begin[0], tuple(begin[1]), line)
            (open_[-1][1] if open_ else top).append(whole)
        else:
            into.append(line)
    if open_:
        begin_line = open_[-1][0]
        raise BadCalendar(
            f"{file}, line {begin_line.number}: {begin_line.value.strip()[:40]} is never closed; "
            "the file is cut off, so restore it or take it out of the calendar"
        )
    document = Document(tuple(top))
    if next(document.calendars, None) is None:
        raise BadCalendar(
            f"{file}, line 1: no BEGIN:VCALENDAR; an .ics file of iCalendar (RFC 5545) is expected"
        )
    return document


def make_component(name: str, *items: Line | Component, end: str = "\r\n") -> Component:
    """Return a new component."""
    begin, close = make_line("BEGIN", name, end=end), make_line("END", name, end=end)
    return Component(name, begin, items, close)


def _texts(component: Component) -> Iterator[str]:
    yield component.begin.raw
    for item in component.items:
        if isinstance(item, Line):
            yield item.raw
        else:
            yield from _texts(item)
    yield component.end.raw


def _replacing(parent: Component, old: Component, new: tuple[Component, ...]) -> Component:
    for at, item in enumerate(parent.items):
        if item is old:
            return replace(parent, items=(*parent.items[:at], *new, *parent.items[at + 1 :]))
    return parent
