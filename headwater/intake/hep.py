"""HEP, the format in which SIP proxies and session border controllers copy their messages to a collector.

Octets in, frames out; no I/O. Source: "HEP3 Network Protocol Specification" revision 37, and what Kamailio,
sngrep and sipgrep really send. All integers of version 3 are big-endian.

Version 3: ``HEP3`` (or ``EEP3``), u16 total length that counts itself and the magic, then chunks of
vendor u16, type u16, length u16 (counts these six octets), payload. Chunks come in any order; an unknown one is
skipped by its length; of a repeated one the last counts. Versions 1 and 2 are accepted as datagrams only:
their header does not say where the payload ends, so no stream can carry them.
"""

import re
import struct
import zlib
from socket import AF_INET6, inet_ntoa, inet_ntop
from typing import Final

import msgspec

from headwater.errors import Invalid

MAGICS: Final = (b"HEP3", b"EEP3")
HEADER: Final = 6
LONGEST: Final = 65_535
"""The length is a u16, so no frame is longer."""
LONGEST_INFLATED: Final = 262_144
"""A compressed payload that grows beyond this is refused: no SIP message is that long."""
SIP: Final = 1
"""Protocol type (chunk 0x0b) of a SIP message."""

_MAGIC: Final = re.compile(rb"[HE]EP3")
_BEGINNING: Final = re.compile(rb"[HE](?:E(?:P(?:3.?.?)?)?)?\Z", re.DOTALL)
_FIRST: Final = 0x01
_LAST: Final = 0x13
_WIDTHS: Final = {0x01: 1, 0x02: 1, 0x03: 4, 0x04: 4, 0x05: 16, 0x06: 16, 0x07: 2, 0x08: 2, 0x09: 4, 0x0A: 4, 0x0B: 1}
_CHUNK: Final = struct.Struct(">HHH")
_V1: Final = struct.Struct(">BBBBHH4s4s")
_V2_TIME: Final = struct.Struct("<IIHxx")


class BadFrame(Invalid):
    """A frame breaks the format. ``offset`` is where in the frame, ``reason`` a short word for counting."""

    def __init__(self, reason: str, offset: int, detail: str) -> None:
        self.reason = reason
        self.offset = offset
        super().__init__(f"HEP frame refused at octet {offset}: {detail}")


class HepFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One captured packet. Numbers are 0 and texts empty where the frame does not say."""

    version: int
    payload: bytes
    protocol_type: int = 0
    ip_protocol: int = 0
    """17 UDP, 6 TCP, 132 SCTP."""
    source_ip: str = ""
    destination_ip: str = ""
    source_port: int = 0
    destination_port: int = 0
    seconds: int = 0
    """Capture time, seconds since 1970 by the capture agent's clock; 0 where it gave none (HEPv1)."""
    microseconds: int = 0
    agent_id: int = 0
    """Opaque: sngrep and sipgrep write 16 bits and two zero octets where the format has 32."""
    agent_name: str = ""
    auth_key: bytes = b""
    correlation_id: str = ""


def decode(frame: bytes) -> HepFrame:
    """Read one whole frame of version 3, 2 or 1.

    Raises:
        BadFrame: it breaks the format; nothing else is ever raised, whatever the octets are.
    """
    magic = frame[:4]
    if magic in MAGICS:
        return _decode_3(frame)
    if magic[:2] in {b"\x01\x10", b"\x02\x10"}:
        return _decode_old(frame)
    raise BadFrame("not-hep", 0, f"starts with {magic.hex() or 'nothing'}, not with HEP3, EEP3 or an older HEP header")


def _decode_3(frame: bytes) -> HepFrame:
    if len(frame) < HEADER:
        raise BadFrame("truncated", len(frame), "ends inside its header")
    total = frame[4] << 8 | frame[5]
    if total != len(frame):
        raise BadFrame("length", 4, f"says {total} octets and has {len(frame)}")
    at = frame.find(_PAYLOAD, HEADER)
    layout = _layouts.get(at)
    if layout is not None:
        known = layout.read(frame, at, total)
        if known is not None:
            return known
    whole = _frame(_chunks(frame, total))
    if at > 0:
        _layouts.learn(frame, at)
    return whole


def _frame(chunks: dict[int, bytes]) -> HepFrame:
    payload = chunks.get(0x0F)
    if payload is None:
        packed = chunks.get(0x10)
        if packed is None:
            raise BadFrame("no-payload", HEADER, "has no payload chunk (0x0f or 0x10)")
        payload = _inflated(packed)
    get = chunks.get
    microseconds = int.from_bytes(get(0x0A, b""), "big")
    if microseconds >= 1_000_000:
        raise BadFrame("time", HEADER, f"gives {microseconds} microseconds (chunk 0x0a), a second has 1,000,000")
    source, destination = _addresses(chunks)
    return HepFrame(
        version=3,
        payload=payload,
        protocol_type=int.from_bytes(get(0x0B, b""), "big"),
        ip_protocol=int.from_bytes(get(0x02, b""), "big"),
        source_ip=source,
        destination_ip=destination,
        source_port=int.from_bytes(get(0x07, b""), "big"),
        destination_port=int.from_bytes(get(0x08, b""), "big"),
        seconds=int.from_bytes(get(0x09, b""), "big"),
        microseconds=microseconds,
        agent_id=int.from_bytes(get(0x0C, b"")[:4], "big"),
        agent_name=get(0x13, b"")[:128].decode("utf-8", "replace"),
        auth_key=get(0x0E, b""),
        correlation_id=get(0x11, b"")[:256].decode("utf-8", "replace"),
    )


