"""A real CalDAV server on loopback: Radicale, started by these tests."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import pytest

from agentsched.calendars import Access, Book, Journal, NewEvent, Stale, Viewer, open_calendar
from agentsched.calendars.dav import DavCalendar
from agentsched.calendars.errors import CalendarError, CalendarUnreachable, NeedsYes
from agentsched.calendars.snapshot import CalendarReader
from agentsched.calendars.vtimezone import vtimezone

pytest.importorskip("radicale")

NY, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
ACCESS = Access("ada", "lovelace", timeout=10)
MAKE = """<?xml version="1.0"?><c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
<d:set><d:prop><d:displayname>{name}</d:displayname></d:prop></d:set></c:mkcalendar>"""
SERIES = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//EN\r
BEGIN:VEVENT\r
UID:weekly-1\r
DTSTAMP:20260101T000000Z\r
SUMMARY:Review\r
DTSTART;TZID=America/New_York:20260224T150000\r
DTEND;TZID=America/New_York:20260224T160000\r
RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=6\r
EXDATE;TZID=America/New_York:20260317T150000\r
COLOR:turquoise\r
CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://meet.example.com/x\r
ATTENDEE;CN="Lovelace, Ada";PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ada@example.com\r
ORGANIZER:mailto:boss@example.com\r
X-CUSTOM;X-P=1:kept\r
BEGIN:VALARM\r
ACTION:DISPLAY\r
DESCRIPTION:soon\r
TRIGGER:-PT10M\r
END:VALARM\r
END:VEVENT\r
END:VCALENDAR\r
"""


