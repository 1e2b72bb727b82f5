"""Where the verifier takes certificates from: its memory, the archive, and last the network, by the rules.

A host that nobody allowed is never asked: it is noted for review, and what was signed from there is judged again once
a person allowed it. Every certificate that is had is archived with its octets.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock
from typing import Protocol
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F

from headwater import clock
from headwater.signers.models import Address, Host
from headwater.signers.models import Certificate as Row
from headwater.signers.values import HostState
from headwater.stir.certificates import Certificate, CertificateError, parse_certificate
from headwater.stir.fetch import Fetched
from headwater.stir.reasons import Reason
from headwater.stir.tn_auth_list import TnAuthList
from headwater.stir.x5u import x5u_fault

#: Chains remembered; a certificate a signer and week is the rule, so this is some hundred thousand signers' weeks.
REMEMBERED = 20_000
#: How old what an address held may be before it is asked again; leaves often live a week.
FRESH_S = 86_400.0
#: Hosts that may wait at once: an outsider can name as many as it likes.
MOST_WAITING = 5_000
MAX_HOST = 253
#: Seconds of failing, of one host and of all, within how many seconds: the rest of the time calls are judged.
PATIENCE_HOST_S, PATIENCE_S, PATIENCE_OVER_S = 6.0, 20.0, 60.0


class Fetches(Protocol):
    """What the archive needs of the network: ``stir.fetch.CertificateFetcher.fetch``."""

    def __call__(self, x5u: str) -> Fetched:
        """Return what an address answers, or raise ``CertificateError``."""


def host_of(x5u: str) -> str:
    """Return the host of an address in lower case, "" where it has none."""
    try:
        return (urlsplit(x5u).hostname or "")[:MAX_HOST]
    except ValueError:
        return ""


class Patience:
    """How long failures of hosts may hold up the verifier: whoever sends calls can name addresses that never answer.

    Time that successes take is not counted: a host that works is asked as often as there are certificates.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        """Measure by ``clock_s``, in seconds."""
        self._clock = clock_s
        self._since = clock_s()
        self._spent: dict[str, float] = {}

    @contextmanager
    def waiting(self, host: str) -> Iterator[None]:
        """Wait for ``host`` within.

        Raises:
            CertificateError: it, or all hosts together, failed for too long within the last minute.
        """
        started = self._clock()
        if not 0 <= started - self._since < PATIENCE_OVER_S:
            self._since, self._spent = started, {}
        if self._spent.get(host, 0.0) >= PATIENCE_HOST_S or sum(self._spent.values()) >= PATIENCE_S:
            why = f"{host} is not asked for a minute: too many of its addresses did not answer"
            raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, why)
        try:
            yield
        except CertificateError:
            self._spent[host] = self._spent.get(host, 0.0) + max(self._clock() - started, 0.0)
            raise


