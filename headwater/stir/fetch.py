"""Fetch a certificate from an address that an outsider wrote, without letting that outsider choose where we go.

The one module of this package that goes to the network. The rules: the address keeps ``x5u.x5u_fault``; whoever
decides about hosts allows its host; the name is resolved once and every answer must be a public address; the
connection goes to that very address, with the name in SNI and Host; no proxy, no redirect, no cookie, no compression;
3 s to connect, 5 s in all once the name is resolved, 64 KiB, at most five certificates; one fetch in flight per
address; failures are remembered for five minutes. The resolver is the system's, with the time limits of its
configuration.
"""

import http.client
import re
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlsplit

from headwater.stir.certificates import Certificate, CertificateError, parse_pem_chain
from headwater.stir.reasons import Reason
from headwater.stir.resolving import NotPublic, Resolve, public_address, resolve_name
from headwater.stir.x5u import x5u_fault

CONNECT_S, TOTAL_S, MAX_OCTETS, MAX_CERTIFICATES = 3.0, 5.0, 64 * 1024, 5
#: ATIS-1000074: a certificate is kept 24 hours where the answer says nothing or less; a year is our upper bound.
MIN_KEEP_S, MAX_KEEP_S, NEGATIVE_S = 86_400, 31_536_000, 300
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?(\d{1,10})")


class HostDecision(StrEnum):
    """What is decided about a host that a certificate address names."""

    ALLOWED = "allowed"
    QUEUED = "queued"
    """Not asked until a person decides; whoever decides keeps the queue."""
    REFUSED = "refused"


