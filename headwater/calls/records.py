"""One call record: what every source becomes, and what the store keeps. Values only."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from headwater import SOFTWARE
from headwater.numbering.numbers import E164, UNKNOWN


class RecordKind(StrEnum):
    """What a record is an observation of."""

    REPORT = "report"
    """A blocking app, honeypot or complaint reported one call."""
    SIP = "sip"
    """One SIP message was seen at one place (HEP, pcap)."""
    CDR = "cdr"
    """A switch wrote one call detail record."""
    REPUTATION = "reputation"
    """A vendor said what it holds of a number: no call, and counted as none."""


class SourceKind(StrEnum):
    """What kind of sender a record came from."""

    APP = "app"
    HONEYPOT = "honeypot"
    COMPLAINT = "complaint"
    CARRIER = "carrier"


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One observation of one call, parsed, with the raw octets that it was parsed from beside it.

    Times are aware UTC. Durations are milliseconds, -1 where unknown. Text fields are "" where unknown.
    """

    record_id: uuid.UUID
    """``identifiers.record_id(source_id, event_id)``: a retry has the same one."""
    record_kind: RecordKind
    source_kind: SourceKind
    source_id: str
    """The credential's owner: a feed partner or a carrier."""
    event_id: str
    """The sender's identifier; for SIP, the SHA-256 of place, time and octets."""
    call_at: datetime
    received_at: datetime
    """When Headwater had it, by its own clock."""
    calling: E164 = UNKNOWN
    called: E164 = UNKNOWN
    calling_raw: str = ""
    called_raw: str = ""
    duration_ms: int = -1
    ring_ms: int = -1
    disposition: str = ""
    sip_method: str = ""
    """Request method, or the method of the CSeq for a response."""
    sip_status: int = 0
    """Status code of a response; 0 for a request."""
    call_id: str = ""
    source_ip: str = ""
    source_port: int = 0
    destination_ip: str = ""
    destination_port: int = 0
    capture_agent: str = ""
    identity_digest: str = ""
    """SHA-256 (hex) of the first Identity header's token; the token itself is in ``raw``."""
    attest: str = ""
    origid: str = ""
    terminating_spc: str = ""
    transcript: str = ""
    language: str = ""
    labels: list[str] = msgspec.field(default_factory=list)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """What else the source said of the call, by name: for SIP docs/reference/sip-fields.md. Unverified, bounded; some
    hold called numbers (``intake.sip_fields.CALLED``), which doors mask like ``called``."""
    raw: bytes = b""
    """The octets as received (one NDJSON line, one SIP message). Opened only for an audited purpose. Where they came in
    a body that is kept whole, they stand there."""
    raw_sha256: bytes = b""
    """SHA-256 of the octets as received, 32 octets."""
    credential: str = ""
    """By what its sender proved himself: the public identifier of a credential, or a listener and its rule. Never a
    secret. docs/reference/call-records.md has the forms."""
    software: str = SOFTWARE
    """What made the record of the octets, with its version."""


#: Names of headers that say where a record came from, not what it says of its call: one row may stand in two files.
PROVENANCE: Final = frozenset({"file-name", "file-sha256", "file-row", "file-offset", "mapping"})


class Reject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that a door could not take as a record, kept with its octets: it may be evidence of its own."""

    received_at: datetime
    source_id: str
    door: str
    """Where it came in: ``feed``, ``hep``."""
    position: int
    """Line number from 1, or the ordinal of the message in its connection."""
    reason: str
    raw: bytes
    """The first octets of what came, at most ``REJECT_OCTETS``."""
    raw_length: int
    """How many octets came."""
    raw_sha256: bytes
    """SHA-256 of all of what came, 32 octets; of ``raw`` alone where the rest was not read."""


class Body(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A body that is kept whole, beside the many records made of it: the evidence of them all (``calls.bodies``).

    Its records have its source and its time of receipt. Of a body of lines each record's octets are one line; the rows
    of a table (Arrow, Parquet) have no octets of their own.
    """

    source_id: str
    received_at: datetime
    media_type: str
    body_sha256: bytes
    """Of a table: SHA-256 of its octets, which is the ``raw_sha256`` of its records. Of lines: 32 zero octets."""
    length: int
    """Octets as received, inflated."""
    packed: bytes
    """They, as one zstd frame."""


#: How many octets of a rejected input are kept.
REJECT_OCTETS = 16_384
