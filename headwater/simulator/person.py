"""A person at a browser: opens the real pages, fills in the real forms, signs in with password and code.

Nothing is known of a page but what its HTML says: a form's action, hidden members and choices are read from it, so
that a page without the expected form is a failure that names the page.
"""

import base64
import hmac
import struct
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from headwater.errors import Forbidden, Invalid, NotFound, Unavailable

PERIOD_S = 30
"""How long one code holds (RFC 6238)."""
LONGEST_PAGE = 8_000_000


def code(secret: str, at: float) -> str:
    """Return the six digits that an authenticator app shows at ``at``, seconds since 1970 (RFC 6238, SHA-1)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack("!Q", int(at) // PERIOD_S), "sha1").digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('!I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


@dataclass(slots=True)
class Form:
    """One form of a page."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    """What a browser would send if nothing were changed."""
    members: list[str] = field(default_factory=list)
    """The names of all controls, also of empty ones and files."""
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    """Name of a select or of radio buttons -> value -> what is read beside it."""
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a page."""

    address: str
    text: str


@dataclass(slots=True)
class Page:
    """A page as it came."""

    address: str
    status: int
    text: str = ""
    """What a reader sees, one space between words."""
    forms: list[Form] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def form(self, *names: str) -> Form:
        """Return the first form that has controls of all ``names``.

        Raises:
            NotFound: the page has none.
        """
        found = self.form_or_none(*names)
        if found is None:
            have = "; ".join(", ".join(form.members) or "(empty)" for form in self.forms) or "no form at all"
            raise NotFound(f"The page {self.address} has no form with {', '.join(names)}. It has: {have}.")
        return found

    def form_or_none(self, *names: str) -> Form | None:
        """Return the first form that has controls of all ``names``, or None."""
        return next((form for form in self.forms if set(names) <= set(form.members)), None)

    def form_to(self, ending: str) -> Form:
        """Return the first form whose action ends with ``ending``: for forms that are a button alone.

        Raises:
            NotFound: the page has none.
        """
        for form in self.forms:
            if urlsplit(form.action).path.endswith(ending):
                return form
        raise NotFound(f"The page {self.address} has no form that is sent to {ending}.")

    def link(self, part: str) -> Link:
        """Return the first link whose address contains ``part``.

        Raises:
            NotFound: the page has none.
        """
        for link in self.links:
            if part in link.address:
                return link
        raise NotFound(f"The page {self.address} has no link to {part}.")


class _Reader(HTMLParser):
    """Reads forms, links and text out of a page."""

    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self._page = page
        self._words: list[str] = []
        self._form: Form | None = None
        self._link: tuple[str, int] | None = None
        self._select = ""
        self._option: tuple[str, int] | None = None
        self._area: tuple[str, list[str]] | None = None
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        if tag == "form":
            address = urljoin(self._page.address, have.get("action", ""))
            self._form = Form(address, have.get("method", "get").lower())
            self._page.forms.append(self._form)
        elif tag == "a" and "href" in have:
            self._link = (urljoin(self._page.address, have["href"]), len(self._words))
        elif tag in {"script", "style"}:
            self._unread += 1
        elif self._form is not None:
            self._control(self._form, tag, have, dict(attrs))

    def _control(self, form: Form, tag: str, have: dict[str, str], given: dict[str, str | None]) -> None:
        name = have.get("name", "")
        if tag == "option":
            self._option = (have.get("value", ""), len(self._words))
            form.choices.setdefault(self._select, {})[self._option[0]] = ""
            if "selected" in given or self._select not in form.values:
                form.values[self._select] = self._option[0]
            return
        if not name:
            return
        form.members += [name] if name not in form.members else []
        kind = have.get("type", "text").lower()
        if tag == "input" and kind == "file":
            form.files.append(name)
        elif tag == "input" and kind in {"radio", "checkbox"}:
            form.choices.setdefault(name, {})[have.get("value", "on")] = have.get("aria-label", "")
            if "checked" in given:
                form.values[name] = have.get("value", "on")
        elif tag == "input" and kind not in {"submit", "button", "image", "reset"}:
            form.values[name] = have.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._area = (name, [])

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            address, start = self._link
            self._page.links.append(Link(address, " ".join(self._words[start:])))
            self._link = None
        elif tag == "form":
            self._form = None
        elif tag in {"script", "style"}:
            self._unread = max(0, self._unread - 1)
        elif tag == "option" and self._option is not None and self._form is not None:
            value, start = self._option
            self._form.choices[self._select][value] = " ".join(self._words[start:])
            self._option = None
        elif tag == "textarea" and self._area is not None and self._form is not None:
            name, pieces = self._area
            # The first line break belongs to the markup (HTML, 4.10.11).
            self._form.values[name] = "".join(pieces).removeprefix("\n")
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)
        if not self._unread:
            self._words += data.split()

    def close(self) -> None:
        super().close()
        self._page.text = " ".join(self._words)


