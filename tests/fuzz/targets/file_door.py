"""What a sender says beside a part of a file, and the part itself: rows, rows refused, or one refusal."""

from headwater.errors import Invalid, NotFound
from headwater.intake.cdr import exchange
from headwater.intake.sources import Source
from tests.fuzz.targets import _cdr

SEEDS = [
    exchange.encoded(exchange.Part(format=name, zone="UTC")).encode() + b"\n" + octets[1:600]
    for name, octets in zip(
        ("kamailio-acc", "asterisk-csv", "capture"),
        _cdr.seeds("kamailio-acc-carrierA.csv", "asterisk-Master.csv", "kamailio-acc-syslog-carrierC.log"),
        strict=True,
    )
]
TOKENS = [
    b'{"format":"',
    b'"place":{"offset":',
    b'"mapping":{',
    b"-1",
    b"eyJmb3JtYXQiOiJyYWRpdXMifQ==\n",
    b"HEP3",
    b'"',
]

SHORT_RUN = 300


def target(data: bytes) -> None:
    header, _, body = data.partition(b"\n")
    try:
        found = exchange.read(exchange.decoded(header), body, Source(source_id="fuzz"), _cdr.NOW)
    except (Invalid, NotFound):
        return
    assert len(found.records) >= 0