#: Called with a host in lower case and the whole address; asked anew at each address that is not in memory.
Decide = Callable[[str, str], HostDecision]
Dial = Callable[[str, int, float], socket.socket]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered: the octets for the archive, and the chain that they hold."""

    x5u: str
    octets: bytes
    sha256: str
    fetched_at: float
    """Unix seconds."""
    keep_until: float
    chain: tuple[Certificate, ...]
    media_type: str = ""
    """As the answer names it; ATIS-1000074 wants application/pem-certificate-chain, many servers say another."""


def allow_every_host(_host: str, _x5u: str) -> HostDecision:
    """Allow every host that the other rules allow."""
    return HostDecision.ALLOWED


def dial_address(address: str, port: int, timeout: float) -> socket.socket:
    """Open a TCP connection to a numeric address."""
    return socket.create_connection((address, port), timeout=timeout)


@dataclass(slots=True)
class CertificateFetcher:
    """Fetches and remembers chains; call it with an address as ``verify.CertificateSource``."""

    decide: Decide = allow_every_host
    """Says whether a host may be asked; an allow list with its queue for review stands behind it."""
    archive: Callable[[Fetched], None] = lambda _fetched: None
    """Told of each answer, so that every certificate ever seen is kept."""
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    resolve: Resolve = resolve_name
    dial: Dial = dial_address
    clock: Callable[[], float] = time.time
    capacity: int = 20_000
    _kept: "OrderedDict[str, Fetched]" = field(default_factory=OrderedDict, init=False)
    _failed: "OrderedDict[str, tuple[float, CertificateError]]" = field(default_factory=OrderedDict, init=False)
    _flights: dict[str, threading.Lock] = field(default_factory=dict, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __call__(self, x5u: str) -> Sequence[Certificate]:
        """Return the chain at ``x5u``, leaf first.

        Raises:
            CertificateError: refused by the rules, unavailable, or not a chain of certificates.
        """
        return self.fetch(x5u).chain

    def fetch(self, x5u: str) -> Fetched:
        """Return what ``x5u`` answers, from memory where it is fresh. Raises as ``__call__``."""
        if known := self._known(x5u):
            return known
        host, port = self._may_be_asked(x5u)
        with self._guard:
            flight = self._flights.setdefault(x5u, threading.Lock())
        try:
            with flight:
                return self._known(x5u) or self._fetch(x5u, host, port)
        finally:
            with self._guard:
                self._flights.pop(x5u, None)

    def _known(self, x5u: str) -> Fetched | None:
        now = self.clock()
        with self._guard:
            kept = self._kept.get(x5u)
            if kept and now < kept.keep_until:
                self._kept.move_to_end(x5u)
                return kept
            failed = self._failed.get(x5u)
            if failed and now < failed[0]:
                raise failed[1]
        return None

    def _may_be_asked(self, x5u: str) -> tuple[str, int]:
        """Return host and port. What is refused here costs nothing and may be allowed later: it is not remembered."""
        if why := x5u_fault(x5u):
            raise CertificateError(Reason.X5U_REFUSED, f"{x5u} may not be fetched: {why}")
        parts = urlsplit(x5u)
        host = parts.hostname or ""
        decision = self.decide(host, x5u)
        if decision is HostDecision.QUEUED:
            detail = f"{host} is not on the list of certificate hosts; it waits for review"
            raise CertificateError(Reason.X5U_REFUSED, detail)
        if decision is not HostDecision.ALLOWED:
            raise CertificateError(Reason.X5U_REFUSED, f"{host} is refused as a certificate host")
        return host, parts.port or 443

    def _fetch(self, x5u: str, host: str, port: int) -> Fetched:
        try:
            octets, keep_s, media_type = self._get(x5u, host, port)
            now = self.clock()
            chain = tuple(parse_pem_chain(octets, at_most=MAX_CERTIFICATES))
        except CertificateError as error:
            with self._guard:
                self._failed[x5u] = (self.clock() + NEGATIVE_S, error)
                if len(self._failed) > self.capacity:
                    self._failed.popitem(last=False)
            raise
        fetched = Fetched(x5u, octets, sha256(octets).hexdigest(), now, now + keep_s, chain, media_type)
        self.archive(fetched)
        with self._guard:
            self._kept[x5u] = fetched
            if len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
        return fetched

    def _get(self, x5u: str, host: str, port: int) -> tuple[bytes, float, str]:
        address = self._address(host, port)
        deadline = time.monotonic() + TOTAL_S
        try:
            raw = self.dial(address, port, CONNECT_S)
        except OSError as error:
            raise _unavailable(x5u, f"no connection: {error}") from None
        try:
            secure = self.context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
        except (OSError, ValueError) as error:
            raw.close()
            raise _unavailable(x5u, f"no TLS: {error}") from None
        # The timer bounds the whole exchange: a server that sends one octet a second would outlive any read timeout.
        cut = threading.Event()
        timer = threading.Timer(max(deadline - time.monotonic(), 0.01), _cut, (secure, cut))
        timer.daemon = True
        timer.start()
        try:
            answer = _exchange(secure, x5u)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _unavailable(x5u, f"the exchange failed: {type(error).__name__}: {error}") from None
        finally:
            timer.cancel()
            secure.close()
        if cut.is_set():
            # What was cut may look like a short answer that ended well.
            raise _unavailable(x5u, f"the answer took longer than {TOTAL_S} s")
        return answer

    def _address(self, host: str, port: int) -> str:
        try:
            return public_address(host, port, resolve=self.resolve)
        except NotPublic as error:
            raise CertificateError(Reason.X5U_REFUSED, str(error)) from None
        except OSError as error:
            raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, str(error)) from None


def _cut(connection: ssl.SSLSocket, cut: threading.Event) -> None:
    cut.set()
    try:
        # The plain shutdown: the TLS one changes the object under the thread that reads from it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already: the exchange ended in time


def _exchange(secure: ssl.SSLSocket, x5u: str) -> tuple[bytes, float, str]:
    parts = urlsplit(x5u)
    secure.settimeout(TOTAL_S)
    secure.do_handshake()
    lines = (
        f"GET {parts.path or '/'} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Accept: application/pem-certificate-chain, */*;q=0.1",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    secure.sendall("".join(line + "\r\n" for line in (*lines, "")).encode("ascii"))
    with http.client.HTTPResponse(secure, method="GET") as answer:
        answer.begin()
        if answer.status != http.client.OK:
            raise _unavailable(x5u, f"the answer is {answer.status}; redirects are not followed")
        encoding = answer.getheader("Content-Encoding", "identity").strip().lower()
        if encoding != "identity":
            # Never decompressed: a few octets could become any number.
            raise _unavailable(x5u, f"the answer is encoded as {encoding[:20]!r}")
        octets = bytearray()
        while piece := answer.read1(16 * 1024):
            octets += piece
            if len(octets) > MAX_OCTETS:
                raise _unavailable(x5u, f"the answer is larger than {MAX_OCTETS} octets")
        if answer.length:
            raise _unavailable(x5u, f"the answer ended {answer.length} octets early")
        age = _MAX_AGE.search((answer.getheader("Cache-Control") or "").lower())
        media_type = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()[:100]
    return bytes(octets), float(min(max(int(age[1]) if age else 0, MIN_KEEP_S), MAX_KEEP_S)), media_type


def _unavailable(x5u: str, why: str) -> CertificateError:
    return CertificateError(Reason.CERTIFICATE_UNAVAILABLE, f"{x5u}: {why}")
