"""Requests to a CalDAV server: bounded retries, and every failure in one line.

The ``caldav`` package keeps the connection and negotiates Basic, Digest and Bearer; what is asked
and what the answers mean is ours, because the safety of every write hangs on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from agentsched.calendars.errors import CalendarError, CalendarUnreachable
from agentsched.calendars.store import Access

DAV = "{DAV:}"
CAL = "{urn:ietf:params:xml:ns:caldav}"
BACKOFF = 0.2
"""Seconds before the second try; doubled before each further one."""
LONGEST_WAIT = 5.0
"""Seconds we wait at most because a busy server asks for it."""
_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    tree: Any
    """Root element of lxml; None without an XML body."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``response`` of a multistatus."""

    href: str
    gone: bool
    properties: Mapping[str, Any]
    """Elements by tag, of those that were found."""

    def text(self, tag: str) -> str:
        """Return the text of a property, or an empty string."""
        element = self.properties.get(tag)
        return "" if element is None else (element.text or "").strip()

    def has(self, tag: str, child: str) -> bool:
        """Whether a property holds that element."""
        element = self.properties.get(tag)
        return element is not None and element.find(child) is not None

    def href_in(self, tag: str) -> str:
        """Return the href a property holds, or an empty string."""
        element = self.properties.get(tag)
        found = None if element is None else element.find(f"{DAV}href")
        return "" if found is None else (found.text or "").strip()


class Wire:
    """A connection to one server."""

    def __init__(self, url: str, access: Access) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise CalendarError(f"calendar {url!r}: a URL such as https://host/path is needed")
        user = access.user or unquote(parts.username or "")
        password = access.password or ("" if access.user else unquote(parts.password or ""))
        place = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
        if parts.port:
            place += f":{parts.port}"
        self.url = urlunsplit((parts.scheme, place, parts.path or "/", "", ""))
        """Without credentials."""
        self._retries = access.retries
        from caldav.davclient import DAVClient

        self._client: Any = DAVClient(
            self.url,
            username=user or None,
            password=password or None,
            timeout=ceil(access.timeout),
            enable_rfc6764=False,
        )

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def resolve(self, href: str) -> str:
        """Return the URL of an href the server gave.

        Raises:
            CalendarUnreachable: It points to another server, which must not get our password.
        """
        url = urljoin(self.url, href)
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            raise CalendarUnreachable(
                f"{self.url!r} refers to another server, {href[:80]!r}; give that URL yourself if "
                "you trust it"
            )
        return url

    def read(self, method: str, url: str, body: str, depth: str | None = None) -> Answer:
        """Send a request that changes nothing, again if need be."""
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        if depth is not None:
            headers["Depth"] = depth
        wait = BACKOFF
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                answer = self.send(method, url, body, headers)
            except CalendarUnreachable:
                if last:
                    raise
            else:
                if last or answer.status not in _AGAIN:
                    return answer
                wait = max(wait, _asked_wait(answer))
            time.sleep(min(wait, LONGEST_WAIT))
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def send(self, method: str, url: str, body: str, headers: Mapping[str, str]) -> Answer:
        """Send one request once.

        Raises:
            CalendarUnreachable: No answer, one that is no CalDAV, or no permission.
        """
        from caldav.lib.error import AuthorizationError, DAVError, RateLimitError

        try:
            answer = self._client.request(url, method, body, dict(headers))
        except RateLimitError as error:
            return Answer(429, {"Retry-After": str(error.retry_after or "")}, None)
        except AuthorizationError as error:
            if getattr(error, "status", None) == 403 and getattr(error, "preconditions", None):
                return Answer(403, {}, None)
            raise CalendarUnreachable(
                f"{self.url!r} refuses {method}: user, password or permission are wrong; set "
                "[calendar] user and password"
            ) from None
        except OSError as error:
            raise CalendarUnreachable(
                f"{self.url!r} does not answer ({type(error).__name__}); check the URL, the "
                "network and that the server runs"
            ) from error
        # lxml says "not XML" with a SyntaxError.
        except (DAVError, SyntaxError) as error:
            raise CalendarUnreachable(
                f"{self.url!r} answers {method} with what is no CalDAV; check the URL"
            ) from error
        return Answer(int(answer.status), answer.headers, getattr(answer, "tree", None))

    def entries(self, answer: Answer, asked: str) -> Iterator[Entry]:
        """Return what a multistatus answer holds.

        Raises:
            CalendarUnreachable: It is no multistatus.
        """
        if answer.status != 207 or answer.tree is None:
            raise CalendarUnreachable(
                f"{self.url!r} answers {asked} with status {answer.status}; check that the URL is "
                "one of a CalDAV server"
            )
        for element in answer.tree.iter(f"{DAV}response"):
            href = element.findtext(f"{DAV}href") or ""
            properties: dict[str, Any] = {}
            for found in element.iter(f"{DAV}propstat"):
                if " 200" in (found.findtext(f"{DAV}status") or ""):
                    for item in found.find(f"{DAV}prop"):
                        properties[item.tag] = item
            gone = " 404" in (element.findtext(f"{DAV}status") or "")
            yield Entry(urlsplit(urljoin(self.url, href.strip())).path, gone, properties)


def _asked_wait(answer: Answer) -> float:
    asked = str(answer.headers.get("Retry-After", ""))
    return float(asked) if asked.isdecimal() else 0.0
