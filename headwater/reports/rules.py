"""What a report must hold, how it becomes events, and when its calls are traced without asking anybody. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from headwater.errors import Invalid, TooLarge
from headwater.numbering.numbers import canonical

MOST_CALLS: Final = 50
LARGEST_FILE: Final = 20 * 1024 * 1024
LONGEST_TRANSCRIPT: Final = 20_000
LONGEST_NOTE: Final = 2_000
#: The event source of every reported call: whose they are, the credential or person says.
SOURCE: Final = "headwater:agency-report"
#: Providers purge; a traceback of an older call seldom gets answers (domain reference, section 7).
FRESH: Final = timedelta(days=10)
#: Calls of one report that are traced without a decision of the desk.
MOST_AUTOMATIC: Final = 5
#: And of one agency in a day: what one can ask of carriers without anybody looking is bounded.
MOST_A_DAY: Final = 20

#: How a recording begins, and its media type. What is none of these is refused: it would be kept for nothing.
_SOUNDS: Final = (
    (b"RIFF", "audio/x-wav"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)


class BadReport(Invalid):
    """The report breaks a rule; ``problems`` says which, by field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


class ExampleCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call that an agency knows of. Times are aware."""

    call_at: datetime
    calling: str = ""
    """As it was shown; a text that is no number is kept."""
    called: str
    callback: str = ""
    """The number that the message asks to call."""
    duration_s: float | None = None
    transcript: str = ""
    language: str = ""
    terminating_spc: str = ""
    """The called party's provider, where it is known: a traceback begins there."""


def check_calls(calls: Sequence[ExampleCall], now: datetime) -> None:
    """Refuse calls that could not be stored, each by its place.

    Raises:
        BadReport: with one sentence a field.
        TooLarge: more calls than one report takes.
    """
    if len(calls) > MOST_CALLS:
        raise TooLarge(f"Report at most {MOST_CALLS} calls at once; send more as a file.")
    if not calls:
        raise BadReport({"calls": "Enter at least one call"})
    problems: dict[str, str] = {}
    for place, call in enumerate(calls):
        problems |= {f"calls.{place}.{name}": what for name, what in _call_problems(call, now).items()}
    if problems:
        raise BadReport(problems)


def _call_problems(call: ExampleCall, now: datetime) -> dict[str, str]:
    problems = {}
    if call.call_at.tzinfo is None or not datetime(2000, 1, 1, tzinfo=now.tzinfo) <= call.call_at <= now:
        problems["call_at"] = "Enter when the call was: a time with a zone, not in the future"
    if not canonical(call.called):
        problems["called"] = "Enter the number that was called, with its area code"
    if call.callback and not canonical(call.callback):
        problems["callback"] = "Enter the call-back number with its area code"
    if len(call.calling) > 256 or len(call.called) > 256:
        problems["calling"] = "Use at most 256 characters for a number"
    if len(call.transcript) > LONGEST_TRANSCRIPT:
        problems["transcript"] = f"Use at most {LONGEST_TRANSCRIPT:,} characters for what was said"
    if call.duration_s is not None and not 0 <= call.duration_s <= 86_400:
        problems["duration_s"] = "A call lasts up to a day, in seconds"
    if len(call.terminating_spc) > 16 or len(call.language) > 35:
        problems["terminating_spc"] = "Use at most 16 characters for the provider's code"
    return problems


def check_file(octets: bytes) -> None:
    """Refuse a file that is empty or too large.

    Raises:
        BadReport, TooLarge.
    """
    if not octets:
        raise BadReport({"file": "The file is empty"})
    if len(octets) > LARGEST_FILE:
        raise TooLarge("The file is larger than 20 MB. Send it in parts.")


def media_type(octets: bytes) -> str:
    """Return the media type of a recording, by how it begins.

    Raises:
        BadReport: it is no sound of a known form.
    """
    if octets[4:8] == b"ftyp":
        return "audio/mp4"
    for begins, named in _SOUNDS:
        if octets.startswith(begins) and (begins != b"RIFF" or octets[8:12] == b"WAVE"):
            return named
    raise BadReport({"file": "This is no recording that is known here: bring WAV, MP3, Ogg, FLAC or M4A"})


def check_note(note: str) -> str:
    """Return the note without its margins.

    Raises:
        BadReport: it is too long.
    """
    if len(note) > LONGEST_NOTE:
        raise BadReport({"note": f"Use at most {LONGEST_NOTE:,} characters for the note"})
    return note.strip()


def event_of(report_id: str, place: int, call: ExampleCall) -> bytes:
    """Return one reported call as the line of a neutral event: what the feed door takes from anybody."""
    data: dict[str, Any] = {
        "call_at": call.call_at.isoformat(),
        "calling": {"raw": call.calling},
        "called": {"e164": call.called},
        "provenance": {"method": "reported by an agency", "verified": True, "original": report_id},
    }
    if call.callback:
        data["advertised_callback"] = {"raw": call.callback}
    if call.duration_s is not None:
        data["duration_s"] = call.duration_s
    if call.transcript:
        data["content"] = {"transcript": call.transcript, "language": call.language}
    if call.terminating_spc:
        data["network"] = {"terminating_spc": call.terminating_spc}
    return msgspec.json.encode(
        {"specversion": "1.0", "id": f"{report_id}/{place}", "source": SOURCE, "type": "call.reported", "data": data}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One reported call that is in the call store."""

    record_id: str
    call_at: datetime


def automatic(calls: Sequence[Known], *, traced_today: int, now: datetime) -> tuple[Known, ...]:
    """Return the calls that are traced without a decision: the freshest, as many as may be; () where the desk decides.

    ``traced_today``: how many the agency had traced so within a day.
    """
    room = min(MOST_AUTOMATIC, MOST_A_DAY - traced_today)
    fresh = sorted((one for one in calls if now - one.call_at <= FRESH), key=lambda one: one.call_at, reverse=True)
    return tuple(fresh[: max(0, room)])
