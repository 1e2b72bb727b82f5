"""From a captured SIP message to the call record that the store keeps. Pure."""

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final

from headwater.calls.legs import IN_DIALOG
from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.errors import Invalid
from headwater.identifiers import record_id
from headwater.intake import hep, sip
from headwater.intake.sip_fields import fields
from headwater.wire.events import Disposition

#: What sets up, changes or ends a call. Registrations and their credentials, instant messages, presence and INFO
#: (key presses, so PINs) say nothing of a call's path: they are counted and not kept.
CALL_METHODS: Final = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "REFER"})
_TIME: Final = struct.Struct(">IIII")


class NotKept(Invalid):
    """A well-formed frame that is no call signalling; ``reason`` is a short word for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(f"not kept: {detail}")


def sip_record(
    frame: hep.HepFrame, source_id: str, received_at: datetime, *, capture_agent: str = "", credential: str = ""
) -> CallRecord:
    """Return the record of one captured SIP message of a carrier.

    ``capture_agent`` is what the source calls the agent; without it the frame's own name or id is taken.
    ``credential`` is by what it was admitted.

    Its event id is the SHA-256 of capture agent, time, addresses and the octets' own SHA-256: the same frame sent
    again gives the same record. Without a capture time (HEPv1, or a zero) the record has the time of receipt.

    Raises:
        sip.NotSip: the payload is not a SIP message.
        NotKept: the frame holds another protocol, or SIP that is not about a call.
    """
    if frame.protocol_type != hep.SIP:
        raise NotKept("protocol", f"HEP protocol type {frame.protocol_type} is not SIP (1)")
    payload = frame.payload
    message = sip.parse(payload)
    if message.method not in CALL_METHODS:
        raise NotKept("method", f"{message.method} is not call signalling")
    agent = capture_agent or frame.agent_name or str(frame.agent_id)
    digest = sha256(payload).digest()
    event_id = _event_id(frame, agent, digest)
    hints = sip.identity_hints(message.identities)
    headers = fields(message) if message.headers is not None else {}
    if frame.correlation_id:
        headers["hep-correlation"] = frame.correlation_id
    return CallRecord(
        record_id=record_id(source_id, event_id),
        record_kind=RecordKind.SIP,
        source_kind=SourceKind.CARRIER,
        source_id=source_id,
        event_id=event_id,
        call_at=captured_at(frame) or received_at,
        received_at=received_at,
        calling=message.calling,
        called=message.called,
        calling_raw=_text(message.asserted or message.from_header),
        called_raw=_text(message.request_uri or message.to_header),
        disposition=Disposition.BLOCKED.value if "block-kind" in headers else "",
        sip_method=message.method,
        sip_status=message.status,
        call_id=message.call_id[:256],
        source_ip=frame.source_ip,
        source_port=frame.source_port,
        destination_ip=frame.destination_ip,
        destination_port=frame.destination_port,
        capture_agent=agent,
        identity_digest=hints.digest,
        attest=hints.attest,
        origid=hints.origid,
        labels=[IN_DIALOG] if message.in_dialog else [],
        headers=headers,
        raw=payload,
        raw_sha256=digest,
        credential=credential,
    )


def captured_at(frame: hep.HepFrame) -> datetime | None:
    """Return when the capture agent saw the packet, or ``None`` where the frame does not say."""
    if frame.seconds == 0:
        return None
    return _second(frame.seconds) + timedelta(0, 0, frame.microseconds)


@lru_cache(maxsize=64)
def _second(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _event_id(frame: hep.HepFrame, agent: str, digest: bytes) -> str:
    place = f"{agent}\0{frame.source_ip}\0{frame.destination_ip}\0".encode("utf-8", "replace")
    time = _TIME.pack(frame.seconds, frame.microseconds, frame.source_port, frame.destination_port)
    return sha256(place + time + digest).hexdigest()


def _text(value: bytes) -> str:
    return value[:256].decode("utf-8", "replace")
