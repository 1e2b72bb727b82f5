"""What goes between one who has a file and one who keeps its calls: some whole rows at a time, and what became of them.

The keeper remembers nothing between two parts: where the next one begins is in its answer. So a sender that dies goes
on from its last checkpoint, and sending a part again changes nothing.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec

from headwater.calls.records import CallRecord, Reject
from headwater.calls.store import Inserted
from headwater.errors import Invalid
from headwater.intake import hep, sip
from headwater.intake.cdr import detect, mapping, reading
from headwater.intake.cdr.blocks import BLOCK_OCTETS, ROW_OCTETS, Block
from headwater.intake.cdr.mapping import Mapping
from headwater.intake.cdr.reading import Place, Refused
from headwater.intake.provenance import Provenance
from headwater.intake.records import NotKept, sip_record
from headwater.intake.sources import Source
from headwater.numbering.numbers import canonical, masked

#: Format of parts that are HEP frames, one after the other: the messages of a packet capture.
CAPTURE: Final = "capture"
#: Octets that one part may have: a block, a row that goes beyond it, and what the part before left open.
PART_OCTETS: Final = BLOCK_OCTETS + 3 * ROW_OCTETS
#: Octets of a refused row that an answer shows; the store keeps more.
SHOWN_OCTETS: Final = 2_048
#: Refused rows that one answer shows; all are counted.
SHOWN: Final = 2_000
HEADER: Final = b"headwater-part"

_Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{64})?\Z")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is said beside the octets of one part. Travels as base64 of JSON in the header ``Headwater-Part``."""

    format: Annotated[str, msgspec.Meta(max_length=48)] = ""
    """Name of a ready format, or ``capture``."""
    mapping: dict[str, Any] | None = None
    """The sender's own mapping, as tables."""
    zone: Annotated[str, msgspec.Meta(max_length=64)] = ""
    name: Annotated[str, msgspec.Meta(max_length=255)] = ""
    sha256: _Sha256 = ""
    """Of the whole file as it was given."""
    secret: Annotated[str, msgspec.Meta(max_length=128)] = ""
    """RADIUS shared secret; it is used to check packets and not kept."""
    place: Place = Place()
    last: bool = False
    """Nothing follows."""


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was not taken."""

    row: int
    offset: int
    reason: str
    raw: str
    """Its first octets in base64."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a part, once all that was taken is on disk."""

    stored: int
    duplicates: int
    """Were stored before and say the same."""
    passed: int
    """Rows of kinds that tell of no call."""
    refused: int
    rows: list[RefusedRow]
    """The first ``SHOWN`` of the refused rows."""
    place: Place
    """Where the next part begins."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What a part holds, before it is stored."""

    batch: reading.Batch
    kept: list[Reject]

    @property
    def records(self) -> Sequence[CallRecord]:
        """The records."""
        return self.batch.records


CONFLICT: Final = (
    "this row is stored already and was read otherwise then; what is stored stays. Raise the mapping's edition to "
    "store its rows anew"
)


def encoded(part: Part) -> str:
    """Return ``part`` as it stands in a header."""
    return base64.b64encode(msgspec.json.encode(part)).decode("ascii")


def decoded(header: bytes) -> Part:
    """Return what a header says.

    Raises:
        Invalid: it is missing, or no such thing.
    """
    if not header or len(header) > 2 * mapping.MAPPING_OCTETS:
        raise Invalid("say with each part what it is: the header Headwater-Part, docs/reference/file-door.md")
    try:
        return msgspec.json.decode(base64.b64decode(header, validate=True), type=Part)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"the header Headwater-Part cannot be read: {error}") from error


def mapping_of(part: Part) -> Mapping:
    """Return the mapping that a part is to be read by.

    Raises:
        BadMapping, UnknownFormat: there is none, or it does not hold.
    """
    found = mapping.of_tables(part.mapping) if part.mapping is not None else mapping.preset(part.format)
    return found.with_zone(part.zone)


