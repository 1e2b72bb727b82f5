"""Gathers the recordings of a package's calls, and writes each call as a vCon."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headwater.calls.records import CallRecord
from headwater.errors import Conflict, NotFound
from headwater.evidence.disclosure import Rule
from headwater.evidence.material import Recording, Withheld
from headwater.intake.events.conversations import vcon_of
from headwater.intake.recordings import Recordings

#: Octets of recordings that one package carries, each call's counted: an hour and a half at 8 kHz and 8 bits. A vCon
#: repeats its call's recording inside itself.
MOST_OCTETS: Final = 48 << 20

_CHANGED = "What is kept is not what its sender's report named by its SHA-256; it is left out, and the hash is stated."
_GONE = "The recording is no longer kept here. Its hash is stated."
_TOO_MUCH = (
    f"A package carries at most {MOST_OCTETS >> 20} MB of recordings, those of the first calls. The hash of each is "
    "stated; narrow the scope to get the others."
)
_RULES: Final = {_CHANGED: Rule.CHANGED, _GONE: Rule.GONE, _TOO_MUCH: Rule.BOUND}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The recordings of some calls, their vCons, and what is left out."""

    recordings: dict[str, Recording]
    """Record -> its recording."""
    vcons: dict[str, bytes]
    """Record -> its call as a vCon."""
    withheld: tuple[Withheld, ...]


def gather(records: Sequence[CallRecord], kept: Recordings, *, opened: bool) -> Recorded:
    """Return what was recorded of ``records``, in their order up to ``MOST_OCTETS``.

    Args:
        records: The calls.
        kept: Where recordings lie.
        opened: Whether vCons may name the called number.
    """
    recordings, vcons, left_out = dict[str, Recording](), dict[str, bytes](), dict[str, int]()
    room = MOST_OCTETS
    for record in records:
        octets, why = _octets(record, kept, room)
        if octets is not None:
            room -= len(octets)
            recordings[str(record.record_id)] = Recording(octets=octets, mediatype=record.headers.get("audio_type", ""))
        elif why:
            left_out[why] = left_out.get(why, 0) + 1
        vcons[str(record.record_id)] = vcon_of(record, octets, open_called=opened)
    withheld = tuple(
        Withheld(what="recordings", count=count, why=why, rule=_RULES[why]) for why, count in left_out.items()
    )
    return Recorded(recordings=recordings, vcons=vcons, withheld=withheld)


def _octets(record: CallRecord, kept: Recordings, room: int) -> tuple[bytes | None, str]:
    """Return the recording of a call, or why it has one and none is shown."""
    name = record.headers.get("audio_sha256", "")
    if not name:
        return None, ""
    try:
        octets = kept.get(name)
    except NotFound:
        return None, _GONE
    except Conflict:
        return None, _CHANGED
    return (octets, "") if len(octets) <= room else (None, _TOO_MUCH)
