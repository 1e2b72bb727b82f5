"""Bodies that are tables: an Arrow IPC stream or a Parquet file of feed events, one column a member of the contract.

What a hostile file announces is not believed: sizes are bounded before memory is taken for them.
"""

import io
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.calls import bodies
from headwater.calls.records import REJECT_OCTETS, Reject
from headwater.errors import Invalid, TooLarge
from headwater.intake import feed, feed_columns
from headwater.intake.sources import Source

ARROW: Final = b"application/vnd.apache.arrow.stream"
PARQUET: Final = b"application/vnd.apache.parquet"
#: Octets that a table may take in memory when it is unpacked.
UNPACKED: Final = 256_000_000


class BadTableFile(Invalid):
    """A body is not the Arrow stream or Parquet file that its media type says, or is cut off; nothing was stored."""


def read(kind: bytes, body: bytes, source: Source, received_at: datetime) -> feed.FeedBatch:
    """Return the records of a table body, and the rows that were refused. Runs in a thread.

    Raises:
        BadTableFile, BadTable: it cannot be read as a whole.
        TooManyRows, TooLarge: it is beyond the bounds.
    """
    try:
        sent = READERS[kind](body)
        for field in sent.schema:
            _known(field)
    except (pa.ArrowException, OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise BadTableFile(f"the body cannot be read as {kind.decode()}: {str(error)[:200]}") from error
    digest = sha256(body).digest()
    found = feed_columns.read_table(sent, source, received_at, body_sha256=digest)
    kept = [
        Reject(
            received_at=received_at,
            source_id=source.source_id,
            door=feed.DOOR,
            position=row,
            reason=reason,
            raw=(octets := _said(sent.slice(row - 1, 1)))[:REJECT_OCTETS],
            raw_length=len(octets),
            raw_sha256=sha256(octets).digest(),
        )
        for row, _, reason in found.faults[:1_000]
    ]
    batch = feed.FeedBatch(
        records=[],
        lines=list(found.rows),
        rejects=[feed.Rejection(row, reason, event_id) for row, event_id, reason in found.faults],
        kept=kept,
    )
    if found.columns.num_rows:
        batch.table = found.columns
        batch.bodies = [
            bodies.pack(
                body, source_id=source.source_id, received_at=received_at, media_type=kind.decode(), digest=digest
            )
        ]
    return batch


def _known(field: Any) -> None:
    """Refuse a column of which later steps would find only then that its name, zone or type is none.

    Raises:
        ValueError, KeyError: it is so.
    """
    if not field.name.isprintable() or not str(getattr(field.type, "tz", None)).isprintable():
        raise ValueError("a name or a zone in it is no text")
    if pa.types.is_dictionary(field.type) and not (
        pa.types.is_string(field.type.value_type) or pa.types.is_large_string(field.type.value_type)
    ):
        raise ValueError(f"column {field.name!r} is a dictionary of something else than text")


def _said(row: Any) -> bytes:
    """Return what one refused row says, as text."""
    try:
        text = repr(row.to_pylist()[0])
    except (OverflowError, ValueError, KeyError):  # a time that no calendar has, a zone that no list has
        text = row.to_string(preview_cols=row.num_columns)
    return text.encode("utf-8", "replace")


def _arrow(body: bytes) -> Any:
    batches, rows, octets = [], 0, 0
    with pa.ipc.open_stream(pa.BufferReader(body)) as reader:
        for batch in reader:
            batch.validate(full=True)  # first: an offset that lies outside its buffer is followed by whatever reads it
            rows += batch.num_rows
            octets += batch.nbytes
            if rows > feed.BODY_LINES or octets > UNPACKED:
                raise feed_columns.TooManyRows(f"the stream has more than {feed.BODY_LINES} rows or unpacks too large")
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)


def _parquet(body: bytes) -> Any:
    file = pq.ParquetFile(io.BytesIO(body), thrift_string_size_limit=4_000_000, thrift_container_size_limit=100_000)
    if file.metadata.num_rows > feed.BODY_LINES:
        raise feed_columns.TooManyRows(f"the file has more than {feed.BODY_LINES} rows; send fewer at a time")
    groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > UNPACKED:
        raise TooLarge("the file unpacks to more than this door takes; send fewer rows at a time")
    batches, octets = [], 0
    for batch in file.iter_batches(batch_size=8_192):
        batch.validate(full=True)
        octets += batch.nbytes
        if octets > UNPACKED:
            raise TooLarge("the file unpacks to more than this door takes; send fewer rows at a time")
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow)


READERS: Final = {ARROW: _arrow, PARQUET: _parquet}