def read(part: Part, octets: bytes, source: Source, received_at: datetime) -> Read:
    """Return what a part holds. Pure, and slow for a large one: a tenth of a second of processor.

    Raises:
        Invalid: the part as a whole is none of its format, or its times are local and nobody said whose.
    """
    provenance = Provenance.of(source, name=part.name, sha256=part.sha256)
    if part.format == CAPTURE and part.mapping is None:
        batch = _captured(part, octets, provenance, received_at)
    else:
        found = mapping_of(part)
        zone = ZoneInfo(part.zone) if part.zone else None
        reader = reading.FileReader(found, provenance, zone=zone, secret=part.secret.encode(), place=part.place)
        batch = reader.read(Block(part.place.offset, octets), received_at, last=part.last)
    return Read(batch=batch, kept=reading.kept(batch.refused, provenance, received_at))


class UnderstoodRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of a preview: what was understood of it, or why nothing was."""

    row: int
    fields: dict[str, str] = {}
    """By the names of ``shown.FIELD_NAMES``; the called number is masked."""
    reason: str = ""


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a file as they would be read. Nothing was stored."""

    format: str
    explained: str
    """Why the file was read so."""
    sources: dict[str, str]
    """Field -> the column of the file that fills it."""
    rows: list[UnderstoodRow]
    passed: int
    """Rows of kinds that tell of no call."""
    refused: int


def understood(part: Part, octets: bytes, now: datetime) -> Understood:
    """Return how the first rows would be read by ``part``; where it names no format, the file shows its own.

    Raises:
        Invalid: the file is none of the format, shows none or several, or its times are local and nobody said whose.
    """
    found = None if part.mapping is None and not part.format else mapping_of(part)
    said = detect.preview(octets[: detect.HEAD_OCTETS], found, now, zone=part.zone, secret=part.secret, whole=part.last)
    return Understood(
        format=said.mapping.name,
        explained=said.explained,
        sources=dict(said.sources),
        rows=[
            UnderstoodRow(row=line.row, fields=_masked(said.columns, line), reason=line.reason) for line in said.lines
        ],
        passed=said.passed,
        refused=said.refused,
    )


def _masked(columns: Sequence[str], line: detect.Line) -> dict[str, str]:
    fields = {name: text for name, text in zip(columns, line.cells, strict=False) if text}
    if "Called" in fields:
        fields["Called"] = masked(canonical(fields["Called"]))
    return fields


def answer(found: Read, inserted: Inserted) -> Answer:
    """Return what the sender is told."""
    batch = found.batch
    conflicts = [Refused(batch.rows[place], 0, CONFLICT, batch.records[place].raw) for place in inserted.conflicts]
    refused = sorted([*batch.refused, *conflicts], key=lambda one: one.row)
    return Answer(
        stored=inserted.stored,
        duplicates=len(inserted.duplicates),
        passed=batch.passed,
        refused=len(refused),
        rows=[
            RefusedRow(
                row=one.row,
                offset=one.offset,
                reason=one.reason,
                raw=base64.b64encode(one.raw[:SHOWN_OCTETS]).decode("ascii"),
            )
            for one in refused[:SHOWN]
        ],
        place=batch.after,
    )


def _captured(part: Part, octets: bytes, provenance: Provenance, received_at: datetime) -> reading.Batch:
    """Read HEP frames; the row is the message's number in the capture."""
    batch = reading.Batch()
    number = part.place.number
    for frame in hep.StreamSplitter().feed(octets):
        number += 1
        try:
            record = sip_record(hep.decode(frame), provenance.source_id, received_at, credential=provenance.credential)
        except NotKept:
            batch.passed += 1
        except (hep.BadFrame, sip.NotSip) as error:
            batch.refused.append(Refused(number, 0, str(error), frame))
        else:
            headers = {**record.headers, **provenance.marks, "file-row": str(number)}
            batch.records.append(msgspec.structs.replace(record, headers=headers))
            batch.rows.append(number)
    batch.after = Place(offset=part.place.offset + len(octets), number=number)
    return batch


def digest(file: Any) -> str:
    """Return the SHA-256 of a file that stands at its beginning, and set it back there."""
    found = sha256()
    while part := file.read(1 << 20):
        found.update(part)
    file.seek(0)
    return found.hexdigest()
