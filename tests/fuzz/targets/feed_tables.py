"""Bodies that are tables, an Arrow stream or a Parquet file: records, rows refused with a reason, or one refusal."""

import io
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.api import tables
from headwater.calls import columns
from headwater.calls.records import SourceKind
from headwater.errors import Invalid, TooLarge
from headwater.intake.sources import Source

NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
SOURCE = Source(source_id="fuzz", source_kind=SourceKind.APP)
_TABLE = pa.table(
    {
        "event_id": pa.array(["a", "b", "c"]),
        "call_at": pa.array([NOW - timedelta(seconds=number) for number in range(3)], pa.timestamp("us", "UTC")),
        "calling": pa.array(["+12155550100", "2155550101", None]),
        "called": pa.array(["+13105550111", "13105550112", "x"]).dictionary_encode(),
        "duration_ms": pa.array([0, 61_000, None], pa.int64()),
        "labels": pa.array([["scam"], [], None], pa.list_(pa.string())),
    }
)


def _streamed(compression: str | None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, _TABLE.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(_TABLE)
    return sink.getvalue()


def _filed(compression: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(_TABLE, sink, compression=compression)
    return sink.getvalue()


SEEDS = [b"\0" + _streamed(None), b"\0" + _streamed("zstd"), b"\1" + _filed("none"), b"\1" + _filed("snappy")]
TOKENS = [b"PAR1", b"\xff\xff\xff\xff", b"ARROW1", b"event_id", b"call_at", b"calling", b"called", b"\x7f\xff\xff\xff"]
LONGEST = 8_192


def target(data: bytes) -> None:
    kind = tables.PARQUET if data[:1] == b"\1" else tables.ARROW
    try:
        found = tables.read(kind, data[1:], SOURCE, NOW)
    except (Invalid, TooLarge):
        return
    assert all(each.reason for each in found.rejects)
    if found.table is not None:
        assert columns.octets_of(found.table)
