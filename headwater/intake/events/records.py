"""From the neutral event to the call record that the store keeps. Pure.

What the record has a column for goes there; the rest stands in ``headers`` under the names below, unverified, as the
source said it. A call whose day alone is known stands at noon UTC of that day: the moment that has this date in every
zone of the United States; ``call_at_precision`` says that it is a day, and nobody may read it as an instant.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec

from headwater.calls.records import CallRecord, RecordKind
from headwater.errors import Invalid
from headwater.identifiers import record_id
from headwater.intake.sip import identity_hints
from headwater.intake.sources import Source
from headwater.numbering.numbers import UNKNOWN, canonical, is_possible
from headwater.wire.events import Disposition
from headwater.wire.neutral import Caller, CloudEvent, EventData, EventType, Precision

#: No call is reported from before this moment: a clock that was never set says 1970.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: How far a sender's clock may run ahead.
AHEAD: Final = timedelta(days=1)
_NOON: Final = timedelta(hours=12)
#: Types that may come without the time of a call.
_TIMELESS: Final = frozenset({EventType.COMPLAINT_FILED, EventType.NUMBER_REPUTATION})


class BadEvent(Invalid):
    """An event breaks a rule that its form cannot express; the message says which."""


def event_record(event: CloudEvent, source: Source, received_at: datetime, raw: bytes) -> CallRecord:
    """Return the record of one event. Its event id is the envelope's ``source``, a space, and ``id``.

    Raises:
        BadEvent: a time cannot be read, or the event is about no number at all.
    """
    data = event.data
    calling_raw = data.calling.e164 or data.calling.raw or event.subject
    calling, called = canonical(calling_raw), canonical(data.called.e164)
    callback = _number(data.advertised_callback)
    if not (calling or called or callback or data.called.hmac):
        raise BadEvent("the event names no telephone number: give data.calling, data.called or advertised_callback")
    observed_at = _observed_at(event)
    call_at, precision = _call_at(event, observed_at)
    if not EARLIEST <= call_at <= received_at + AHEAD:
        raise BadEvent(f"call_at {call_at.isoformat()} is before 2000 or more than a day ahead of our clock")
    hints = (
        identity_hints(tuple(header.encode() for header in data.network.identity)) if data.network.identity else None
    )
    disposition = data.disposition
    if disposition is Disposition.UNKNOWN and event.type is EventType.CALL_BLOCKED:
        disposition = Disposition.BLOCKED
    event_id = f"{event.source} {event.id}"
    headers = {"event_type": event.type.value, "call_at_precision": precision.value}
    if observed_at is not None:
        headers["observed_at"] = observed_at.isoformat()
    if not data.tz_known or precision is Precision.DAY:
        headers["call_at_zone"] = "unknown"
    headers |= _said(data, calling=calling, callback=callback)
    return CallRecord(
        record_id=record_id(source.source_id, event_id),
        record_kind=RecordKind.REPUTATION if event.type is EventType.NUMBER_REPUTATION else RecordKind.REPORT,
        source_kind=source.source_kind,
        source_id=source.source_id,
        event_id=event_id,
        call_at=call_at,
        received_at=received_at,
        calling=calling,
        called=called,
        calling_raw=data.calling.raw or calling_raw,
        called_raw=data.called.e164,
        duration_ms=-1 if data.duration_s is None else round(data.duration_s * 1_000),
        ring_ms=-1 if data.ring_s is None else round(data.ring_s * 1_000),
        disposition=disposition.value,
        call_id=data.network.call_id,
        identity_digest=hints.digest if hints else "",
        attest=hints.attest if hints else "",
        origid=hints.origid if hints else "",
        terminating_spc=data.network.terminating_spc,
        transcript=data.content.transcript,
        language=data.content.language,
        labels=[f"{label.scheme}={label.value}"[:128] for label in data.labels],
        headers=headers,
        raw=raw,
        raw_sha256=sha256(raw).digest(),
        credential=source.credential,
    )


def _said(data: EventData, *, calling: str, callback: str) -> dict[str, str]:
    """Return what the event says beyond the record's own columns; what is empty is left out."""
    content, network, provenance = data.content, data.network, data.provenance
    said = {
        "callback": callback,
        "callback_raw": data.advertised_callback.raw,
        "category": data.category.value,
        "calling_presentation": data.calling.presentation,
        "calling_kind": data.calling.kind,
        "calling_possible": "" if calling and is_possible(canonical(calling)) else "no",
        "called_area": data.called.area,
        "called_state": data.called.state,
        "called_hmac": data.called.hmac,
        "recorded_message": _yes_or_no(data.is_recorded_message),
        "labels": msgspec.json.encode(data.labels).decode() if data.labels else "",
        "asr": content.asr,
        "audio": content.audio,
        "audio_sha256": content.sha256,
        "audio_hash": content.content_hash,
        "audio_type": content.mediatype,
        "audio_fingerprint": content.fingerprint,
        "vcon": content.vcon,
        "verstat": network.verstat,
        "block_status": str(network.block_status or ""),
        "block_reason": network.block_reason,
        "volume_count": str(data.volume.count) if data.volume else "",
        "volume_window_s": str(data.volume.window_s or "") if data.volume else "",
        "licence": provenance.licence,
        "collected_by": provenance.method,
        "source_verified": _yes_or_no(provenance.verified),
        "consent": data.ground.consent,
        "authority": data.ground.authority,
    }
    return {name: value for name, value in said.items() if value}


def _number(caller: Caller) -> str:
    return canonical(caller.e164 or caller.raw) if caller.e164 or caller.raw else UNKNOWN


def _yes_or_no(value: bool | None) -> str:  # noqa: FBT001 - the value itself, no switch
    return "" if value is None else "yes" if value else "no"


def _observed_at(event: CloudEvent) -> datetime | None:
    text = event.data.observed_at or event.time
    if not text:
        return None
    observed_at = _moment(text, "data.observed_at" if event.data.observed_at else "time")
    if observed_at.tzinfo is None:
        raise BadEvent(f"{text!r} has no zone: write when you learnt of it as 2026-11-24T15:04:05Z")
    return observed_at.astimezone(UTC)


def _call_at(event: CloudEvent, observed_at: datetime | None) -> tuple[datetime, Precision]:
    data = event.data
    if not data.call_at:
        if event.type not in _TIMELESS:
            raise BadEvent(f"a {event.type} needs data.call_at, the time of the call")
        if observed_at is None:
            # Our own clock would make another event of it each time it is sent.
            raise BadEvent("the event tells no time at all: give data.call_at, data.observed_at or time")
        return observed_at, Precision.UNKNOWN
    moment = _moment(data.call_at, "data.call_at")
    day_only = len(data.call_at) == 10
    precision = data.precision or (Precision.DAY if day_only else Precision.SECOND)
    if day_only and precision is not Precision.DAY:
        raise BadEvent(f"data.call_at {data.call_at} is a day; it cannot be exact to the {precision}")
    if precision is Precision.DAY:
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC) + _NOON, precision
    if moment.tzinfo is None:
        if data.tz_known:
            raise BadEvent(f"data.call_at {data.call_at} has no zone: add one, or say tz_known false")
        return moment.replace(tzinfo=UTC), precision
    try:
        return moment.astimezone(UTC), precision
    except OverflowError:
        raise BadEvent(f"data.call_at {data.call_at} is no time of a call") from None


def _moment(text: str, name: str) -> datetime:
    """Return an ISO 8601 date or date-time; without a zone it has none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise BadEvent(f"{name} {text!r} is neither RFC 3339 nor a date such as 2026-11-24") from None