def _chunks(frame: bytes, total: int) -> dict[int, bytes]:
    """Return the generic vendor's known chunks by type; the others are stepped over."""
    chunks: dict[int, bytes] = {}
    widths = _WIDTHS
    unpack = _CHUNK.unpack_from
    offset = HEADER
    while offset < total:
        if total - offset < HEADER:
            raise BadFrame("truncated", offset, f"has {total - offset} octets left, a chunk header takes 6")
        vendor, kind, length = unpack(frame, offset)
        end = offset + length
        if length < HEADER or end > total:
            raise BadFrame("chunk-length", offset, f"chunk {vendor}/{kind:#04x} says {length} octets")
        if vendor == 0 and _FIRST <= kind <= _LAST:
            value = frame[offset + HEADER : end]
            if kind in widths and len(value) != widths[kind]:
                raise BadFrame(
                    "chunk-width", offset, f"chunk {kind:#04x} holds {len(value)} octets, not {widths[kind]}"
                )
            chunks[kind] = value
        offset = end
    return chunks


def _addresses(chunks: dict[int, bytes]) -> tuple[str, str]:
    source, destination = chunks.get(0x03), chunks.get(0x04)
    if source is not None and destination is not None:
        return inet_ntoa(source), inet_ntoa(destination)
    source, destination = chunks.get(0x05), chunks.get(0x06)
    if source is not None and destination is not None:
        return inet_ntop(AF_INET6, source), inet_ntop(AF_INET6, destination)
    raise BadFrame("no-address", HEADER, "has no pair of addresses (chunks 3 and 4, or 5 and 6)")


def _inflated(packed: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=47)  # 32 + 15: gzip or zlib, told by its own header
    try:
        payload = reader.decompress(packed, LONGEST_INFLATED)
    except zlib.error as error:
        raise BadFrame("compression", HEADER, f"chunk 0x10 cannot be inflated: {error}") from error
    if not reader.eof:
        raise BadFrame("compression", HEADER, f"chunk 0x10 ends early or inflates beyond {LONGEST_INFLATED} octets")
    return payload


class _Layout:
    """Where the chunks of one capture agent's frames lie, learnt from a frame that was read chunk by chunk.

    An agent writes the same chunks in the same order in every frame, the payload last. One ``unpack`` then reads them
    all; a frame with any other chunk header is none of this layout and is read chunk by chunk. Both ways give the same.
    """

    __slots__ = ("_headers", "_places", "_unpack", "credit")

    def __init__(self, chunks: list[tuple[bytes, int, int]]) -> None:
        """``chunks``: header, type (-1 for one that is stepped over) and width, up to the payload's."""
        codes = "".join("6s" + _CODES.get(kind, f"{width}s") for _, kind, width in chunks)
        self._unpack = struct.Struct(f">{codes}4sH").unpack_from
        self._headers = (*(header for header, _, _ in chunks), _PAYLOAD)
        order = [kind for _, kind, _ in chunks]
        absent = {kind: len(chunks) + 1 + (kind in _TEXTS) for kind in _READ}
        # The values are followed by the payload's length, a zero and an empty text, which stand for what is absent.
        self._places = tuple(order.index(kind) if kind in order else absent[kind] for kind in _READ)
        self.credit = 1

    def read(self, frame: bytes, at: int, total: int) -> HepFrame | None:
        """Return what ``frame`` holds, its payload chunk at ``at``; ``None`` where it is not of this layout."""
        try:
            parts = self._unpack(frame, HEADER)
        except struct.error:
            parts = ()
        if parts[0::2] != self._headers or parts[-1] != total - at or total - at < HEADER:
            self.credit -= 1
            return None
        value = (*parts[1::2], 0, b"")
        protocol, source, destination, source_port, port, seconds, micros, kind, agent, key, name, link = self._places
        if value[micros] >= 1_000_000:
            return None
        self.credit = 64
        return HepFrame(
            version=3,
            payload=frame[at + HEADER :],
            protocol_type=value[kind],
            ip_protocol=value[protocol],
            source_ip=inet_ntoa(value[source]),
            destination_ip=inet_ntoa(value[destination]),
            source_port=value[source_port],
            destination_port=value[port],
            seconds=value[seconds],
            microseconds=value[micros],
            agent_id=value[agent],
            agent_name=value[name][:128].decode("utf-8", "replace"),
            auth_key=value[key],
            correlation_id=value[link][:256].decode("utf-8", "replace"),
        )


