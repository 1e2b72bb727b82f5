"""The recorded laboratory: three carriers, thirty calls, and what is true of them."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dpkt

from headwater.intake import hep

DATA = Path(__file__).parents[1] / "data" / "hep"
CARRIERS = {"A": "10.77.0.21", "B": "10.77.0.22", "C": "10.77.0.23"}
CUSTOMER, CALLED_SIDE = "10.77.0.11", "10.77.0.31"


@dataclass(frozen=True)
class Packet:
    """Octets as they crossed the wire: one TCP segment or one datagram."""

    via: str
    peer_ip: str
    octets: bytes


def reads() -> list[Packet]:
    """The capture as the recording collector read it from its sockets."""
    with gzip.open(DATA / "kamailio-sippy-kamailio.hep.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [Packet(row["via"], row["peer"][0], bytes.fromhex(row["hex"])) for row in rows]


def segments() -> list[bytes]:
    """Carrier A's stream as it crossed the wire: TCP segments that may cut a frame anywhere, in their order."""
    found = []
    with gzip.open(DATA / "kamailio-sippy-kamailio.hep.pcap.gz", "rb") as file:
        for _, octets in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(octets).data
            if isinstance(ip.data, dpkt.tcp.TCP) and ip.data.dport == 9060 and ip.data.data:
                found.append(bytes(ip.data.data))
    return found


def frames() -> list[tuple[str, bytes]]:
    """Every frame of the capture with the address of its sender."""
    splitter = hep.StreamSplitter()
    found = []
    for packet in reads():
        cut = splitter.feed(packet.octets) if packet.via == "tcp" else [packet.octets]
        found += [(packet.peer_ip, frame) for frame in cut]
    return found


def truth() -> list[dict[str, Any]]:
    """What is true of each call."""
    return json.loads((DATA / "truth.json").read_text())


def hex_lines(name: str) -> list[bytes]:
    """The frames of a file with one in hexadecimal a line."""
    return [bytes.fromhex(line.strip()) for line in (DATA / name).read_text().splitlines() if line.strip()]
