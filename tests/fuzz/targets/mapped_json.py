"""JSON of sources by every ready mapping, and a partner's own mapping file: a record, or a refusal with its place."""

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
NAMES = ("fcc-complaints", "ftc-dnc-api", "youmail-v2", "purecallerid-spam-check", "webhook")
_FILES = (
    "fcc-3xyp-aqkj.json", "ftc-dnc-complaints-api.json", "youmail-v2-phone.json", "purecallerid-spam-check.json",
)  # fmt: skip
_PRESETS = Path(mapping.__file__).parent / "presets"
SEEDS = [
    *(bytes([number]) + (DATA / name).read_bytes()[:2_500] for number, name in enumerate(_FILES)),
    b'\4{"id":"1","time":"2026-11-24T15:00:00Z","from":"+12155550100","to":"3105550111","events":[{"number":1}]}',
    *(b"\xff" + (_PRESETS / f"{name}.toml").read_bytes() for name in ("webhook", "ftc-dnc-api")),
]
TOKENS = [b'"attributes":{', b'"data":[', b"null", b"1e999", b"\\ud800", b"[[[[", b'[fields."call_at"]\n', b"formats"]
SOURCE = Source(source_id="fuzz", source_kind=SourceKind.COMPLAINT)
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
_SAID = {"observed_at": NOW.isoformat(), "number": "+12155550100"}


def target(data: bytes) -> None:
    if data[:1] == b"\xff":
        try:
            mapping.parse_mapping(data[1:])
        except mapping.BadMapping:
            return
        return
    found = mapping.presets()[NAMES[data[0] % len(NAMES) if data else 0]]
    mapper = Mapper(found, _SAID)
    try:
        for item in items.items(io.BytesIO(data[1:]), found.input):
            _read(mapper, item)
    except (items.BadFile, TooLarge):
        return


def _read(mapper: Mapper, item: items.Item) -> None:
    if item.fault:
        return
    try:
        feed.read_line(msgspec.json.encode(mapper.event(item.value, item.original)), SOURCE, NOW)
    except Invalid:
        return