_PAYLOAD: Final = b"\0\0\0\x0f"
_READ: Final = (0x02, 0x03, 0x04, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0E, 0x13, 0x11)
_TEXTS: Final = frozenset({0x0E, 0x13, 0x11})
_CODES: Final = {0x02: "B", 0x07: "H", 0x08: "H", 0x09: "I", 0x0A: "I", 0x0B: "B", 0x0C: "I"}


class _Layouts(dict[int, _Layout]):
    """Layouts by the place of the payload chunk. A sender of odd frames costs the others speed, never correctness."""

    def learn(self, frame: bytes, at: int) -> None:
        """Learn from a frame that was just read, where its layout is one that ``_Layout`` reads."""
        before = self.get(at)
        if before is not None and before.credit > 0:
            return
        chunks: list[tuple[bytes, int, int]] = []
        offset = HEADER
        while offset < at:
            vendor, kind, length = _CHUNK.unpack_from(frame, offset)
            known = vendor == 0 and _FIRST <= kind <= _LAST
            chunks.append((frame[offset : offset + HEADER], kind if known else -1, length - HEADER))
            offset += length
        kinds = [kind for _, kind, _ in chunks if kind >= 0]
        fits = offset == at and at + (frame[at + 4] << 8 | frame[at + 5]) == len(frame)
        plain = {0x03, 0x04} <= set(kinds) and len(set(kinds)) == len(kinds) and 0x0F not in kinds
        sized = all(width == 4 for _, kind, width in chunks if kind == 0x0C)
        if fits and plain and sized and len(chunks) <= 64 and (before is not None or len(self) < 1_024):
            self[at] = _Layout(chunks)


_layouts: Final = _Layouts()


def _decode_old(frame: bytes) -> HepFrame:
    """Read version 1 (a 16-octet header) or 2 (12 octets more, little-endian, which its length octet leaves out)."""
    if len(frame) < _V1.size:
        raise BadFrame("truncated", len(frame), "ends inside its header")
    version, _, family, protocol, source_port, destination_port, source, destination = _V1.unpack_from(frame)
    if family != 2:  # AF_INET; the packed header of these versions has room for IPv4 only
        raise BadFrame("family", 2, f"address family {family} in HEPv{version}; only IPv4 (2) is read")
    start, seconds, microseconds, agent_id = _V1.size, 0, 0, 0
    if version == 2:
        if len(frame) < _V1.size + _V2_TIME.size:
            raise BadFrame("truncated", len(frame), "ends inside its header")
        seconds, microseconds, agent_id = _V2_TIME.unpack_from(frame, start)
        start += _V2_TIME.size
        if microseconds >= 1_000_000:
            raise BadFrame("time", _V1.size + 4, f"gives {microseconds} microseconds, a second has 1,000,000")
    if len(frame) == start:
        raise BadFrame("no-payload", start, "has no payload")
    return HepFrame(
        version=version,
        payload=frame[start:],
        protocol_type=SIP,  # these versions carry nothing else
        ip_protocol=protocol,
        source_ip=inet_ntoa(source),
        destination_ip=inet_ntoa(destination),
        source_port=source_port,
        destination_port=destination_port,
        seconds=seconds,
        microseconds=microseconds,
        agent_id=agent_id,
    )


class StreamSplitter:
    """Cuts a TCP stream into frames of version 3, whatever the segments are.

    Octets that start no frame are skipped up to the next magic and counted in ``garbage``; the frames that come
    out do not depend on how the stream was segmented. At most one frame (65,535 octets) is held.
    ``garbage_run`` counts the skipped octets since the last frame, ``garbage_runs`` how often skipping began: the owner
    of the connection closes it when a run grows beyond what a damaged stream explains.
    """

    __slots__ = ("_held", "garbage", "garbage_run", "garbage_runs")

    def __init__(self) -> None:
        self._held = b""
        self.garbage_runs = 0
        self.garbage = 0
        self.garbage_run = 0

    @property
    def held(self) -> int:
        """Octets of a frame that has begun and not ended."""
        return len(self._held)

    def feed(self, octets: bytes) -> list[bytes]:
        """Take the next octets of the stream and return the frames that they complete, in order."""
        stream = self._held + octets if self._held else octets
        frames: list[bytes] = []
        offset, size = 0, len(stream)
        while size - offset >= HEADER:
            length = stream[offset + 4] << 8 | stream[offset + 5]
            if stream[offset : offset + 4] not in MAGICS or length < HEADER:
                offset = self._skip(stream, offset)
                continue
            if size - offset < length:
                break
            frames.append(stream[offset : offset + length])
            self.garbage_run = 0
            offset += length
        # A tail too short to judge by its length is held only where it may still become a frame.
        while offset < size < offset + HEADER and not _BEGINNING.match(stream, offset):
            offset = self._skip(stream, offset)
        self._held = stream[offset:]
        return frames

    def _skip(self, stream: bytes, offset: int) -> int:
        """Return where the next frame may begin after ``offset``, and count what lies between."""
        found = _MAGIC.search(stream, offset + 1)
        # The last three octets may be the start of a magic whose end is not here yet.
        to = found.start() if found else max(len(stream) - 3, offset + 1)
        self.garbage_runs += self.garbage_run == 0
        self.garbage += to - offset
        self.garbage_run += to - offset
        return to
