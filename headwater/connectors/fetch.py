"""Ask a source over HTTP, and survive whatever answers.

An operator wrote the address; what stands behind it is still somebody else's. So the name is resolved once and every
answer must be a public address (unless the operator said that the source is their own); the connection goes to that
very address, with the name in SNI and Host; no proxy, no cookie; redirects are followed three times at most, each by
the same rules, and never with our key to another host; octets, time and inflation are bounded.
"""

import email.utils
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from headwater.errors import HeadwaterError
from headwater.stir.resolving import NotPublic, Resolve, public_address, resolve_name

CONNECT_S: Final = 10.0
READ_S: Final = 30.0
TOTAL_S: Final = 300.0
MOST_OCTETS: Final = 256 * 1024 * 1024
MOST_REDIRECTS: Final = 3
_STEP: Final = 262_144
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 503})
AGENT: Final = "Headwater (robocall traceback; polite)"


class FetchFailed(HeadwaterError):
    """A source did not give an answer that can be read; the message says what happened."""


class AskedToWait(HeadwaterError):
    """A source is busy and said when to come again."""

    def __init__(self, message: str, wait: timedelta | None) -> None:
        self.wait = wait
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A whole answer."""

    octets: bytes
    etag: str = ""
    last_modified: str = ""
    unchanged: bool = False
    """304: what we have is still right."""
    date: str = ""


@dataclass(slots=True)
class Fetcher:
    """Asks one source."""

    internal: bool = False
    most_octets: int = MOST_OCTETS
    total_s: float = TOTAL_S
    read_s: float = READ_S
    resolve: Resolve = resolve_name
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def get(
        self, url: str, *, parameters: Mapping[str, str], headers: Mapping[str, str], unless: Fetched | None = None
    ) -> Fetched:
        """Return the answer of ``url``.

        Args:
            url: Where to ask.
            parameters: Its query, in addition to what the address holds.
            headers: What to send along to this very host, such as a key.
            unless: The last answer: where nothing changed since, the source need not send it again.

        Raises:
            FetchFailed: refused by the rules, no answer, another status than 200, too long, too slow, or cut off.
            AskedToWait: 429 or 503.
        """
        deadline = time.monotonic() + self.total_s
        own = {"User-Agent": AGENT, "Accept-Encoding": "gzip", "Accept": "*/*"}
        if unless is not None:
            own |= {"If-None-Match": unless.etag} if unless.etag else {}
            own |= {"If-Modified-Since": unless.last_modified} if unless.last_modified else {}
        address = httpx.URL(url).copy_merge_params(dict(parameters))
        first_host = address.host
        with httpx.Client(
            verify=self.context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self.read_s, connect=CONNECT_S),
        ) as client:
            for _ in range(MOST_REDIRECTS + 1):
                sent = own | (dict(headers) if address.host == first_host else {})
                answer = self._once(client, address, sent, deadline)
                if isinstance(answer, Fetched):
                    return answer
                address = _led_to(address, answer)
        raise FetchFailed(f"{_plain(address)} leads on from one redirect to the next")

    def _once(self, client: httpx.Client, url: httpx.URL, headers: Mapping[str, str], deadline: float) -> Fetched | str:
        """Return the answer, or the address of a redirect."""
        pinned = url.copy_with(host=self._address(url))
        request = client.build_request("GET", pinned, headers={"Host": url.netloc.decode("ascii"), **headers})
        request.extensions["sni_hostname"] = url.host
        try:
            answer = client.send(request, stream=True)
            try:
                return self._read(answer, url, deadline)
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchFailed(f"{_plain(url)} does not answer: {error!r}") from error

    def _read(self, answer: httpx.Response, url: httpx.URL, deadline: float) -> Fetched | str:
        status = answer.status_code
        if status in _REDIRECTS:
            where: str = answer.headers.get("Location", "")
            if not where:
                raise FetchFailed(f"{_plain(url)} redirects to nowhere")
            return where
        if status == httpx.codes.NOT_MODIFIED:
            return Fetched(octets=b"", unchanged=True)
        if status in _BUSY:
            wait = retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
            raise AskedToWait(f"{_plain(url)} answered {status}: it is busy", wait)
        if status != httpx.codes.OK:
            raise FetchFailed(f"{_plain(url)} answered {status}")
        return Fetched(
            octets=self._body(answer, url, deadline),
            etag=answer.headers.get("ETag", "")[:256],
            last_modified=answer.headers.get("Last-Modified", "")[:64],
            date=answer.headers.get("Date", "")[:64],
        )

    def _body(self, answer: httpx.Response, url: httpx.URL, deadline: float) -> bytes:
        encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", ""}:
            raise FetchFailed(f"{_plain(url)} sent Content-Encoding {encoding[:40]!r}, which was not asked for")
        inflate = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
        octets = bytearray()
        for piece in answer.iter_raw(_STEP):
            if time.monotonic() > deadline:
                raise FetchFailed(f"{_plain(url)} took longer than {self.total_s:g} s")
            while piece:
                if inflate is None:
                    octets += piece
                    break
                try:
                    octets += inflate.decompress(piece, _STEP)
                except zlib.error as error:
                    raise FetchFailed(f"{_plain(url)} sent damaged gzip: {error}") from error
                piece = inflate.unconsumed_tail  # noqa: PLW2901 - what is left of it
                if len(octets) > self.most_octets:
                    break
            if len(octets) > self.most_octets:
                raise FetchFailed(f"{_plain(url)} sent more than {self.most_octets} octets")
        if inflate is not None and not inflate.eof:
            raise FetchFailed(f"{_plain(url)} sent gzip that is cut off")
        return bytes(octets)

    def _address(self, url: httpx.URL) -> str:
        """Return the one address that is connected to; every address of the name must be allowed."""
        if url.scheme != "https" and not (self.internal and url.scheme == "http"):
            raise FetchFailed(f"{_plain(url)} is not https")
        if not url.host or url.userinfo:
            raise FetchFailed(f"{_plain(url)} names no host, or holds a login")
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            return public_address(url.host, port, resolve=self.resolve, internal=self.internal)
        except NotPublic as error:
            raise FetchFailed(f"{error}; if it is yours, say internal") from error
        except OSError as error:
            raise FetchFailed(str(error)) from error


def retry_after(text: str, now: datetime) -> timedelta | None:
    """Return what a ``Retry-After`` says (RFC 9110 section 10.2.3): seconds, or a moment."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:10]), 31_536_000))
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(moment - now, timedelta()) if moment.tzinfo else None


def _led_to(address: httpx.URL, location: str) -> httpx.URL:
    try:
        return httpx.URL(urljoin(str(address), location))
    except (ValueError, httpx.InvalidURL) as error:
        raise FetchFailed(f"{_plain(address)} redirects to what is no address: {location[:120]!r}") from error


def same_origin(one: str, other: str) -> bool:
    """Tell whether two addresses have one scheme, host and port."""
    try:
        first, second = ((each.scheme, each.hostname, each.port) for each in (urlsplit(one), urlsplit(other)))
    except ValueError:
        return False
    return first == second


def _plain(url: httpx.URL) -> str:
    """Return an address without its query: keys may stand there."""
    return str(url.copy_with(query=None))
