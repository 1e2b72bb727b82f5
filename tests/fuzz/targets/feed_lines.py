"""A feed's body: every line is a record or a rejection with its number, and nothing is lost."""

from datetime import UTC, datetime

from headwater.calls import columns
from headwater.calls.records import SourceKind
from headwater.intake import feed
from headwater.intake.sources import Source

SEEDS = [
    b'{"event_id":"a1","call_at":"2026-11-24T15:04:05.123456Z","calling":"+13135550101","called":"+16165550123"}\n',
    (
        b'{"event_id":"a2","call_at":"2026-11-24T15:04:05-05:00","calling":"","called":"6165550123","duration_s":12.5,'
        b'"labels":["spam","x"],"disposition":"blocked","transcript":"press \\u0031","language":"en"}\n\n\r\nnot json\n'
    ),
]
TOKENS = [
    b'"event_id":"', b'"call_at":"2026-11-24T15:04:05Z"', b'"called":"+16165550123"', b'"identity":"', b'"ring_s":1e9',
    b"\\u0000", b"\\ud800", b'":', b"[[[[[[[[", b"1e999", b"-0",
]  # fmt: skip
SOURCE = Source(source_id="fuzz", source_kind=SourceKind.APP)
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)


def target(data: bytes) -> None:
    try:
        batch = feed.read_lines(data, SOURCE, NOW)
    except feed.TooManyLines:
        return
    lines = [number for number, line in enumerate(data.split(b"\n"), 1) if line.strip(b" \t\r")]
    assert sorted([*batch.lines, *(reject.line for reject in batch.rejects)]) == lines
    if batch.records:
        columns.of_records(batch.records, [0] * len(batch.records))
