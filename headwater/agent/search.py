"""Which records of the carrier's own store a question needs: a few look-ups, no scan."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from headwater.calls.legs import FAILOVER_S, Profile, passages
from headwater.calls.records import CallRecord
from headwater.calls.rules import Wanted

MOST_NEIGHBOURS: Final = 8
"""Calls whose other legs are looked up by identifier; beyond that the numbers must do."""


class Records(Protocol):
    """What the search needs of ``calls.queries.CallQueries``."""

    def find_sip(
        self, *, called: str, calling: str, at: datetime, window_s: int, method: str = "INVITE"
    ) -> list[CallRecord]:
        """Return SIP messages to a number within a window."""

    def find_cdrs(self, *, called: str, at: datetime, window_s: int) -> list[CallRecord]:
        """Return call detail records of calls to a number within a window."""

    def by_call_id(self, call_id: str, *, at: datetime, window_s: int) -> list[CallRecord]:
        """Return the records of one Call-ID within a window."""

    def by_identity(self, digest: str, *, at: datetime, window_s: int) -> list[CallRecord]:
        """Return the records of one Identity token within a window."""


def candidates(wanted: Wanted, records: Records, profile: Profile) -> list[CallRecord]:
    """Return the records among which ``calls.rules.match_call`` decides. Blocks: call it from a thread.

    Calls to the number, and what has the question's Call-ID or Identity token. A call that left without a leg in
    came in under other digits: its other legs are fetched by its identifiers.
    """
    at, window = wanted.call_at, int(wanted.window_s + FAILOVER_S)
    found: dict[UUID, CallRecord] = {}
    _keep(found, records.find_sip(called=wanted.called, calling="", at=at, window_s=window))
    rows = records.find_cdrs(called=wanted.called, at=at, window_s=window)
    _keep(found, rows)
    # Another row of the same call may have its start, its source or its length.
    for call_id in list(dict.fromkeys(row.call_id for row in rows if row.call_id))[:MOST_NEIGHBOURS]:
        _keep(found, records.by_call_id(call_id, at=at, window_s=window))
    if wanted.call_id:
        _keep(found, records.by_call_id(wanted.call_id, at=at, window_s=window))
    if wanted.identity_digest:
        _keep(found, records.by_identity(wanted.identity_digest, at=at, window_s=window))
    orphans = [passage for passage in passages(found.values(), profile) if passage.ingress is None]
    for passage in orphans[:MOST_NEIGHBOURS]:
        leg = passage.legs[0]
        if leg.identity_digest:
            _keep(found, records.by_identity(leg.identity_digest, at=at, window_s=window))
        _keep(found, records.by_call_id(leg.call_id, at=at, window_s=window))
    return list(found.values())


def _keep(found: dict[UUID, CallRecord], more: Iterable[CallRecord]) -> None:
    found.update((record.record_id, record) for record in more)
