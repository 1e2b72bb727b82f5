"""Capture files (pcap, pcapng, also gzipped): the SIP messages in them, bare or inside HEP, with their times.

TCP is put together again, one direction at a time: segments in their order, repetitions once, messages across segments.
"""

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import BinaryIO, Final, NamedTuple

import dpkt

from headwater.errors import Invalid
from headwater.intake import hep
from headwater.intake.reassembly import Flow

GZIP: Final = b"\x1f\x8b"
PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_MAGICS: Final = (
    b"\xa1\xb2\xc3\xd4",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
)
_HEP: Final = (b"HEP3", b"EEP3")
MOST_STREAMS: Final = 10_000
#: Octets of unfinished TCP messages that are held; beyond them all are given up, as those of a hostile file.
MOST_HELD: Final = 128 * 1024**2
#: A gzipped capture may unfold to at most this much: a bomb ends with a plain error.
MOST_UNFOLDED: Final = 8 * 1024**3
#: No packet or block is longer (tcpdump itself stops at 262,144 octets); a file that says so is damaged or hostile.
MOST_BLOCK: Final = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class CapturedMessage:
    """One SIP message and when the capture saw it, in Unix seconds."""

    octets: bytes
    seen_at: float


def is_capture(head: bytes) -> bool:
    """Tell from its first four octets whether a file is a capture that this module reads."""
    return head[:4] in _MAGICS or head[:2] == GZIP


class _Joined(io.RawIOBase):
    """The octets that were already read, then the rest of the stream; never more than ``MOST_UNFOLDED``."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest, self._left = head, rest, MOST_UNFOLDED

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(piece) :]
        self._left -= len(piece)
        if self._left < 0:
            raise Invalid(f"the capture unfolds to more than {MOST_UNFOLDED} octets")
        buffer[: len(piece)] = piece
        return len(piece)


class _Blocks(io.BufferedReader):
    """What the readers of packets read from: a stated length is not believed beyond ``MOST_BLOCK``."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MOST_BLOCK:
            raise Invalid(f"the capture states a block of {size} octets; at most {MOST_BLOCK} are read")
        return super().read(size)


def sip_messages(head: bytes, rest: BinaryIO) -> Iterator[CapturedMessage]:
    """Yield the SIP messages of a capture whose first octets ``head`` were already read from ``rest``.

    Raises:
        Invalid: the file is no capture, or its compression breaks off; what came before was yielded. A last packet
            that was cut short is passed over.
    """
    for seen_at, payload in _payloads(head, rest):
        yield from _of_payload(payload.octets, seen_at)


def sip_frames(head: bytes, rest: BinaryIO) -> Iterator[hep.HepFrame]:
    """Yield the same messages with their addresses, as frames: those inside HEP as they are, bare ones as captured.

    Raises as ``sip_messages`` does.
    """
    for seen_at, payload in _payloads(head, rest):
        if payload.octets.startswith(_HEP):
            try:
                yield hep.decode(payload.octets)
            except hep.BadFrame:
                continue
        elif payload.octets[:1].isalpha() and b"SIP/2.0" in payload.octets[:400]:
            yield _as_frame(payload, seen_at)


def _as_frame(payload: "_Payload", seen_at: float) -> hep.HepFrame:
    micros = round(seen_at * 1_000_000)
    return hep.HepFrame(
        version=3,
        source_ip=str(ip_address(payload.source)),
        source_port=payload.source_port,
        destination_ip=str(ip_address(payload.destination)),
        destination_port=payload.destination_port,
        seconds=micros // 1_000_000,
        microseconds=micros % 1_000_000,
        protocol_type=hep.SIP,
        agent_name="capture",
        payload=payload.octets,
    )


def _payloads(head: bytes, rest: BinaryIO) -> "Iterator[tuple[float, _Payload]]":
    stream = _Blocks(_Joined(head, rest))
    if head[:2] == GZIP:
        plain = gzip.GzipFile(fileobj=io.BufferedReader(_Joined(head, rest)))
        stream = _Blocks(_Joined(b"", plain))  # type: ignore[arg-type]
    packets = _Packets()
    try:
        kind = dpkt.pcapng.Reader if stream.peek(4)[:4] == PCAPNG else dpkt.pcap.Reader
        reader = kind(stream)
        for seen_at, packet in reader:
            for payload in packets.payloads(packet, reader.datalink()):
                yield float(seen_at), payload
    except (ValueError, OSError, EOFError, struct.error, zlib.error, dpkt.Error) as error:
        raise Invalid(f"the capture cannot be read further: {error}") from None


class _Payload(NamedTuple):
    """What one packet carried, and between whom."""

    octets: bytes
    source: bytes
    source_port: int
    destination: bytes
    destination_port: int


