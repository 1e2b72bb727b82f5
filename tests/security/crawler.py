"""Walks an application as one person: every link of every page, each route a few times, nothing sent."""

from collections import Counter, deque
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.urls import resolve
from django.urls.exceptions import Resolver404

from tests.conftest import Browser

#: How often one route is looked at with different values: rows of one table are made by one template.
EACH_ROUTE = 4
MOST_PAGES = 160


class Markup(HTMLParser):
    """What a page is made of: its elements with their attributes, its links and forms."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._inside = ""
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        # A block of data is read by a script of ours and never run.
        self._inside = "" if tag == "script" and dict(attrs).get("type") == "application/json" else tag

    def handle_endtag(self, _: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and data.strip():
            self.scripts.append(data)
        self.text.append(data)

    @property
    def links(self) -> Iterator[str]:
        """Addresses that the page leads to."""
        for _, attributes in self.elements:
            for name in ("href", "hx-get", "src"):
                if attributes.get(name):
                    yield str(attributes[name])


def pages(browser: Browser, starts: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield (address, response) of every page that ``browser`` reaches from ``starts`` within its application."""
    waiting, seen, routes = deque(starts), set(starts), Counter[str]()
    looked = 0
    while waiting and looked < MOST_PAGES:
        address = waiting.popleft()
        with browser.settings():
            try:
                route = resolve(urlsplit(address).path).route
            except Resolver404:
                continue
        # Signing out ends the walk; the people of these tests have no password to change.
        if route.endswith(("sign-out/", "account/password/")) or routes[route] >= EACH_ROUTE:
            continue
        routes[route] += 1
        looked += 1
        response = browser.get(address)
        yield address, response
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            continue
        for link in Markup(response.content.decode()).links:
            target = urlsplit(urljoin(f"http://testserver{address}", link))
            found = target.path + (f"?{target.query}" if target.query else "")
            if target.netloc == "testserver" and not target.path.startswith("/static/") and found not in seen:
                seen.add(found)
                waiting.append(found)


def body(response: Any) -> bytes:
    """Return the whole body of a response, streamed or not."""
    # The test client closes what it streams at its end.
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)
