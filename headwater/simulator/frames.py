"""HEPv3 frames as two real capture agents write them (HEP3 Network Protocol Specification, rev. 37).

kamailio sends exactly the chunks 1, 2, 3, 4, 7, 8, 9, a, b, c, e, f in that order. sipgrep puts ports before
addresses and writes the 32-bit capture id as a 16-bit value followed by two zero octets.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from headwater.simulator.network import Sender

SIP = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IPV4, _UDP = 2, 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One SIP message on one wire, as the capture agent beside a switch saw it."""

    at: datetime
    """By the clock of that switch."""
    source: str
    destination: str
    octets: bytes
    source_port: int = 5060
    destination_port: int = 5060


def _chunk(kind: int, payload: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, 6 + len(payload)) + payload


def encode(seen: Seen, *, sender: Sender, capture_id: int, auth_key: str) -> bytes:
    """Return the frame for ``seen``; the authentication key travels as chunk 0x0e."""
    since = seen.at - EPOCH
    seconds = since // timedelta(seconds=1)
    addresses = [_chunk(3, IPv4Address(seen.source).packed), _chunk(4, IPv4Address(seen.destination).packed)]
    ports = [_chunk(7, struct.pack("!H", seen.source_port)), _chunk(8, struct.pack("!H", seen.destination_port))]
    odd = sender is Sender.SIPGREP
    chunks = [_chunk(1, bytes([_IPV4])), _chunk(2, bytes([_UDP]))]
    chunks += [*ports, *addresses] if odd else [*addresses, *ports]
    chunks += [
        _chunk(9, struct.pack("!I", seconds)),
        _chunk(10, struct.pack("!I", since.microseconds)),
        _chunk(11, bytes([SIP])),
        _chunk(12, struct.pack("!HH", capture_id, 0) if odd else struct.pack("!I", capture_id)),
        _chunk(14, auth_key.encode()),
        _chunk(15, seen.octets),
    ]
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body