@dataclass(slots=True)
class _Fragments:
    """The pieces of one UDP datagram that came so far, by their offset in octets."""

    pieces: dict[int, bytes] = field(default_factory=dict)

    def whole(self) -> bytes:
        """Return the datagram once no piece is missing, else nothing.

        Its length is the one that its own header states: some captures drop the more-fragments flag.
        """
        content = b"".join(self.pieces[offset] for offset in sorted(self.pieces))
        stated = int.from_bytes(content[4:6], "big") if 0 in self.pieces and len(content) >= 8 else -1
        return content if stated == len(content) else b""


class _Packets:
    """Takes packets apart: IPv4 fragments are joined (a HEP datagram outgrows an Ethernet frame), TCP streams too."""

    def __init__(self) -> None:
        self._flows: dict[tuple[bytes, int, bytes, int], Flow] = {}
        self._segments = 0
        self._fragments: dict[tuple[bytes, bytes, int], _Fragments] = {}

    def payloads(self, packet: bytes, datalink: int) -> Iterator[_Payload]:
        """Yield each UDP datagram, and each HEP frame or SIP message of TCP, that ``packet`` completes."""
        network = _network(packet, datalink)
        segment = getattr(network, "data", None)
        if isinstance(network, dpkt.ip.IP) and network.p == dpkt.ip.IP_PROTO_UDP:
            cut = isinstance(segment, dpkt.udp.UDP) and segment.ulen > len(segment)
            segment = self._joined(network) if network.mf or network.offset or cut else segment
        if not isinstance(network, dpkt.ip.IP | dpkt.ip6.IP6):
            return
        if isinstance(segment, dpkt.udp.UDP):
            yield _Payload(bytes(segment.data), network.src, segment.sport, network.dst, segment.dport)
        elif isinstance(segment, dpkt.tcp.TCP):
            ends = (network.src, segment.sport, network.dst, segment.dport)
            for octets in self._stream(ends, segment):
                yield _Payload(octets, *ends)

    def _joined(self, network: dpkt.ip.IP) -> object:
        key = (network.src, network.dst, network.id)
        if key not in self._fragments and len(self._fragments) >= MOST_STREAMS:
            self._fragments.clear()
        held = self._fragments.setdefault(key, _Fragments())
        # The header counts in units of eight octets (RFC 791 section 3.1).
        held.pieces[network.offset * 8] = bytes(network.data)
        content = held.whole()
        if not content:
            return None
        del self._fragments[key]
        return dpkt.udp.UDP(content)

    def _stream(self, ends: tuple[bytes, int, bytes, int], segment: dpkt.tcp.TCP) -> list[bytes]:
        self._segments += 1
        crowded = self._segments % 256 == 0 and sum(flow.held for flow in self._flows.values()) > MOST_HELD
        if crowded or (ends not in self._flows and len(self._flows) >= MOST_STREAMS):
            self._flows.clear()
        flow = self._flows.setdefault(ends, Flow())
        return flow.segment(segment.seq, bytes(segment.data), opens=bool(segment.flags & dpkt.tcp.TH_SYN))


_LINKS: Final[dict[int, Callable[[bytes], object]]] = {
    dpkt.pcap.DLT_EN10MB: lambda packet: dpkt.ethernet.Ethernet(packet).data,
    dpkt.pcap.DLT_LINUX_SLL: lambda packet: dpkt.sll.SLL(packet).data,
    276: lambda packet: dpkt.sll2.SLL2(packet).data,  # LINKTYPE_LINUX_SLL2
    dpkt.pcap.DLT_NULL: lambda packet: dpkt.loopback.Loopback(packet).data,
    **dict.fromkeys(
        (dpkt.pcap.DLT_RAW, 12, 101),
        lambda packet: dpkt.ip6.IP6(packet) if packet[:1] >= b"\x60" else dpkt.ip.IP(packet),
    ),
}


def _network(packet: bytes, datalink: int) -> object:
    """Return the IP packet inside; ``None`` where there is none that can be read."""
    try:
        read = _LINKS.get(datalink)
        return read(packet) if read else None
    except (dpkt.Error, struct.error, IndexError, ValueError, AttributeError, TypeError, KeyError):
        # The last three are dpkt's own stumbles, over IPv6 headers that follow one another as none should.
        return None


def _of_payload(payload: bytes, seen_at: float) -> Iterator[CapturedMessage]:
    if payload.startswith(_HEP):
        try:
            frame = hep.decode(payload)
        except hep.BadFrame:
            return
        at = frame.seconds + frame.microseconds / 1e6 if frame.seconds else seen_at
        yield CapturedMessage(frame.payload, at)
    elif payload[:1].isalpha() and b"SIP/2.0" in payload[:400]:
        yield CapturedMessage(payload, seen_at)
