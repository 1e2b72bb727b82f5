"""Machine credentials as the ``calls`` process knows them: asked of PostgreSQL, remembered for seconds.

The doors' event loop never waits for the database, but for one case that is bounded (a HEP key that is new here).
While the database is away, a credential that was good a short while ago stays good; a new one cannot be told from
a wrong one and is asked to come again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, TypeVar

import structlog
from django.db import DatabaseError, connection

from headwater import clock
from headwater.accounts import credentials, queries, rules
from headwater.accounts.permissions import Scope
from headwater.accounts.queries import CredentialView
from headwater.calls.addresses import Network, networks, within
from headwater.calls.records import SourceKind
from headwater.errors import Forbidden, Unauthenticated, Unavailable
from headwater.intake.hep import HepFrame
from headwater.intake.sources import Source
from headwater.numbering.numbers import CalledNumbers

#: How long an answer is used without asking again: a revoked credential ends within this time.
FRESH_S: Final = 5.0
#: How long a credential that was good is trusted while the database does not answer.
TRUSTED_S: Final = 600.0
REMEMBERED: Final = 10_000
#: How long a sender waits for the database: one who is known here a little, one who is new longer.
PATIENCE_KNOWN_S: Final = 1.0
PATIENCE_NEW_S: Final = 5.0
#: After a failure the database is left alone for this long; a question that would hang must not queue others.
PAUSE_S: Final = 5.0
#: New HEP keys that may make the event loop wait for the database, a second.
NEW_KEYS_A_SECOND: Final = 5
_WAIT_S: Final = 1.0

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    view: CredentialView | None
    at: datetime

    def younger_than(self, seconds: float, now: datetime) -> bool:
        return now - self.at < timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Block:
    network: Network
    source: Source


class Credentials:
    """Answers who a token or a HEP frame belongs to. One thread speaks to the database."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="credentials")
        # By the token's SHA-256: a memory dump must not show tokens.
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._blocks: tuple[_Block, ...] = ()
        self._hep_ids: frozenset[str] = frozenset()
        self._refresher: asyncio.Task[None] | None = None
        self._new_keys: list[datetime] = []
        self._asking: set[bytes] = set()
        self._away_since: datetime | None = None

    async def start(self) -> None:
        """Read the HEP senders, and go on reading them every few seconds."""
        with suppress(Unavailable):  # without the database the doors open, and say 503 to those they do not know
            await self._refresh()
        self._refresher = asyncio.create_task(self._keep_fresh(), name="credentials")

    async def close(self) -> None:
        """Stop reading."""
        if self._refresher is not None:
            self._refresher.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresher
        self._thread.submit(connection.close)
        # Not waited for: a question to a database that hangs must not keep what was taken from being written.
        self._thread.shutdown(wait=False)

    # -- the feed door -------------------------------------------------------------------------------------------

    async def feed_source(self, token: str) -> Source:
        """Return the sender of a feed token.

        Raises:
            Unauthenticated: the token is wrong, expired or revoked.
            Forbidden: the credential is good for something else.
            Unavailable: it is not known here and the database does not answer.
        """
        return source_of(await self._feed_view(token))

    async def file_source(self, token: str) -> Source:
        """Return the sender of a file: a feed credential of a carrier.

        Raises as ``feed_source``; ``Forbidden`` also where the sender is no carrier: others have no calls of their own.
        """
        view = await self._feed_view(token)
        source = source_of(view)
        if source.source_kind is not SourceKind.CARRIER:
            raise Forbidden(f"credential {view.id} is no carrier's; reports of calls go to the feed door's events")
        return source

    async def called_numbers_of(self, organisation_id: str) -> CalledNumbers:
        """Return what is kept of an organisation's called numbers, for a file that a page of ours sends for it.

        Raises:
            Unavailable: the database does not answer: what an organisation does not want kept is not kept by mistake.
        """
        try:
            async with asyncio.timeout(PATIENCE_NEW_S):
                asked = self._thread.submit(_from_database, lambda: queries.called_numbers_of(organisation_id))
                return await asyncio.wrap_future(asked)
        except TimeoutError as error:
            raise _away() from error

    async def _feed_view(self, token: str) -> CredentialView:
        view = self._remembered(token, FRESH_S) or await self._asked(token)
        if view is None:
            raise Unauthenticated("the credential is wrong, expired or revoked; ask the desk for a new one")
        if Scope.FEED not in view.scopes:
            raise Forbidden(f"credential {view.id} does not open the feed door; ask the desk for one that does")
        return view

    def _remembered(self, token: str, seconds: float) -> CredentialView | None:
        """Return a credential that was good when it was asked for, at most so long ago."""
        known, now = self._known.get(_digest(token)), clock.now()
        if known is None or known.view is None or not known.younger_than(seconds, now):
            return None
        return known.view if _valid(known.view, now) else None

    async def _asked(self, token: str) -> CredentialView | None:
        """Ask the database, as long as is bearable; fall back on what was known a while ago."""
        if rules.parse_token(token) is None:
            return None
        trusted = self._remembered(token, TRUSTED_S)
        try:
            if self._is_away():
                raise _away()
            async with asyncio.timeout(PATIENCE_NEW_S if trusted is None else PATIENCE_KNOWN_S):
                return await asyncio.wrap_future(self._thread.submit(self._look_up, token))
        except (Unavailable, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                self._away_since = clock.now()
            if trusted is None:
                raise _away() from error
            log.warning("database away; a credential is trusted for now", credential=trusted.id)
            return trusted

    def _is_away(self) -> bool:
        return self._away_since is not None and clock.now() - self._away_since < timedelta(seconds=PAUSE_S)

    def _look_up(self, token: str) -> CredentialView | None:
        """Ask the database, unless another sender of the token just did. Runs in the credentials' thread."""
        digest, now = _digest(token), clock.now()
        known = self._known.get(digest)
        if known is not None and known.younger_than(FRESH_S, now):
            return known.view if known.view and _valid(known.view, now) else None
        try:
            view = _from_database(lambda: credentials.shown(token))
        except Unavailable:
            self._away_since = clock.now()
            raise
        self._away_since = None
        self._known[digest] = _Known(view, clock.now())
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return view

    # -- the HEP door --------------------------------------------------------------------------------------------

    def hep_source(self, frame: HepFrame, peer_ip: str) -> Source | None:
        """Return the sender of a HEP frame: by its key, which is a credential's token, or by its address."""
        if frame.auth_key:
            view = self._hep_key(frame.auth_key.decode("latin-1"))
            if view is not None:
                return replace(source_of(view), credential=f"key {view.id}")
        return next((block.source for block in self._blocks if within(peer_ip, (block.network,))), None)

    def _hep_key(self, key: str) -> CredentialView | None:
        token = rules.parse_token(key)
        # An identifier that is none of ours costs no question.
        if token is None or token.credential_id not in self._hep_ids:
            return None
        now = clock.now()
        known = self._known.get(_digest(key))
        if known is None or not known.younger_than(FRESH_S, now):
            known = self._asked_now(key, known, now)
        if known is None or known.view is None or Scope.HEP not in known.view.scopes:
            return None
        return known.view if _valid(known.view, now) else None

    def _asked_now(self, key: str, known: _Known | None, now: datetime) -> _Known | None:
        """Ask about a key that is new, or has not been asked about for a while."""
        if known is not None and known.younger_than(TRUSTED_S, now):
            self._ask_beside(key)  # the answer serves the frames that follow
            return known
        self._new_keys = [at for at in self._new_keys if now - at < timedelta(seconds=1)]
        if self._is_away() or len(self._new_keys) >= NEW_KEYS_A_SECOND:
            return None
        self._new_keys.append(now)
        try:
            self._thread.submit(self._look_up, key).result(timeout=_WAIT_S)
        except (Unavailable, FutureTimeout):
            self._away_since = clock.now()
        return self._known.get(_digest(key))

    def _ask_beside(self, key: str) -> None:
        digest = _digest(key)
        if digest in self._asking or self._is_away():
            return
        self._asking.add(digest)

        def ask() -> None:
            with suppress(Unavailable):
                self._look_up(key)
            self._asking.discard(digest)

        self._thread.submit(ask)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(FRESH_S)
            with suppress(Unavailable):
                await self._refresh()

    async def _refresh(self) -> None:
        views = await asyncio.wrap_future(self._thread.submit(_from_database, queries.hep_credentials))
        self._hep_ids = frozenset(view.id for view in views)
        blocks = [
            _Block(network, replace(source_of(view), credential=f"address {view.id}"))
            for view in views
            for network in networks(view.source_addresses)
        ]
        # The narrowest block first: a sender inside another's network is itself.
        self._blocks = tuple(sorted(blocks, key=lambda block: -block.network.prefixlen))


def _away() -> Unavailable:
    return Unavailable("the register of credentials does not answer; send the same again shortly")


def source_of(view: CredentialView) -> Source:
    """Return the source that records of a credential are kept under: its owner, so that a new key changes nothing."""
    try:
        kind = SourceKind(view.source_kind)
    except ValueError:
        raise Forbidden(f"credential {view.id} has the unknown source kind {view.source_kind!r}") from None
    return Source(
        source_id=view.organisation_id,
        source_kind=kind,
        called_numbers=view.called_numbers,
        credential=view.id,
    )


def _valid(view: CredentialView, now: datetime) -> bool:
    return rules.is_valid(now=now, expires_at=view.expires_at, revoked_at=view.revoked_at)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _from_database(ask: Callable[[], T]) -> T:
    """Ask once more on a fresh connection where the old one has gone, as after a restart of the database.

    Raises:
        Unavailable: the database does not answer.
    """
    for attempt in (1, 2):
        try:
            return ask()
        except DatabaseError as error:
            connection.close()
            if attempt == 2:
                raise _away() from error
    raise AssertionError  # the loop returns or raises