@dataclass(frozen=True)
class Server:
    url: str

    def send(self, method: str, path: str, body: str = "", **headers: str) -> int:
        request = Request(self.url + path, body.encode(), headers, method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(b"ada:lovelace").decode())
        with urlopen(request, timeout=10) as answer:
            return int(answer.status)

    def calendar(self, name: str) -> str:
        self.send("MKCALENDAR", f"/ada/{name}/", MAKE.format(name=name))
        return f"{self.url}/ada/{name}/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("radicale")
    (folder / "users").write_text("ada:lovelace\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {folder / 'users'}\n"
        "htpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {folder / 'data'}\n"
        "[logging]\nlevel = error\n"
    )
    command = [sys.executable, "-m", "radicale", "--config", str(folder / "config")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(port, process, folder / "log")
        yield Server(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"Radicale did not start: {log.read_text()}")


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    return server.calendar(f"c{abs(hash(request.node.name)) % 10**9}")


@pytest.fixture
def book(url: str, tmp_path: Path) -> Iterator[Book]:
    made = _book(url, tmp_path)
    yield made
    made.close()


def _book(url: str, tmp_path: Path) -> Book:
    viewer = Viewer(NY, frozenset({"ada@example.com"}))
    store = open_calendar(url, access=ACCESS)
    return Book(store, Journal(tmp_path / "journal.jsonl"), viewer, lambda: NOW)


def starts(book: Book) -> list[str]:
    return [f"{o.start:%m-%d %H:%M}" for o in book.expand(*YEAR).occurrences]


def test_a_series_survives_the_server_across_dst(book: Book, server: Server, url: str) -> None:
    server.send("PUT", url.removeprefix(server.url) + "w.ics", SERIES)
    # 15:00 in New York is 20:00 UTC until 8 March and 19:00 from then on; 17 March is taken out.
    assert starts(book) == [
        "02-24 20:00", "03-03 20:00", "03-10 19:00", "03-24 19:00", "03-31 19:00"
    ]  # fmt: skip


@pytest.mark.parametrize("scope", ["this", "future", "series"])
def test_an_edit_keeps_what_it_does_not_touch_and_undo_restores_it(
    book: Book, server: Server, url: str, scope: str
) -> None:
    server.send("PUT", url.removeprefix(server.url) + "w.ics", SERIES)
    before = {r.resource.href: r.resource.text for r in book.read().resources}
    third = book.expand(*YEAR).occurrences[2]
    entry = book.move(third, datetime(2026, 3, 10, 16, 30), scope=scope)  # type: ignore[arg-type]
    moved = "".join(r.resource.text for r in book.read().resources)
    for kept in ("COLOR:turquoise", "meet.example.com/x", "X-CUSTOM;X-P=1:kept", "-PT10M"):
        assert kept in moved.replace("\r\n ", "")
    assert "03-10 20:30" in starts(book)
    book.undo(entry.id)
    assert {r.resource.href: r.resource.text for r in book.read().resources} == before


def test_a_write_over_somebody_elses_is_refused_and_changes_nothing(
    book: Book, url: str, tmp_path: Path
) -> None:
    book.add(NewEvent("Mine", datetime(2026, 5, 4, 9), zone="Europe/Berlin"))
    other = _book(url, tmp_path / "other")
    theirs = other.expand(*YEAR).occurrences[0]
    mine = book.expand(*YEAR).occurrences[0]
    other.change(theirs, title="Theirs")
    with pytest.raises(Stale, match="read again"):
        book.move(mine, datetime(2026, 5, 4, 10, tzinfo=BERLIN))
    assert [o.title for o in book.expand(*YEAR).occurrences] == ["Theirs"]
    assert starts(book) == ["05-04 07:00"]
    other.close()


def test_412_is_stale_at_the_store_itself_for_writes_and_deletes(url: str, book: Book) -> None:
    book.add(NewEvent("Mine", datetime(2026, 5, 4, 9), zone="Europe/Berlin"))
    store = open_calendar(url, access=ACCESS)
    (resource,) = store.fetch(store.etags())
    newer = store.replace(resource.href, resource.text.replace("Mine", "New"), resource.etag)
    with pytest.raises(Stale):
        store.replace(resource.href, resource.text, resource.etag)
    with pytest.raises(Stale):
        store.delete(resource.href, resource.etag)
    with pytest.raises(Stale):
        store.create(resource.href, resource.text)
    store.delete(newer.href, newer.etag)
    with pytest.raises(Stale):
        store.replace(resource.href, resource.text, newer.etag)
    store.close()


def test_only_what_changed_is_fetched_again(url: str, book: Book, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for day in (4, 5, 6):
        book.add(NewEvent(f"Day {day}", datetime(2026, 5, day, 9), zone="Europe/Berlin"))
    store = open_calendar(url, access=ACCESS)
    reader = CalendarReader(store)
    assert len(reader.read().series) == 3
    fetched: list[list[str]] = []
    original = DavCalendar.fetch
    monkeypatch.setattr(
        DavCalendar, "fetch",
        lambda self, hrefs: fetched.append(list(hrefs)) or original(self, fetched[-1]),
    )  # fmt: skip
    assert len(reader.read().series) == 3
    book.change(book.expand(*YEAR).occurrences[1], title="Changed")
    gone = book.expand(*YEAR).occurrences[2]
    book.cancel(gone, yes=book.token("cancel", gone))
    fetched.clear()
    assert sorted(s.events[0].title for s in reader.read().series) == ["Changed", "Day 4"]
    assert [len(hrefs) for hrefs in fetched] == [1]
    store.close()


def test_declining_needs_a_yes_and_is_stored(book: Book, server: Server, url: str) -> None:
    server.send("PUT", url.removeprefix(server.url) + "w.ics", SERIES)
    first = book.expand(*YEAR).occurrences[0]
    assert first.kind == "soft"
    with pytest.raises(NeedsYes):
        book.reply(first, "DECLINED")
    entry = book.reply(first, "DECLINED", yes=book.token("decline", first))
    assert [o.kind for o in book.expand(*YEAR).occurrences] == ["free"] + ["soft"] * 4
    book.undo(entry.id)
    assert [o.kind for o in book.expand(*YEAR).occurrences] == ["soft"] * 5


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Sydney"])
def test_our_vtimezones_do_not_set_the_servers_free_busy_off(
    book: Book, server: Server, url: str, zone: str
) -> None:
    """The trap: with an RDATE-list VTIMEZONE Radicale says an hour later in summer."""
    there = ZoneInfo(zone)
    assert "RDATE" not in (vtimezone(there, 2026) or pytest.fail("no VTIMEZONE")).text
    for month in (1, 7):
        book.add(NewEvent("Busy", datetime(2026, month, 14, 16), zone=zone))
    told = _free_busy(server, url)
    for month in (1, 7):
        start = datetime(2026, month, 14, 16, tzinfo=there).astimezone(UTC)
        assert f"{start:%Y%m%dT%H%M%SZ}/{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}" in told


def _free_busy(server: Server, url: str) -> str:
    body = (
        '<?xml version="1.0"?><c:free-busy-query xmlns:c="urn:ietf:params:xml:ns:caldav">'
        '<c:time-range start="20260101T000000Z" end="20261231T000000Z"/></c:free-busy-query>'
    )
    request = Request(url, body.encode(), {"Depth": "1"}, method="REPORT")
    request.add_header("Authorization", "Basic " + base64.b64encode(b"ada:lovelace").decode())
    with urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_a_calendar_is_found_from_the_servers_address(server: Server, url: str) -> None:
    name = url.rstrip("/").rpartition("/")[2]
    store = open_calendar(server.url, access=ACCESS, name=name)
    assert store.url == url
    store.close()
    with pytest.raises(CalendarError, match="no calendar 'nope' there; name one of"):
        open_calendar(server.url, access=ACCESS, name="nope")


def test_credentials_in_the_url_work_and_are_shown_nowhere(server: Server, url: str) -> None:
    store = open_calendar(url.replace("//", "//ada:lovelace@"))
    assert store.etags() == {}
    assert "lovelace" not in store.url + repr(ACCESS)
    store.close()


def test_a_wrong_password_is_one_sentence(url: str) -> None:
    with pytest.raises(CalendarUnreachable, match="user, password or permission"):
        open_calendar(url, access=Access("ada", "wrong"))


def test_a_server_that_is_down_is_one_sentence() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(CalendarUnreachable, match="does not answer"):
        open_calendar(f"http://127.0.0.1:{port}/x/", access=Access(retries=1))
