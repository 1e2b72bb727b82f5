"""A capture file, pcap or pcapng, plain or gzipped: messages, then perhaps ``Invalid``."""

import gzip
import io
from contextlib import suppress

import dpkt

from headwater.errors import Invalid
from headwater.intake import capture
from tests.intake import lab


def _pcapng(packets: list[bytes]) -> bytes:
    file = io.BytesIO()
    writer = dpkt.pcapng.Writer(file)
    for number, packet in enumerate(packets):
        writer.writepkt(packet, ts=1_790_000_000 + number)
    return file.getvalue()


def _seeds() -> list[bytes]:
    plain = gzip.decompress(lab.DATA.joinpath("kamailio-sippy-kamailio.hep.pcap.gz").read_bytes())
    packets = [octets for _, octets in dpkt.pcap.Reader(io.BytesIO(plain))]
    return [plain[:6_000], gzip.compress(plain[:3_000]), _pcapng(packets[:6])]


SEEDS = _seeds()
TOKENS = [b"HEP3", b"SIP/2.0", b"\x08\x00\x45\x00", b"\x86\xdd\x60", b"\x81\x00", b"\x0a\x0d\x0d\x0a", b"\x1f\x8b\x08"]


def target(data: bytes) -> None:
    with suppress(Invalid):
        for message in capture.sip_messages(data[:4], io.BytesIO(data[4:])):
            assert message.octets
