"""JSON of sources by every ready mapping, and a partner's own mapping file: a record, or a refusal with its place."""

import io
from pathlib import Path

from headwater.errors import TooLarge
from headwater.intake.events import items, mapping
from headwater.intake.events.apply import Mapper
from tests.fuzz.targets.complaints_csv import NOW, read

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
            read(mapper, item)
    except (items.BadFile, TooLarge):
        return
