"""A vCon to neutral events, one a dialog; and a call record back to a vCon."""

import base64
import uuid
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha512
from typing import Any, Final

import msgspec

from headwater.calls.records import CallRecord
from headwater.intake import vcon
from headwater.intake.recordings import Recordings
from headwater.intake.vcon import BadVcon, Dialog, Vcon
from headwater.numbering.numbers import masked
from headwater.wire.neutral import CloudEvent

SOURCE: Final = "vcon"
#: What a dialog without conversation ended as (draft -04 section 4.3.10) -> ours.
_DISPOSITIONS: Final = {"no-answer": "abandoned", "busy": "abandoned", "hung-up": "abandoned", "voicemail-no-message":
                        "voicemail", "congestion": "blocked", "failed": "blocked"}  # fmt: skip


def read_events(octets: bytes, recordings: Recordings, *, now: datetime) -> list[CloudEvent]:
    """Return the events of a vCon's octets; they and the recordings inside them are kept as they came.

    Raises:
        BadVcon: it is none, its signature does not hold, or no dialog of it is a call with a time.
        TooLarge: it, or a recording in it, is beyond the bound.
    """
    found = vcon.read(octets, now=now)
    if not any(_is_call(dialog) for dialog in found.dialogs):
        raise BadVcon("no dialog of the vCon is a call with a start")
    kept = recordings.put(octets)
    try:
        return list(events_of(found, recordings, original=f"vCon sha256:{kept}"))
    except msgspec.ValidationError as error:
        raise BadVcon(f"the vCon does not become an event: {error}") from error


def _is_call(dialog: Dialog) -> bool:
    return dialog.kind != "transfer" and dialog.start is not None


def events_of(conversation: Vcon, recordings: Recordings, *, original: str) -> Iterator[CloudEvent]:
    """Yield an event for each dialog that is a call; recordings inside the vCon are kept on the way.

    Raises:
        TooLarge: a recording is beyond the bound.
        msgspec.ValidationError: a text is longer than an event may hold.
    """
    for number, dialog in enumerate(conversation.dialogs):
        if dialog.start is None or not _is_call(dialog):
            continue
        sides = [conversation.parties[place] for place in dialog.parties or range(len(conversation.parties))]
        caller, others = sides[0], sides[1:]
        data: dict[str, Any] = {
            "call_at": dialog.start.isoformat(),
            "calling": {"raw": caller.number[:256], "presentation": caller.name[:64]},
            "called": {"e164": others[0].number[:256] if others else ""},
            "content": _content(conversation, number, dialog, recordings),
            "provenance": _provenance(conversation) | {"original": original},
        }
        if dialog.duration_s is not None:
            data["duration_s"] = dialog.duration_s
        if dialog.disposition:
            data["disposition"] = _DISPOSITIONS.get(dialog.disposition, "unknown")
        if caller.stir:
            data["network"] = {"identity": [caller.stir[:8_192]]}
        event = {"specversion": "1.0", "id": f"{conversation.uuid}/{number}", "source": SOURCE, "type": "call.recorded"}
        yield msgspec.convert(event | {"data": data}, CloudEvent)


def _content(conversation: Vcon, number: int, dialog: Dialog, recordings: Recordings) -> dict[str, Any]:
    content: dict[str, Any] = {"vcon": conversation.uuid, "mediatype": dialog.mediatype[:64]}
    transcript = conversation.transcripts.get(number)
    if transcript is not None:
        content |= {"transcript": transcript.text, "language": transcript.language, "asr": transcript.maker}
    if dialog.kind == "text" and dialog.body and "transcript" not in content:
        content["transcript"] = dialog.body.decode("utf-8", "replace")[:100_000]
    elif dialog.kind == "recording" and dialog.body:
        name = recordings.put(dialog.body)
        content |= {"sha256": name, "audio": f"sha256:{name}"}
    elif dialog.url:
        content["audio"] = dialog.url[:1_024]
    if dialog.content_hash:
        content["content_hash"] = dialog.content_hash
    return content


def _provenance(conversation: Vcon) -> dict[str, Any]:
    if conversation.signer is None:
        return {"method": "vCon, unsigned"}
    holds = "" if conversation.signer.chain_holds else ", chain not shown to hold"
    return {
        "method": f"vCon signed by {conversation.signer.subject}{holds}"[:256],
        "verified": conversation.signer.chain_holds,
    }


def vcon_of(record: CallRecord, recording: bytes | None, *, open_called: bool) -> bytes:
    """Return a call record as a vCon of draft -04, with its recording where that is at hand.

    Args:
        record: The call.
        recording: The octets of its recording, where they are to be in it.
        open_called: Name the called number; without, area and state alone. Whoever opens it audits why.
    """
    known = record.headers.get("vcon", "")
    called = {"tel": f"+{record.called}"} if open_called and record.called else {"name": masked(record.called)}
    dialog: dict[str, Any] = {
        "type": "incomplete",
        "start": record.call_at.isoformat(),
        "parties": [0, 1],
        "disposition": "failed",
    }
    if record.duration_ms >= 0:
        dialog["duration"] = record.duration_ms / 1_000
    if recording is not None:
        dialog |= _inline(recording, record.headers.get("audio_type") or "application/octet-stream")
    elif record.headers.get("audio", "").startswith("https://") and record.headers.get("audio_hash"):
        dialog |= {"type": "recording", "url": record.headers["audio"], "content_hash": record.headers["audio_hash"]}
        if record.headers.get("audio_type"):
            dialog["mediatype"] = record.headers["audio_type"]
    elif record.transcript:
        dialog |= {"type": "text", "mediatype": "text/plain", "body": record.transcript, "encoding": "none"}
    if dialog["type"] != "incomplete":
        del dialog["disposition"]
    whole: dict[str, Any] = {
        "uuid": known or str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:headwater:call:{record.record_id}")),
        "created_at": record.received_at.isoformat(),
        "parties": [
            {"tel": f"+{record.calling}"} if record.calling else {"name": record.calling_raw or "unknown"},
            called,
        ],
        "dialog": [dialog],
        "analysis": _analysis(record),
        "attachments": [],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def _inline(octets: bytes, mediatype: str) -> dict[str, Any]:
    return {
        "type": "recording",
        "mediatype": mediatype,
        "body": base64.urlsafe_b64encode(octets).rstrip(b"=").decode(),
        "encoding": "base64url",
        "content_hash": "sha512-" + base64.urlsafe_b64encode(sha512(octets).digest()).rstrip(b"=").decode(),
    }


def _analysis(record: CallRecord) -> list[dict[str, Any]]:
    if not record.transcript:
        return []
    maker = record.headers.get("asr") or "unknown"
    analysis = {"type": "transcript", "dialog": 0, "vendor": maker, "mediatype": "text/plain"}
    language = {"language": record.language} if record.language else {}
    return [analysis | language | {"body": record.transcript, "encoding": "none"}]
