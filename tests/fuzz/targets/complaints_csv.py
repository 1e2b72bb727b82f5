"""The FTC's daily file: each line is in a record or in a refusal, and none breaks its neighbours."""

import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from headwater.calls.records import SourceKind
from headwater.errors import Invalid, TooLarge
from headwater.intake import feed
from headwater.intake.events import items, mapping
from headwater.intake.events.apply import Mapper
from headwater.intake.sources import Source

DATA = Path(__file__).parents[2] / "data" / "feeds"
SEEDS = [(DATA / "ftc-dnc-complaints.csv").read_bytes(), (DATA / "itg-tracebacks.csv").read_bytes()[:900]]
TOKENS = [b'"', b'""', b"\r\n", b",", b"2026-05-13 00:00:00", b"Y", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"\x00"]
SOURCE = Source(source_id="fuzz", source_kind=SourceKind.COMPLAINT)
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
NAMES = ("ftc-dnc-csv", "itg-tracebacks", "number-list")


def target(data: bytes) -> None:
    for name in NAMES:
        found = mapping.presets()[name]
        mapper = Mapper(found)
        try:
            for item in items.items(io.BytesIO(data), found.input):
                assert len(item.original) <= items.LINE_OCTETS * items.ROW_LINES
                read(mapper, item)
        except (items.BadFile, TooLarge):
            continue


def read(mapper: Mapper, item: items.Item) -> None:
    """Read one item as an event, which may be refused."""
    if item.fault:
        return
    try:
        feed.read_line(msgspec.json.encode(mapper.event(item.value, item.original)), SOURCE, NOW)
    except Invalid:
        return
