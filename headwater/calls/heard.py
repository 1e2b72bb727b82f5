"""Every call that was heard of, in a few columns: what counting needs, without media, text or raw octets."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from headwater.calls.queries import CallQueries
from headwater.calls.records import RecordKind

if TYPE_CHECKING:
    from collections.abc import Sequence


class HeardCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record that sets up or reports a call. Durations are milliseconds, -1 where unknown."""

    record_id: UUID
    record_kind: RecordKind
    source_id: str
    call_at: datetime
    received_at: datetime
    calling: str
    called: str
    duration_ms: int
    ring_ms: int
    disposition: str
    source_ip: str
    attest: str
    origid: str
    terminating_spc: str


_COLUMNS = ", ".join(HeardCall.__struct_fields__)


def heard_since(calls: CallQueries, at: datetime, *, limit: int) -> list[HeardCall]:
    """Return what was received after ``at`` of calls of any kind, oldest first; of SIP the INVITEs alone.

    About ``limit`` records, as ``CallQueries.received_since``.
    """
    rows: Sequence[Any] = calls._rows(  # noqa: SLF001 - a statement of this room, kept apart for its few columns
        f"SELECT {_COLUMNS} FROM calls WHERE received_at > {{at:DateTime64(6, 'UTC')}} "  # noqa: S608 - constants
        "AND (record_kind != 'sip' OR (sip_method = 'INVITE' AND sip_status = 0)) "
        "ORDER BY received_at LIMIT {limit:Int64} WITH TIES",
        at=at,
        limit=limit,
    )
    found = [HeardCall(**dict(zip(HeardCall.__struct_fields__, row, strict=True))) for row in rows]
    once = {call.record_id: msgspec.structs.replace(call, record_kind=RecordKind(call.record_kind)) for call in found}
    return sorted(once.values(), key=lambda call: (call.received_at, call.record_id.bytes))
