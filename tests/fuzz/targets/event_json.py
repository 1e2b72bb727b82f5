"""A neutral event, alone and in a batch: a record that the store takes, or a refusal with its place."""

from datetime import UTC, datetime

from headwater.calls import columns
from headwater.calls.records import SourceKind
from headwater.intake import feed
from headwater.intake.sources import Source
from tests.intake.events.neutral import DATA, octets

SEEDS = [
    octets(),
    octets(type="complaint.filed", data={"calling": {"raw": "2155550100"}}, time="2026-11-24T00:00:00Z"),
    octets(data=DATA | {"labels": [{"scheme": "x", "value": "y", "score": 1}], "content": {"transcript": "press one"}}),
    b"[" + octets() + b"," + octets(id="n2") + b"]",
]
TOKENS = [
    b'"call_at":"2026-11-24"', b'"precision":"day"', b'"tz_known":false', b'"volume":{"count":9}',
    b'"network":{"identity":["a.b.c"]}', b"\\u0000", b"\\ud800", b"1e999", b"99999999999999999999", b"[[[[",
]  # fmt: skip
SOURCE = Source(source_id="fuzz", source_kind=SourceKind.COMPLAINT)
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)


def target(data: bytes) -> None:
    for batched in (False, True):
        try:
            batches = list(feed.read_cloud_events(data, SOURCE, NOW, batched=batched))
        except (feed.BadLine, feed.TooManyLines):
            continue
        records = [record for batch in batches for record in batch.records]
        if records:
            columns.of_records(records, [0] * len(records))
