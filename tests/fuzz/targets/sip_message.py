"""One SIP message to a record: a record that the store takes, or a documented refusal."""

from datetime import UTC, datetime

from headwater.calls import columns
from headwater.intake import hep, records, sip
from tests.intake import lab

SEEDS = list(
    {frame.payload[:60]: frame.payload for frame in (hep.decode(octets) for _, octets in lab.frames())}.values()
)[:24]
TOKENS = [
    *(name.encode() + b": " for name in ("Call-ID", "i", "From", "f", "To", "t", "CSeq", "Identity", "y", "Reason")),
    *(name.encode() + b": " for name in ("P-Asserted-Identity", "Diversion", "History-Info", "Via", "v", "Contact")),
    b"SIP/2.0", b"INVITE sip:", b"\r\n\r\n", b"\r\n ", b";tag=", b"tel:+1", b"<sip:", b'"', b"\\", b"%",
    b"SIP/2.0 603 ", b'Q.850;cause=21;text="v=', b"o=- 1 1 IN IP4 ", b"c=IN IP6 ",
]  # fmt: skip
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def target(data: bytes) -> None:
    frame = hep.HepFrame(
        version=3, payload=data, protocol_type=hep.SIP, source_ip="192.0.2.1", destination_ip="192.0.2.2"
    )
    try:
        record = records.sip_record(frame, "709J", NOW)
    except (sip.NotSip, records.NotKept):
        return
    assert record.raw == data
    columns.of_records([record], [0])
