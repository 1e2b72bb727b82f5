"""What blocking apps and honeypots send: one call event a line, as NDJSON.

``POST /api/feeds/v1/events``. Unknown members are refused, so that a misspelt one is noticed.
The public form of the contract is docs/reference/feed-events.md.
"""

from enum import StrEnum
from typing import Annotated

import msgspec


class Disposition(StrEnum):
    """How the call ended at the receiving side."""

    ANSWERED = "answered"
    BLOCKED = "blocked"
    VOICEMAIL = "voicemail"
    SILENT = "silent"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


Text = Annotated[str, msgspec.Meta(max_length=256)]


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One reported call. Bounds are checked when the line is decoded."""

    event_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    """The sender's own identifier; sending it again changes nothing."""
    call_at: Annotated[str, msgspec.Meta(min_length=20, max_length=40)]
    """Start of the call, RFC 3339 with a zone: ``2026-11-24T15:04:05.123456Z`` or ``…-05:00``."""
    calling: Text
    called: Text
    """Kept to ask the carrier; masked at every door."""
    duration_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    ring_s: Annotated[float, msgspec.Meta(ge=0, le=3_600)] | None = None
    disposition: Disposition = Disposition.UNKNOWN
    transcript: Annotated[str, msgspec.Meta(max_length=100_000)] = ""
    language: Annotated[str, msgspec.Meta(max_length=35)] = ""
    """BCP 47 tag of the transcript, such as ``en``; empty where unknown."""
    labels: Annotated[list[Annotated[str, msgspec.Meta(max_length=128)]], msgspec.Meta(max_length=32)] = []
    """The sender's own tags, untouched."""
    is_recorded_message: bool | None = None
    terminating_spc: Annotated[str, msgspec.Meta(max_length=16)] = ""
    """Service Provider Code or OCN of the carrier that delivered the call to the subscriber."""
    call_id: Text = ""
    """SIP Call-ID, where the sender saw it."""
    identity: Annotated[str, msgspec.Meta(max_length=8_192)] = ""
    """The SIP Identity header as received, where the sender saw it."""
