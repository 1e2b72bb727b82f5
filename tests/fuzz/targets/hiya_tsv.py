"""Tab-separated caches and JSON answers of vendors, by every ready mapping that reads such."""

import io

from headwater.errors import Invalid, TooLarge
from headwater.intake.events import items, mapping
from headwater.intake.events.apply import Mapper
from tests.fuzz.targets.complaints_csv import DATA, read

SEEDS = [
    (DATA / name).read_bytes()
    for name in (
        "hiya-spammer-cache.tsv", "youmail-v2-phone.json", "purecallerid-spam-check.json", "fcc-3xyp-aqkj.json",
        "ftc-dnc-complaints-api.json",
    )
]  # fmt: skip
TOKENS = [
    b"\t",
    b"SPAM",
    b"FRAUD",
    b"1/",
    b'"data":[',
    b'"attributes":{',
    b"null",
    b"1e400",
    b"\x1f\x8b",
    b"[{",
    b"\\u0000",
]
NAMES = ("hiya-spammer-cache", "youmail-v2", "purecallerid-spam-check", "fcc-complaints", "ftc-dnc-api", "webhook")
GIVEN = {"number": "+12155550100", "observed_at": "2026-11-24T00:00:00+00:00"}


def target(data: bytes) -> None:
    items.recognise(data, mapping.presets())
    for name in NAMES:
        found = mapping.presets()[name]
        mapper = Mapper(found, GIVEN)
        try:
            for item in items.items(io.BytesIO(data), found.input):
                read(mapper, item)
        except (items.BadFile, TooLarge, Invalid):
            continue
