"""Recordings turned into words: what waits, what was heard, and which reports are placed by it.

One transcription a recording, however many calls carried it. A report without words whose recording is not heard yet
waits outside the detector and is placed when it is. Only words that are sure enough group calls; what was heard
unsurely, or not at all, is kept and shown as such.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Count, Q

from headwater.accounts.actors import system
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.calls.records import CallRecord, RecordKind
from headwater.campaigns.fusion import RECORDING, TRANSCRIBED
from headwater.campaigns.hearing import LEAST_CONFIDENCE, LEAST_LANGUAGE
from headwater.campaigns.models import AwaitedCall, CampaignMember, RecordingTranscript
from headwater.campaigns.script import legible, read
from headwater.campaigns.states import HearingState
from headwater.campaigns.values import Provenance

LISTENER = system("listener")

#: A recording whose listener fell is given to it again after this long, and given up after so many times.
TAKEN_FOR = timedelta(minutes=10)
ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a listener made of one recording."""

    text: str
    language: str
    language_probability: float
    confidence: float
    seconds: float
    model: str
    version: str

    @property
    def usable(self) -> bool:
        """Tell whether its words are sure enough to group a call by."""
        return self.confidence >= LEAST_CONFIDENCE and self.language_probability >= LEAST_LANGUAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How many recordings stand where."""

    waiting: int
    heard: int
    unsure: int
    """Heard, but too unsurely to group calls by."""
    failed: int
    other_languages: tuple[tuple[str, int], ...]
    """(language, recordings), most first; English left out."""


@transaction.atomic
def with_words(records: Sequence[CallRecord], *, now: datetime) -> list[CallRecord]:
    """Return the records that can be placed now: those without words get their recording's, or wait for it."""
    mute = {r.record_id: r.headers[RECORDING] for r in records if _is_mute(r)}
    if not mute:
        return list(records)
    RecordingTranscript.objects.bulk_create(
        [RecordingTranscript(recording=name, asked_at=now) for name in dict.fromkeys(mute.values())],
        ignore_conflicts=True,
    )
    rows = {row.recording: row for row in RecordingTranscript.objects.filter(recording__in=mute.values())}
    ready, awaited = [], []
    for record in records:
        row = rows.get(mute.get(record.record_id, ""))
        if row is None or row.state == HearingState.FAILED:
            ready.append(record)
        elif row.state == HearingState.HEARD:
            ready.append(_told(record, row))
        else:
            awaited.append(AwaitedCall(record_id=record.record_id, recording=row, at=now))
    AwaitedCall.objects.bulk_create(awaited, ignore_conflicts=True)
    return ready


def _is_mute(record: CallRecord) -> bool:
    return (
        record.record_kind is RecordKind.REPORT
        and bool(record.headers.get(RECORDING))
        and not read(legible(record.transcript)).is_comparable
    )


def _told(record: CallRecord, row: RecordingTranscript) -> CallRecord:
    if not _heard(row).usable:
        return record
    told = json.dumps(asdict(_provenance(row)))
    return msgspec.structs.replace(record, transcript=row.text, headers={**record.headers, TRANSCRIBED: told})


def _heard(row: RecordingTranscript) -> Heard:
    return Heard(
        text=row.text,
        language=row.language,
        language_probability=row.language_probability,
        confidence=row.confidence,
        seconds=row.seconds,
        model=row.model,
        version=row.version,
    )


def _provenance(row: RecordingTranscript) -> Provenance:
    return Provenance(
        recording=row.recording,
        language=row.language,
        language_probability=row.language_probability,
        confidence=row.confidence,
        model=row.model,
        version=row.version,
    )


def ready(limit: int) -> list[UUID]:
    """Return reports that waited and can be placed now, oldest first. For the detector."""
    done = Q(recording__state=HearingState.HEARD) | Q(recording__state=HearingState.FAILED)
    rows = AwaitedCall.objects.filter(done, placed_at__isnull=True).order_by("at", "record_id")
    return list(rows.values_list("record_id", flat=True)[:limit])


