"""The verifier: follows the call store, judges what was signed, as of its receipt. One runs, however many workers.

It is no part of the calls process, which may insert calls and read nothing else: an address that an outsider wrote is
followed from here, by the rules of ``stir.fetch``, and only on hosts that a person allowed.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from headwater import clock
from headwater.calls.queries import connect
from headwater.calls.records import CallRecord
from headwater.errors import HeadwaterError, Unavailable
from headwater.providers.registries import index
from headwater.signers import actions, tokens
from headwater.signers.archive import Archive
from headwater.signers.uses import Uses
from headwater.signers.verdicts import Judge, Seen
from headwater.stir.certificates import CertificateError, TrustList, parse_pem_chain
from headwater.stir.fetch import CertificateFetcher
from headwater.stir.replay import ReplayMemory
from headwater.stir.revocation import RevocationList, parse_revocation_list
from headwater.stir.trust import load_trust
from headwater.stir.verify import Verifier

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: Any number of our own: "HWVERIFY" as eight ASCII octets.
LOCK = int.from_bytes(b"HWVERIFY", "big")
POLL = timedelta(milliseconds=300)
STAND_BY = timedelta(seconds=2)
#: Several writers of one store may commit out of order: every so often the last seconds are read again.
OVERLAP = timedelta(seconds=5)
LOOK_BACK_EVERY = timedelta(seconds=2)
#: Trust lists, revocation list and registries are read again when their files changed.
RELOAD_EVERY = timedelta(seconds=2)
AGAIN_EVERY = timedelta(seconds=5)
BATCH = 500
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
TRUST, CRL, CRL_SIGNER = "trust", "crl.pem", "crl-signer.pem"
_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)


class Calls(Protocol):
    """What the verifier needs of the call store."""

    def signed_since(self, at: datetime, *, limit: int) -> Sequence[CallRecord]:
        """Return signed calls received after ``at``, oldest first."""

    def records(self, ids: Sequence[UUID]) -> Sequence[CallRecord]:
        """Return records by identifier."""

    def raw(self, ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """Return their octets. Read here by a machine, for their Identity headers; no person sees them."""


class Follower:
    """One follower of the call store. ``turn`` does one round; ``run`` below repeats it."""

    def __init__(self, calls: Callable[[], Calls], home: Path, *, fetch: bool = True) -> None:
        """Follow the store that ``calls`` connects to; trust lists lie under ``home``."""
        self._connect, self._home = calls, home
        fetcher = CertificateFetcher()
        self._archive = Archive(fetcher.fetch if fetch else None, time.time)
        self._verifier = Verifier(self._archive, [], replay=ReplayMemory())
        self._judge = Judge(verifier=self._verifier)
        self._marks: dict[str, float] = {}
        self._trusted_since = BEGINNING
        self._uses = Uses()
        self._forget()

    def reset(self) -> None:
        """Forget where it was and give up the connection; the next round asks again."""
        self._forget()
        connection.close()

    def _forget(self) -> None:
        self._calls: Calls | None = None
        self._uses.forget()
        self._read_to = BEGINNING
        self._looked_back_at = self._reloaded_at = self._again_at = BEGINNING

    def turn(self, now: datetime) -> bool:
        """Judge everything that is new; tell whether this follower holds the lock.

        Raises:
            Unavailable: The call store does not answer.
            OperationalError: The database does not.
        """
        if self._calls is None:
            if not _holds_lock():
                return False
            self._read_to = actions.read_to() or BEGINNING
            self._calls = self._connect()
            log.info("verifier started", read_to=self._read_to.isoformat())
        if now - self._reloaded_at >= RELOAD_EVERY:
            self._reload()
            self._reloaded_at = now
        self._follow(now)
        if now - self._again_at >= AGAIN_EVERY:
            self._once_more(now)
            self._again_at = now
        return True

    def _follow(self, now: datetime) -> None:
        at = self._read_to
        if now - self._looked_back_at >= LOOK_BACK_EVERY:
            at = max(at, BEGINNING + OVERLAP) - OVERLAP
            self._looked_back_at = now
        while rows := self._store().signed_since(at, limit=BATCH):
            at = rows[-1].received_at
            if fresh := self._uses.unjudged(rows, self._store().records):
                judged = actions.judge(self._judge, self._seen(fresh), read_to=at)
                log.debug("calls judged", calls=judged)
            self._read_to = max(self._read_to, at)
            if len(rows) < BATCH:
                break

    def _once_more(self, now: datetime) -> None:
        due = actions.to_judge_again(now, trusted_since=self._trusted_since, limit=BATCH)
        if not due:
            return
        self._archive.forget()
        records = self._store().records([record_id for record_id, _ in due])
        changed = actions.judge_again(self._judge, self._seen(records))
        log.info("calls judged again", calls=changed)

    def _store(self) -> Calls:
        if self._calls is None:
            raise Unavailable("The verifier is not connected to the call store.")
        return self._calls

    def _seen(self, records: Sequence[CallRecord]) -> list[Seen]:
        raw = self._store().raw([each.record_id for each in records])
        return [
            Seen(record=each, identities=tuple(tokens.identities(raw.get(each.record_id, b"")))) for each in records
        ]

    def _reload(self) -> None:
        """Read trust lists, revocation list and registries where their files changed; keep the old where one is bad."""
        trust = self._home / TRUST
        if self._changed("trust", *sorted(trust.rglob("*.pem"))):
            self._verifier.trust = _or_old("trust lists", lambda: _lists(trust), self._verifier.trust)
            self._verifier = _fresh(self._verifier)
            self._trusted_since = clock.now()
        crl, signer = trust / CRL, trust / CRL_SIGNER
        if self._changed("crl", crl, signer) and crl.exists():
            self._revocations(crl, signer)
        plan = self._home / index.FOLDER / index.FILE
        if self._changed("numbers", plan) and plan.exists():
            standing = _or_old("numbers", lambda: index.read(self._home).standing, self._judge.standing)
            self._judge = Judge(verifier=self._verifier, standing=standing)
        self._judge = Judge(verifier=self._verifier, standing=self._judge.standing)

    def _revocations(self, crl: Path, signer: Path) -> None:
        def read() -> RevocationList | None:
            return parse_revocation_list(crl.read_bytes(), parse_pem_chain(signer.read_bytes())[0])

        listed = _or_old("revocation list", read, self._verifier.revocation)
        if listed is not None:
            self._verifier.revocation = listed
            actions.note_revocations(listed)

    def _changed(self, name: str, *files: Path) -> bool:
        mark = max((each.stat().st_mtime for each in files if each.exists()), default=0.0) + len(files)
        changed = self._marks.get(name) != mark
        self._marks[name] = mark
        return changed


def _lists(place: Path) -> Sequence[TrustList]:
    return load_trust(place)


def _fresh(old: Verifier) -> Verifier:
    """Return a verifier that remembers no judgement made under other trust lists."""
    return Verifier(old.certificates, old.trust, old.revocation, old.policy, old.replay)


def _or_old(what: str, read: Callable[[], T], old: T) -> T:
    try:
        return read()
    except (CertificateError, HeadwaterError, OSError, IndexError) as error:
        log.warning("file not taken, the old one stays", what=what, error=str(error))
        return old


def _holds_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def configured_store() -> Calls:
    """Return the call store that the operator's settings name."""
    return connect(settings.HEADWATER.calls_url)


def run(stop: threading.Event, calls: Callable[[], Calls] = configured_store) -> None:
    """Follow the call store until ``stop`` is set. Outages of store or database are waited out, nothing is skipped."""
    follower = Follower(calls, settings.HEADWATER.home)
    failures = 0
    try:
        while not stop.is_set():
            try:
                active = follower.turn(clock.now())
                failures = 0
                pause = (POLL if active else STAND_BY).total_seconds()
            except (InterfaceError, OperationalError, Unavailable) as error:
                pause = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
                failures += 1
                log.warning("verifier waits", error=str(error), failures=failures, pause_s=pause)
                follower.reset()
            stop.wait(pause)
    finally:
        connection.close()