def read(address: str, status: int, html: str) -> Page:
    """Return the page that ``html`` is."""
    page = Page(address, status)
    reader = _Reader(page)
    reader.feed(html)
    reader.close()
    return page


class Person:
    """One person with one browser, at one of the three web applications. Not for several threads."""

    def __init__(
        self, base: str, *, email: str, password: str, totp_secret: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        """``base`` is the address of the application, such as ``http://127.0.0.1:8402``.

        ``transport`` is another way there than a socket.
        """
        self.email = email
        self._base = base
        self._password = password
        self._secret = totp_secret
        self._browser = httpx.Client(base_url=base, follow_redirects=True, timeout=60.0, transport=transport)

    def __enter__(self) -> Self:
        """Keep the browser open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the browser."""
        self.close()

    def close(self) -> None:
        """Close the browser; the session on the server ends by its own clock."""
        self._browser.close()

    def open(self, address: str) -> Page:
        """Open a page, signing in first where the application asks for it.

        Raises:
            Unavailable: the application does not answer.
            NotFound, Forbidden, Invalid: it answered with an error page.
        """
        page = self._get(address)
        if urlsplit(page.address).path.startswith("/account/sign-in"):
            self._sign_in(page)
            page = self._get(address)
        return self._confirmed(page)

    def submit(
        self, form: Form, values: dict[str, str], files: dict[str, tuple[str, bytes, str]] | None = None
    ) -> Page:
        """Send ``form`` with ``values`` over its own, as a browser on that page would; return the page that follows.

        Raises:
            Invalid: a value is for a control that the form has not.
        """
        unknown = sorted({*values, *(files or {})} - set(form.members))
        if unknown:
            raise Invalid(f"The form {form.action} has no {', '.join(unknown)}; it has {', '.join(form.members)}.")
        sent = {**form.values, **values}
        if form.method == "get":
            return self._ask("GET", form.action, params=sent)
        headers = {"Origin": self._base, "Referer": form.action}
        return self._confirmed(self._ask("POST", form.action, data=sent, files=files, headers=headers))

    def download(self, address: str) -> tuple[str, bytes]:
        """Return the name and the octets of a file that the person downloads.

        Raises:
            Invalid: what came is a page, not a file.
        """
        answer = self._browser.get(address)
        if answer.is_error:
            _refuse_errors(answer, read(address, answer.status_code, answer.text[:LONGEST_PAGE]).text)
        disposition = answer.headers.get("content-disposition", "")
        if not disposition.startswith("attachment"):
            raise Invalid(f"{address} gave {answer.headers.get('content-type', 'nothing')}, not a file to keep.")
        name = disposition.partition("filename=")[2].strip('"; ')
        return PurePosixPath(name).name, answer.content

    def _confirmed(self, page: Page) -> Page:
        """Show the code again where it is asked for before an act that weighs; what was sent is then done."""
        for _ in range(3):
            form = page.form_or_none("code") if urlsplit(page.address).path == "/account/confirm-code/" else None
            if form is None:
                return page
            headers = {"Origin": self._base, "Referer": page.address}
            shown = {**form.values, "code": code(self._secret, time.time())}
            page = self._ask("POST", form.action, data=shown, headers=headers)
            if page.form_or_none("code") is not None:
                time.sleep(PERIOD_S - time.time() % PERIOD_S + 0.5)
        return page

    def _sign_in(self, page: Page) -> None:
        page = self.submit(page.form("login", "password"), {"login": self.email, "password": self._password})
        # A code holds once: where it was used a moment ago, the next one is waited for, as a person would.
        for _ in range(2):
            form = page.form_or_none("code")
            if form is None:
                break
            page = self.submit(form, {"code": code(self._secret, time.time())})
            if page.form_or_none("code") is not None:
                time.sleep(PERIOD_S - time.time() % PERIOD_S + 0.5)
        if page.form_or_none("code") or page.form_or_none("login", "password"):
            raise Forbidden(f"{self.email} could not sign in at {self._base}: {page.text[:300]}")

    def _get(self, address: str) -> Page:
        return self._ask("GET", address)

    def _ask(self, method: str, address: str, **sent: object) -> Page:
        try:
            answer = self._browser.request(method, address, **sent)  # type: ignore[arg-type] # httpx's own checks
        except httpx.TransportError as error:
            raise Unavailable(f"{self._base} does not answer: {error!r}. Is Headwater running?") from error
        page = read(str(answer.url), answer.status_code, answer.text[:LONGEST_PAGE])
        _refuse_errors(answer, page.text)
        return page


def _refuse_errors(answer: httpx.Response, text: str) -> None:
    if answer.status_code < 400:
        return
    kinds = {401: Forbidden, 403: Forbidden, 404: NotFound}
    kind = kinds.get(answer.status_code, Unavailable if answer.status_code >= 500 else Invalid)
    raise kind(f"{answer.request.method} {answer.url} gave {answer.status_code}: {text[:300]}")
