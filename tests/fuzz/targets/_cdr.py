"""What the targets of call detail records share. Not a target itself."""

import io
from datetime import UTC, datetime
from pathlib import Path

from headwater.calls import columns
from headwater.intake.cdr import mapping
from headwater.intake.cdr.reading import FileReader, batches
from headwater.intake.cdr.rows import BadFile
from headwater.intake.provenance import Provenance

DATA = Path(__file__).parents[2] / "data" / "cdr"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PROVENANCE = Provenance(source_id="fuzz", name="x", sha256="0" * 64, credential="CR-1")
TABLES = [
    b"STOP,SBC1,0x1,1,GMT-05:00-E,11/20/2026,14:10:07.3,1,2,3,11/20/2026,14:11:07.3,1,6000,16,a,b,c,d,2155550100,3105550111\n",
    b"2,,,s,,,,,,<sip:12155550100@h>,<sip:1@h>,,12,15:54:56.868 PST DEC 18 2017,,\n",
]


def seeds(*names: str) -> list[bytes]:
    """Return the beginnings of files, each with an octet before it that chooses a format."""
    return [bytes([number]) + (DATA / name).read_bytes()[:1_500] for number, name in enumerate(names)]


def read(name: str, octets: bytes) -> None:
    """Read octets as a file of one format; each row has its number, and every record fits the store's columns."""
    reader = FileReader(mapping.preset(name).with_zone("America/New_York"), PROVENANCE)
    rows = 0
    try:
        for batch in batches(io.BytesIO(octets), reader, NOW):
            assert all(reason for _, _, reason, _ in batch.refused)
            rows += batch.number_of_rows
            assert batch.after.number == rows
            assert batch.after.offset <= len(octets) + 1
            if batch.records:
                columns.of_records(batch.records, [0] * len(batch.records))
    except BadFile:
        return
