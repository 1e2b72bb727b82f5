"""The neutral event: what any source says of a call or a number, in one form. CloudEvents 1.0 envelope.

``POST /api/feeds/v1/events`` takes it as ``application/cloudevents+json`` (one), ``application/cloudevents-batch+json``
(a JSON array), and as lines of NDJSON among the short form of ``wire.events``. Vendors' own labels pass untouched;
``category`` is ours. Members of ``data`` that are not listed are refused; extension attributes of the envelope are
passed over, as CloudEvents asks. The public form of the contract is docs/reference/neutral-event.md.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from headwater.wire.events import Disposition, Text

LONG_TEXT = msgspec.Meta(max_length=100_000)
Word = Annotated[str, msgspec.Meta(max_length=64)]
Digest = Annotated[str, msgspec.Meta(max_length=128)]
Reference = Annotated[str, msgspec.Meta(max_length=1_024)]


class EventType(StrEnum):
    """What an event says happened; the ``type`` of its envelope."""

    CALL_REPORTED = "call.reported"
    CALL_BLOCKED = "call.blocked"
    CALL_LABELLED = "call.labelled"
    CALL_RECORDED = "call.recorded"
    NUMBER_REPUTATION = "number.reputation"
    """A vendor's opinion of a number: no call."""
    COMPLAINT_FILED = "complaint.filed"


class Precision(StrEnum):
    """How exactly a source knows when the call was."""

    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"
    UNKNOWN = "unknown"
    """The source does not say when the call was."""


class Category(StrEnum):
    """What a call was about, in our words: wide groups into which each source's own are mapped."""

    UNKNOWN = ""
    CHARITY = "charity"
    DEBT = "debt"
    DROPPED = "dropped"
    EMPLOYMENT = "employment"
    ENERGY = "energy"
    HOME = "home"
    IMPERSONATION = "impersonation"
    MEDICAL = "medical"
    OTHER = "other"
    POLITICAL = "political"
    PRIZE = "prize"
    ROBOCALL = "robocall"
    SECURITY = "security"
    SPOOFED_OWN_NUMBER = "spoofed_own_number"
    SURVEY = "survey"
    TECH_SUPPORT = "tech_support"
    TELEMARKETING = "telemarketing"
    TRAVEL = "travel"
    WARRANTY = "warranty"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of an event's data: what is not listed is refused."""


class Caller(_Part, frozen=True):
    """The calling number, or the number that a message gives."""

    raw: Text = ""
    """As the source wrote it."""
    e164: Text = ""
    """As the source understands it; ``raw`` is read where this is empty."""
    presentation: Word = ""
    """How it was shown: a display name, ``restricted``, ``unavailable``."""
    possible: bool | None = None
    """Whether the source holds that the number can exist; we look for ourselves too."""
    kind: Word = ""
    """Line type, as the source says: ``mobile``, ``toll-free`` ..."""


class Called(_Part, frozen=True):
    """Who was called, as far as the source tells."""

    e164: Text = ""
    """Kept to ask the carrier; masked at every door."""
    area: Annotated[str, msgspec.Meta(max_length=8)] = ""
    """Area code, where that is all that is told."""
    state: Annotated[str, msgspec.Meta(max_length=64)] = ""
    hmac: Digest = ""
    """Keyed digest of the number, from a source that does not give the number."""


class Label(_Part, frozen=True):
    """One verdict in a vendor's own words. Nothing is changed in it."""

    scheme: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    value: Annotated[str, msgspec.Meta(max_length=256)] = ""
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None


class Content(_Part, frozen=True):
    """What was said, or where it is kept."""

    transcript: Annotated[str, LONG_TEXT] = ""
    language: Annotated[str, msgspec.Meta(max_length=35)] = ""
    """BCP 47 tag of the transcript."""
    asr: Word = ""
    """The recogniser that wrote the transcript."""
    audio: Reference = ""
    """Reference of the recording. It is kept, and never fetched."""
    sha256: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")] = ""
    """SHA-256 of the recording's octets, lower-case hex."""
    content_hash: Annotated[str, msgspec.Meta(max_length=160)] = ""
    """Digest of the recording as the source wrote it (``sha512-...``), where it is not ours to look at."""
    mediatype: Word = ""
    """Media type of the recording, such as ``audio/x-wav``."""
    fingerprint: Annotated[str, msgspec.Meta(max_length=16_384)] = ""
    vcon: Annotated[str, msgspec.Meta(max_length=36)] = ""
    """UUID of the vCon that holds it."""


class Network(_Part, frozen=True):
    """What the source saw of the call's path."""

    terminating_spc: Annotated[str, msgspec.Meta(max_length=16)] = ""
    """Service Provider Code or OCN of the carrier that delivered the call."""
    identity: Annotated[list[Annotated[str, msgspec.Meta(max_length=8_192)]], msgspec.Meta(max_length=8)] = []
    """SIP Identity headers as received (RFC 8224)."""
    verstat: Word = ""
    call_id: Text = ""
    block_status: Annotated[int, msgspec.Meta(ge=0, le=699)] = 0
    """SIP status of a network's refusal: 603 or 608."""
    block_reason: Annotated[str, msgspec.Meta(max_length=1_024)] = ""
    """The Reason header of a 603+ (ATIS-1000099): who blocked, and whom to contact."""


class Volume(_Part, frozen=True):
    """For an aggregate: how many calls the event stands for."""

    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000_000)]
    window_s: Annotated[int, msgspec.Meta(ge=0, le=315_576_000)] = 0
    """Length of the time in which they were counted, in seconds; 0 where it is not told."""


class Provenance(_Part, frozen=True):
    """Where the source has it from."""

    licence: Text = ""
    method: Text = ""
    """How it was collected: a complaint form, a honeypot, an app's user."""
    verified: bool | None = None
    """Whether the source checked it."""
    original: Annotated[str, LONG_TEXT] = ""
    """The source's own record as it stood, where a mapping made this event of it."""


class Ground(_Part, frozen=True):
    """On what ground the source holds and passes it."""

    consent: Text = ""
    authority: Text = ""


class EventData(_Part, frozen=True):
    """What one event says."""

    call_at: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """RFC 3339 with a zone; without a zone where ``tz_known`` is false; a bare date where only the day is known."""
    precision: Precision | None = None
    """How exact ``call_at`` is; without it, a date is exact to the day and everything else to the second."""
    tz_known: bool = True
    observed_at: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """When the source learnt of it, RFC 3339 with a zone; the envelope's ``time`` where it is empty."""
    calling: Caller = Caller()
    called: Called = Called()
    advertised_callback: Caller = Caller()
    """The number that the message tells people to call."""
    disposition: Disposition = Disposition.UNKNOWN
    duration_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    ring_s: Annotated[float, msgspec.Meta(ge=0, le=3_600)] | None = None
    labels: Annotated[list[Label], msgspec.Meta(max_length=32)] = []
    category: Category = Category.UNKNOWN
    is_recorded_message: bool | None = None
    content: Content = Content()
    network: Network = Network()
    volume: Volume | None = None
    provenance: Provenance = Provenance()
    ground: Ground = Ground()


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope (CloudEvents 1.0 section 3), structured mode. Other attributes are extensions and pass."""

    specversion: Annotated[str, msgspec.Meta(pattern=r"^1\.0$")]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    """URI reference of who says it; with ``id`` it names the event."""
    type: EventType
    subject: Text = ""
    """The calling number; read where ``data.calling`` is empty."""
    time: Annotated[str, msgspec.Meta(max_length=40)] = ""
    datacontenttype: Word = ""
    dataschema: Reference = ""
    data: EventData