class Archive:
    """A certificate source (``stir.verify.CertificateSource``) over the archive's tables."""

    def __init__(
        self, fetch: Fetches | None, clock_s: Callable[[], float], *, most_waiting: int = MOST_WAITING
    ) -> None:
        """Take the network from ``fetch``; None asks nobody."""
        self._most_waiting = most_waiting
        self._fetch = fetch
        self._clock = clock_s
        self._kept: OrderedDict[str, tuple[float, Sequence[Certificate]]] = OrderedDict()
        self._guard = Lock()
        self._patience = Patience(clock_s)

    def __call__(self, x5u: str) -> Sequence[Certificate]:
        """Return the chain at ``x5u``, leaf first.

        Raises:
            CertificateError: refused, waiting for review, unavailable or malformed.
        """
        now = self._clock()
        with self._guard:
            kept = self._kept.get(x5u)
        if kept is not None and now - kept[0] < FRESH_S:
            return kept[1]
        chain: Sequence[Certificate]
        had_at, chain = self._archived(x5u)
        if not chain or now - had_at >= FRESH_S:
            chain = self._asked(x5u, chain)
        with self._guard:
            self._kept[x5u] = (now, chain)
            if len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return chain

    def forget(self) -> None:
        """Look everything up again: what is allowed or archived has changed."""
        with self._guard:
            self._kept.clear()

    def _archived(self, x5u: str) -> tuple[float, list[Certificate]]:
        row = Address.objects.filter(x5u=x5u).order_by("-last_had_at", "-id").first()
        if row is None:
            return 0.0, []
        octets = dict(Row.objects.filter(sha256__in=row.chain).values_list("sha256", "octets"))
        chain = [parse_certificate(bytes(octets[digest])) for digest in row.chain if digest in octets]
        return row.last_had_at.timestamp(), chain if len(chain) == len(row.chain) else []

    def _asked(self, x5u: str, known: Sequence[Certificate]) -> Sequence[Certificate]:
        """Ask the network, where the rules and a person allow it; an older chain is better than none."""
        try:
            if why := x5u_fault(x5u):
                raise CertificateError(Reason.X5U_REFUSED, f"{x5u[:200]} may not be fetched: {why}")
            self._require_allowed(x5u)
            if self._fetch is None:
                raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, "nothing is fetched here")
            with self._patience.waiting(host_of(x5u)):
                fetched = self._fetch(x5u)
        except CertificateError:
            if known:
                return known
            raise
        keep(fetched.chain, x5u=x5u, came_by="fetched", octets=fetched.octets)
        return fetched.chain

    def _require_allowed(self, x5u: str) -> None:
        host = host_of(x5u)
        state = Host.objects.filter(host=host).values_list("state", flat=True).first()
        if state == HostState.ALLOWED:
            return
        _note_host(host, x5u, most_waiting=self._most_waiting)
        why = "a person refused it" if state == HostState.REFUSED else "it waits for review"
        raise CertificateError(Reason.X5U_REFUSED, f"certificates of {host} are not fetched: {why}")


def _note_host(host: str, x5u: str, *, most_waiting: int) -> None:
    """Note that a call names a host that is not allowed, so that a person can decide; bounded in number."""
    now = clock.now()
    with transaction.atomic():
        seen = Host.objects.filter(host=host).update(last_seen_at=now, asked_for=F("asked_for") + 1)
        if not seen and Host.objects.filter(state=HostState.WAITING).count() < most_waiting:
            Host.objects.get_or_create(
                host=host, defaults={"first_seen_at": now, "last_seen_at": now, "asked_for": 1, "sample": x5u[:2_048]}
            )


def keep(chain: Sequence[Certificate], *, x5u: str, came_by: str, octets: bytes) -> None:
    """Archive a chain and that this address held it."""
    now = clock.now()
    digests = [each.sha256 for each in chain]
    with transaction.atomic():
        for each in chain:
            row, new = Row.objects.get_or_create(sha256=each.sha256, defaults=_columns(each, now))
            if not new:
                row.last_seen_at = now
                row.save(update_fields=["last_seen_at"])
        newest = Address.objects.filter(x5u=x5u).order_by("-last_had_at", "-id").first()
        if newest is not None and newest.chain == digests:
            newest.last_had_at = now
            newest.save(update_fields=["last_had_at"])
        else:
            Address.objects.create(
                x5u=x5u, chain=digests, octets_sha256=sha256(octets).hexdigest(), came_by=came_by[:200],
                first_had_at=now, last_had_at=now,
            )  # fmt: skip


def _columns(found: Certificate, now: datetime) -> dict[str, object]:
    listed = found.tn_auth_list
    codes: Sequence[str] = listed.spcs if isinstance(listed, TnAuthList) else ()
    return {
        "octets": found.octets,
        "subject": found.common_name[:400],
        "issuer": replace(found, subject=found.issuer).common_name[:400],
        "serial": format(found.serial, "x")[:80],
        "spc": (codes[0].upper()[:16] if len(codes) == 1 else ""),
        "authority": found.is_authority,
        "not_before": datetime.fromtimestamp(found.not_before, UTC),
        "not_after": datetime.fromtimestamp(found.not_after, UTC),
        "first_seen_at": now,
        "last_seen_at": now,
    }
