"""A file of call detail records, read from its first octet to its last in bounded memory.

What a reader of one block gets is records, refused rows and the place where another reader goes on: a file that was
half read when a process died is taken up there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from headwater.calls.records import REJECT_OCTETS, CallRecord, Reject
from headwater.intake.cdr.apply import Mapper, Passed
from headwater.intake.cdr.blocks import Block, blocks
from headwater.intake.cdr.mapping import Layout, Mapping
from headwater.intake.cdr.rows import Cutter, Row
from headwater.intake.cdr.values import Unreadable
from headwater.intake.provenance import Provenance

DOOR: Final = "file"
#: Octets of refused rows that are kept of one block; those beyond are counted and reported with their reason.
KEPT_OCTETS: Final = 1 << 20


class Refused(NamedTuple):
    """One row that was not taken."""

    row: int
    """From 1."""
    offset: int
    reason: str
    raw: bytes
    """Its first octets."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader stopped: enough to go on. Travels in a checkpoint."""

    offset: int = 0
    """Octets of the file, uncompressed, that are done with."""
    number: int = 0
    """Rows before it."""
    header: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class Batch:
    """What one block came to."""

    records: list[CallRecord] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """The number of each record's row."""
    refused: list[Refused] = field(default_factory=list)
    passed: int = 0
    """Rows of kinds that tell of no call."""
    after: Place = field(default_factory=Place)
    """Where the next batch begins."""

    @property
    def number_of_rows(self) -> int:
        """Rows that were read."""
        return len(self.records) + len(self.refused) + self.passed


class FileReader:
    """Reads one file by one mapping. Not thread-safe."""

    def __init__(
        self,
        mapping: Mapping,
        provenance: Provenance,
        *,
        zone: ZoneInfo | None = None,
        secret: bytes = b"",
        place: Place | None = None,
    ) -> None:
        self.mapping = mapping
        self._provenance = provenance
        self._zone = zone
        self._secret = secret
        place = place or Place()
        is_resumed = place.offset > 0
        self._cutter = Cutter(mapping.input, header=place.header if is_resumed else None, number=place.number)
        self._mapper: Mapper | None = None
        self.place = place

    def read(self, block: Block, received_at: datetime, *, last: bool = False) -> Batch:
        """Return what ``block`` holds.

        Raises:
            BadFile: the file is none of this format.
            NeedsZone: its times are local, and nobody said whose.
        """
        batch = Batch()
        take = _Taker(self, batch, received_at)
        for row in self._cutter.rows(block, last=last):
            take(row)
        end = block.after if block.too_long else block.offset + len(block.octets) - self._cutter.held_octets
        self.place = Place(offset=max(end, 0), number=self._cutter.number, header=self._cutter.header)
        batch.after = self.place
        return batch

    def mapper(self) -> Mapper:
        """Return the mapping, prepared for this file's columns."""
        if self._mapper is None:
            self._mapper = Mapper(
                self.mapping, self._provenance, header=self._cutter.header, zone=self._zone, secret=self._secret
            )
        return self._mapper


class _Taker:
    """Turns the rows of one block into records."""

    def __init__(self, reader: FileReader, batch: Batch, received_at: datetime) -> None:
        self._reader = reader
        self._batch = batch
        self._received_at = received_at
        self._mapper: Mapper | None = None

    def __call__(self, row: Row) -> None:
        if self._mapper is None:
            self._mapper = self._reader.mapper()
            self._mapper.forget_repeats()
        try:
            record = self._mapper.record(row, self._received_at)
        except Passed:
            self._batch.passed += 1
        except Unreadable as error:
            self._batch.refused.append(Refused(row.number, row.offset, str(error), row.raw[:REJECT_OCTETS]))
        else:
            self._batch.records.append(record)
            self._batch.rows.append(row.number)


def batches(file: BinaryIO, reader: FileReader, received_at: datetime) -> Iterator[Batch]:
    """Yield what ``file`` holds from where it stands, which is where ``reader`` begins. Raises as ``read`` does."""
    waiting: Block | None = None
    for block in blocks(file, offset=reader.place.offset):
        if waiting is not None:
            yield reader.read(waiting, received_at)
        waiting = block
    if waiting is not None:
        yield reader.read(waiting, received_at, last=True)


def kept(refused: Sequence[Refused], provenance: Provenance, received_at: datetime) -> list[Reject]:
    """Return refused rows as the store keeps them, as many as are kept of one batch."""
    found: list[Reject] = []
    room = KEPT_OCTETS
    for one in refused:
        room -= len(one.raw)
        if room < 0:
            break
        found.append(
            Reject(
                received_at=received_at,
                source_id=provenance.source_id,
                door=DOOR,
                position=one.row,
                reason=f"{provenance.name}: {one.reason}"[:500],
                raw=one.raw,
                raw_length=len(one.raw),
                raw_sha256=sha256(one.raw).digest(),
            )
        )
    return found


def is_text(layout: Layout) -> bool:
    """Tell whether a file of ``layout`` is lines of text, which it is but for JSON that spans lines."""
    return layout is not Layout.JSON
