"""A calendar on a CalDAV server (RFC 4791), read by deltas (RFC 6578), written under If-Match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

from agentsched.calendars.dav_wire import CAL, DAV, Answer, Wire
from agentsched.calendars.errors import CalendarError, CalendarUnreachable, Stale
from agentsched.calendars.store import Access, Resource

BATCH = 100
"""Resources fetched by one request."""
_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_SPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
_FIND = (
    f"{_HEAD}<d:propfind {_SPACES}><d:prop><d:resourcetype/><d:displayname/>"
    "<d:current-user-principal/><c:calendar-home-set/></d:prop></d:propfind>"
)
_LIST = f"{_HEAD}<d:propfind {_SPACES}><d:prop><d:getetag/><d:resourcetype/></d:prop></d:propfind>"


class DavCalendar:
    """See ``store.CalendarStore``; hrefs are paths on the server."""

    def __init__(self, wire: Wire, path: str, name: str) -> None:
        self._wire = wire
        self._path = path if path.endswith("/") else path + "/"
        self._name = name
        self._etags: dict[str, str] = {}
        self._token = ""
        self._syncs = True

    @classmethod
    def open(cls, url: str, access: Access, name: str = "") -> DavCalendar:
        """Find a calendar at a URL, or from there by principal and home; see ``open_calendar``."""
        wire = Wire(url, access)
        try:
            return _found(cls, wire, name)
        except BaseException:
            wire.close()
            raise

    @property
    def name(self) -> str:
        """What the server shows people."""
        return self._name

    @property
    def url(self) -> str:
        """URL of the collection, without credentials."""
        return self._wire.resolve(self._path)

    @property
    def home(self) -> str | None:
        """None: an event is an object of its own (RFC 4791, 4.1)."""
        return None

    def etags(self) -> Mapping[str, str]:
        """See ``CalendarStore.etags``; after the first time only what changed is asked for."""
        if not self._syncs:
            self._list()
        elif not self._delta():
            self._token = ""
            self._etags = {}
            if not self._delta():
                self._syncs = False
                self._list()
        return dict(self._etags)

    def fetch(self, hrefs: Iterable[str]) -> list[Resource]:
        """See ``CalendarStore.fetch``."""
        found: list[Resource] = []
        wanted = list(hrefs)
        for at in range(0, len(wanted), BATCH):
            asked = "".join(f"<d:href>{escape(quote(h))}</d:href>" for h in wanted[at : at + BATCH])
            body = (
                f"{_HEAD}<c:calendar-multiget {_SPACES}><d:prop><d:getetag/><c:calendar-data/>"
                f"</d:prop>{asked}</c:calendar-multiget>"
            )
            answer = self._wire.read("REPORT", self.url, body, "1")
            for entry in self._wire.entries(answer, "calendar-multiget"):
                data = entry.properties.get(f"{CAL}calendar-data")
                if data is not None and entry.text(f"{DAV}getetag"):
                    # XML has only bare line feeds; what the server stores has CRLF.
                    text = (data.text or "").replace("\r\n", "\n").replace("\n", "\r\n")
                    href, etag = unquote(entry.href), entry.text(f"{DAV}getetag")
                    self._etags[href] = etag
                    found.append(Resource(href, etag, text))
        return found

    def create(self, href: str, text: str) -> Resource:
        """See ``CalendarStore.create``; the href is taken as a name within the collection."""
        path = self._path + href.rpartition("/")[2]
        return self._put(path, text, {"If-None-Match": "*"})

    def replace(self, href: str, text: str, etag: str) -> Resource:
        """See ``CalendarStore.replace``."""
        return self._put(self._own(href), text, {"If-Match": etag})

    def delete(self, href: str, etag: str) -> None:
        """See ``CalendarStore.delete``."""
        url = self._wire.resolve(quote(self._own(href)))
        answer = self._sent("DELETE", url, "", {"If-Match": etag}, href)
        if answer.status not in (200, 202, 204):
            raise self._refused("DELETE", href, answer)
        self._etags.pop(href, None)

    def close(self) -> None:
        """End the connection."""
        self._wire.close()

    def _own(self, href: str) -> str:
        if not href.startswith(self._path) or "/../" in href:
            raise CalendarError(f"{href[:80]!r} is not in the calendar {self._name!r}")
        return href

    def _put(self, href: str, text: str, condition: Mapping[str, str]) -> Resource:
        headers = {"Content-Type": "text/calendar; charset=utf-8", **condition}
        answer = self._sent("PUT", self._wire.resolve(quote(href)), text, headers, href)
        if answer.status not in (200, 201, 204):
            raise self._refused("PUT", href, answer)
        # What was stored may differ from what was sent, and only the server's text has the ETag.
        stored = self.fetch([href])
        if not stored:
            raise Stale(f"{href!r} was written, and deleted by somebody else at once: read again")
        return stored[0]

    def _sent(
        self, method: str, url: str, body: str, headers: Mapping[str, str], href: str
    ) -> Answer:
        try:
            answer = self._wire.send(method, url, body, headers)
        except CalendarUnreachable as error:
            error.add_note(f"whether {href!r} was written is not known: read it again")
            raise
        if answer.status in (404, 409, 410, 412):
            raise Stale(
                f"{href!r} in {self._name!r} was changed by somebody else since it was read; "
                "nothing was written: read again and plan again"
            )
        return answer

    def _refused(self, method: str, href: str, answer: Answer) -> CalendarUnreachable:
        return CalendarUnreachable(
            f"{self._wire.url!r} refuses {method} of {href!r} with status {answer.status}; "
            "nothing was changed"
        )

    def _list(self) -> None:
        answer = self._wire.read("PROPFIND", self.url, _LIST, "1")
        self._etags = {
            unquote(entry.href): entry.text(f"{DAV}getetag")
            for entry in self._wire.entries(answer, "PROPFIND")
            if entry.text(f"{DAV}getetag")
            and not entry.has(f"{DAV}resourcetype", f"{DAV}collection")
        }

    def _delta(self) -> bool:
        """Bring ``_etags`` up to date by sync-collection; False if the server will not do so."""
        for _ in range(1000):
            body = (
                f"{_HEAD}<d:sync-collection {_SPACES}><d:sync-token>{escape(self._token)}"
                "</d:sync-token><d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop>"
                "</d:sync-collection>"
            )
            answer = self._wire.read("REPORT", self.url, body)
            if answer.status != 207 or answer.tree is None:
                return False
            partial = False
            for entry in self._wire.entries(answer, "sync-collection"):
                href = unquote(entry.href)
                if entry.gone:
                    self._etags.pop(href, None)
                elif entry.text(f"{DAV}getetag"):
                    self._etags[href] = entry.text(f"{DAV}getetag")
                else:
                    # 507 for the collection itself: there is more (RFC 6578, 3.6).
                    partial = partial or href.rstrip("/") == self._path.rstrip("/")
            token = answer.tree.findtext(f"{DAV}sync-token") or ""
            more = partial and token != self._token
            self._token = token
            if not more:
                return bool(token)
        return False


def _found(kind: type[DavCalendar], wire: Wire, name: str) -> DavCalendar:
    at = wire.url
    for _ in range(4):
        answer = wire.read("PROPFIND", at, _FIND, "0")
        entry = next(iter(wire.entries(answer, "PROPFIND")), None)
        if entry is None:
            break
        if entry.has(f"{DAV}resourcetype", f"{CAL}calendar"):
            path = unquote(entry.href)
            return kind(wire, path, entry.text(f"{DAV}displayname") or _last(path))
        home = entry.href_in(f"{CAL}calendar-home-set")
        if home:
            return _choose(kind, wire, wire.resolve(home), name)
        principal = entry.href_in(f"{DAV}current-user-principal")
        if not principal or wire.resolve(principal) == at:
            return _choose(kind, wire, at, name)
        at = wire.resolve(principal)
    raise CalendarError(f"{wire.url!r}: no calendar there; give the URL of one")


def _choose(kind: type[DavCalendar], wire: Wire, home: str, name: str) -> DavCalendar:
    answer = wire.read("PROPFIND", home, _FIND, "1")
    found = [
        (entry.text(f"{DAV}displayname") or _last(entry.href), unquote(entry.href))
        for entry in wire.entries(answer, "PROPFIND")
        if entry.has(f"{DAV}resourcetype", f"{CAL}calendar")
    ]
    fitting = [(n, p) for n, p in found if not name or name in (n, _last(p))]
    if len(fitting) == 1:
        return kind(wire, fitting[0][1], fitting[0][0])
    known = ", ".join(repr(n) for n, _ in found[:8]) or "none"
    rule = f"no calendar {name!r}" if name and not fitting else f"{len(fitting)} calendars"
    raise CalendarError(f"{wire.url!r}: {rule} there; name one of: {known}")


def _last(path: str) -> str:
    return urlsplit(path).path.rstrip("/").rpartition("/")[2] or "calendar"
