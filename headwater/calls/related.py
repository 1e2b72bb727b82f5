"""From one record to every record that may belong to its call: a few bounded look-ups, no scan."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from headwater.calls.hops import hops
from headwater.calls.ladder import Call, calls_of
from headwater.calls.legs import SETUP_S
from headwater.calls.records import CallRecord
from headwater.errors import NotFound

WINDOW_S: Final = 900
"""How far from the record its call's other records are looked for: answers and the end of a call come later."""
MOST_CALL_IDS: Final = 64
"""Call-IDs that are followed; a number that is called oftener in seconds cannot be told apart anyway."""


class NoCall(NotFound):
    """The record is of no captured call: a report, or a message without the INVITE that it belongs to."""


class Records(Protocol):
    """What is asked of ``calls.queries.CallQueries``."""

    def record(self, record_id: UUID) -> CallRecord:
        """Return one record without its raw octets."""

    def find_sip(
        self, *, called: str, calling: str, at: datetime, window_s: int, method: str = "INVITE"
    ) -> list[CallRecord]:
        """Return SIP messages to a number within a window."""

    def by_call_id(self, call_id: str, *, at: datetime, window_s: int) -> list[CallRecord]:
        """Return the records of one Call-ID within a window."""

    def by_identity(self, digest: str, *, at: datetime, window_s: int) -> list[CallRecord]:
        """Return the records of one Identity token within a window."""


def related(store: Records, record: CallRecord) -> list[CallRecord]:
    """Return the records among which the call of ``record`` is: its identifiers', and those of the same numbers.

    A call is followed over each switch by Call-ID and Identity token, and by numbers within the time that a switch
    takes, until nothing new is found.
    """
    found: dict[UUID, CallRecord] = {record.record_id: record}
    followed: set[str] = set()
    numbers = store.find_sip(called=record.called, calling=record.calling, at=record.call_at, window_s=_AROUND_S)
    _keep(found, numbers)
    while True:
        fresh = [one for one in _call_ids(found.values()) if one not in followed][: MOST_CALL_IDS - len(followed)]
        if not fresh:
            return list(found.values())
        for call_id in fresh:
            followed.add(call_id)
            _keep(found, store.by_call_id(call_id, at=record.call_at, window_s=WINDOW_S))
        tokens = {one.identity_digest for one in found.values() if one.identity_digest} - followed
        for token in sorted(tokens)[:MOST_CALL_IDS]:
            followed.add(token)
            _keep(found, store.by_identity(token, at=record.call_at, window_s=WINDOW_S))


_AROUND_S: Final = int(4 * SETUP_S)


def _call_ids(records: Iterable[CallRecord]) -> list[str]:
    return sorted({one.call_id for one in records if one.call_id})


def _keep(found: dict[UUID, CallRecord], more: Iterable[CallRecord]) -> None:
    for record in more:
        found.setdefault(record.record_id, record)


def call_of(store: Records, record_id: UUID) -> Call:
    """Return the whole call that one record is of.

    Raises:
        NoSuchRecord: the store holds no such record.
        NoCall: the record belongs to no captured call.
        StoreUnavailable: the store does not answer.
    """
    record = store.record(record_id)
    seen = related(store, record)
    for call in calls_of(seen):
        for hop in call.hops:
            if record_id in {view.record_id for view in hop.views} or _is_part(record, hop.call_id):
                return call
    if not hops(seen):
        raise NoCall(f"record {record_id} is of no captured call: no INVITE with its numbers or Call-ID is stored")
    raise NoCall(f"record {record_id} belongs to none of the calls with its numbers at that time")


def _is_part(record: CallRecord, call_id: str) -> bool:
    return bool(record.call_id) and record.call_id == call_id
