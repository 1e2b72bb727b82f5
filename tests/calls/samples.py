"""Call records as the doors make them, for tests of the store."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.identifiers import record_id
from headwater.numbering.numbers import E164

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def report(number: int, **changes: Any) -> CallRecord:
    """Return the record of a feed partner's event ``number``."""
    source_id = changes.pop("source_id", "ORG-APP")
    event_id = changes.pop("event_id", f"event-{number}")
    raw = changes.pop("raw", f'{{"event_id":"{event_id}"}}'.encode())
    fields: dict[str, Any] = {
        "record_id": record_id(source_id, event_id),
        "record_kind": RecordKind.REPORT,
        "source_kind": SourceKind.APP,
        "source_id": source_id,
        "event_id": event_id,
        "call_at": NOON + timedelta(seconds=number % 1_000),
        "received_at": NOON + timedelta(seconds=10, microseconds=number),
        "calling": E164("12155550100"),
        "called": E164(f"1310555{number % 10_000:04d}"),
        "calling_raw": "+12155550100",
        "called_raw": f"+1310555{number % 10_000:04d}",
        "disposition": "answered",
        "transcript": f"This is call {number} about your car's extended warranty.",
        "labels": ["warranty", "día"],
        "raw": raw,
        "raw_sha256": sha256(raw).digest(),
    }
    return CallRecord(**fields | changes)


def invite(number: int, **changes: Any) -> CallRecord:
    """Return the record of a captured INVITE."""
    raw = b"INVITE sip:13105550000@192.0.2.1 SIP/2.0\r\nX: \xff\x00\r\n\r\n" + str(number).encode()
    return report(
        number,
        **{
            "record_kind": RecordKind.SIP,
            "source_kind": SourceKind.CARRIER,
            "source_id": "ORG-CARRIER",
            "event_id": sha256(raw).hexdigest(),
            "sip_method": "INVITE",
            "call_id": f"call-{number}@example",
            "source_ip": "192.0.2.7",
            "source_port": 5060,
            "destination_ip": "2001:db8::1",
            "destination_port": 65_535,
            "identity_digest": sha256(str(number).encode()).hexdigest(),
            "attest": "A",
            "raw": raw,
        }
        | changes,
    )