def settle(record_ids: Sequence[UUID], *, now: datetime) -> None:
    """Note that these reports wait no longer. For the detector."""
    AwaitedCall.objects.filter(record_id__in=record_ids).update(placed_at=now)


@transaction.atomic
def take(*, now: datetime) -> str:
    """Return the recording to listen to next, or "". One that a listener took and did not bring back comes again."""
    left = Q(state=HearingState.WAITING) | Q(state=HearingState.TAKEN, taken_at__lt=now - TAKEN_FOR)
    row = (
        RecordingTranscript.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(left)
        .order_by("asked_at", "recording")
        .first()
    )
    if row is None:
        return ""
    row.state, row.taken_at, row.attempts = HearingState.TAKEN, now, row.attempts + 1
    row.save(update_fields=["state", "taken_at", "attempts"])
    return row.recording


@transaction.atomic
def keep(recording: str, heard: Heard, *, now: datetime) -> None:
    """Keep what a recording says. What was kept before stays: memberships rest on it."""
    row = RecordingTranscript.objects.select_for_update(no_key=True).get(recording=recording)
    if row.state == HearingState.HEARD:
        return
    row.state, row.heard_at, row.error = HearingState.HEARD, now, ""
    row.text, row.language = legible(heard.text), legible(heard.language)[:8]
    row.language_probability, row.confidence, row.seconds = heard.language_probability, heard.confidence, heard.seconds
    row.model, row.version = heard.model[:64], heard.version[:64]
    row.save()
    detail = {
        "language": row.language,
        "confidence": str(row.confidence),
        "model": row.model,
        "version": row.version,
        "usable": str(heard.usable),
    }
    audit(LISTENER, Tag.RECORDING_HEARD, recording, detail)


@transaction.atomic
def fail(recording: str, error: str, *, now: datetime, for_good: bool) -> None:
    """Note that a recording could not be listened to; it is tried again unless ``for_good`` or tried often enough."""
    row = RecordingTranscript.objects.select_for_update(no_key=True).get(recording=recording)
    if row.state == HearingState.HEARD:
        return
    row.error = legible(error)[:500]
    row.state = HearingState.FAILED if for_good or row.attempts >= ATTEMPTS else HearingState.WAITING
    row.heard_at = now if row.state == HearingState.FAILED else None
    row.save(update_fields=["error", "state", "heard_at"])
    if row.state == HearingState.FAILED:
        audit(LISTENER, Tag.RECORDING_HEARD, recording, {"usable": "False", "attempts": str(row.attempts)})


def hearing() -> Hearing:
    """Return how many recordings stand where. Figures only: anyone may know them."""
    rows = dict(RecordingTranscript.objects.values_list("state").annotate(Count("recording")))
    heard = RecordingTranscript.objects.filter(state=HearingState.HEARD)
    unsure = heard.filter(Q(confidence__lt=LEAST_CONFIDENCE) | Q(language_probability__lt=LEAST_LANGUAGE)).count()
    others = heard.exclude(language__in=("en", "")).values_list("language").annotate(found=Count("recording"))
    return Hearing(
        waiting=rows.get(HearingState.WAITING, 0) + rows.get(HearingState.TAKEN, 0),
        heard=rows.get(HearingState.HEARD, 0),
        unsure=unsure,
        failed=rows.get(HearingState.FAILED, 0),
        other_languages=tuple(others.order_by("-found", "language")),
    )


def words_of(record: CallRecord) -> str:
    """Return the words by which a report was placed: its own, or those of its recording. For a replay."""
    stored = CampaignMember.objects.filter(record_id=record.record_id).values_list("reasons", flat=True).first() or {}
    told = stored.get("words")
    if not told:
        return record.transcript
    return RecordingTranscript.objects.get(recording=told["recording"]).text
