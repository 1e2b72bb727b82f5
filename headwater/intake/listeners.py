"""The HEP door: one TCP server and one UDP endpoint that live through whatever is sent to them.

A frame is cut, decoded, authenticated, read and handed to the backlog; each refusal is counted by its reason.
Nothing is ever sent back: the format has no answer. Rules of the TCP side:
- the first frame must come within ``Limits.first_frame_s`` and be admitted, or the connection is closed;
- a frame that has begun must end within ``frame_s``; a connection without octets for ``idle_s`` is closed;
- octets that are no frame are skipped to the next magic, and the connection is closed after 65,535 in a row;
- when the store is behind, reading pauses, so that TCP slows the sender. UDP cannot be slowed: it drops and counts.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Final, cast

import structlog

from headwater import clock
from headwater.calls.records import REJECT_OCTETS as MOST_KEPT
from headwater.calls.records import CallRecord
from headwater.calls.records import Reject as KeptReject
from headwater.errors import Unavailable
from headwater.intake import discretion, hep, sip
from headwater.intake.backlog import Backlog, RecordWriter
from headwater.intake.counters import REJECT_OCTETS, Counters, Outcome, Reject, Transport
from headwater.intake.datagrams import Datagrams
from headwater.intake.records import NotKept, sip_record
from headwater.intake.sources import Source
from headwater.intake.streams import Limits, Stream
from headwater.numbering.numbers import CalledNumbers

Authenticate = Callable[[hep.HepFrame, str], Source | None]

PLAIN: Final = frozenset({Transport.TCP, Transport.UDP})
TRIES_FOR_A_PORT: Final = 16
CLOSE_WITHIN_S: Final = 10.0

#: HEP payloads that are no SIP and are kept as they came, beside what could not be read: protocol type -> its word.
KEPT_AS_THEY_CAME: Final = {0x3C: "cdr", 0x64: "log"}

log = structlog.get_logger(__name__)


class HepListeners:
    """The HEP door of one collector. ``port`` 0 takes a free one, the same for TCP and UDP."""

    def __init__(  # noqa: PLR0913 - what a door needs, each given once where it is opened
        self,
        writer: RecordWriter,
        authenticate: Authenticate,
        host: str,
        port: int,
        counters: Counters,
        *,
        transports: frozenset[Transport] = PLAIN,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.counters = counters
        self.limits = limits or Limits()
        self._authenticate = authenticate
        self._transports = transports
        self._tls = tls
        self._writer = writer
        self._backlog: Backlog | None = None
        self._server: asyncio.Server | None = None
        self._datagrams: Datagrams | None = None
        self._streams: set[Stream] = set()
        self._per_address: Counter[str] = Counter()
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the sockets.

        Raises:
            Unavailable: the address cannot be bound.
        """
        self._backlog = Backlog(
            self._writer, on_room=self._resume, on_refused=self._refused, most_octets=self.limits.backlog_octets
        )
        wanted, tries = self.port, TRIES_FOR_A_PORT if self.port == 0 else 1
        for attempt in range(1, tries + 1):
            try:
                await self._bind(wanted)
                break
            except OSError as error:
                await self._unbind()
                if attempt == tries:
                    raise Unavailable(f"HEP door cannot open {self.host}:{wanted}: {error}") from error
        self._backlog.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="hep-sweeper")
        log.info("hep door open", door=self.counters.door, host=self.host, port=self.port)

    async def close(self) -> int:
        """Stop reading, wait until what was read is durable, and return how many records were given up."""
        self._count_kernel_drops()
        await self._unbind()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for stream in tuple(self._streams):
            stream.end("shutdown")
        lost = await self._backlog.close(within_s=CLOSE_WITHIN_S) if self._backlog is not None else 0
        if lost:
            self.count(Transport.TCP, Outcome.DROPPED, reason="shutdown", number=lost)
        return lost

    @property
    def backlog_records(self) -> int:
        """Records read and not durable yet."""
        return self._backlog.records if self._backlog is not None else 0

    @property
    def connections(self) -> int:
        """Open TCP connections."""
        return len(self._streams)

    async def _bind(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        if self._transports & {Transport.TCP, Transport.TLS}:
            tls = self._tls if Transport.TLS in self._transports else None
            self._server = await loop.create_server(lambda: Stream(self, tls), self.host, port, backlog=128)
            port = self._server.sockets[0].getsockname()[1]
        if Transport.UDP in self._transports:
            self._datagrams = Datagrams(lambda octets, peer_ip: self.take(octets, Transport.UDP, peer_ip))
            port = await self._datagrams.open(self.host, port)
        self.port = port

    async def _unbind(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None
        await asyncio.sleep(0)  # lets the transports release their sockets

    # -- one frame -----------------------------------------------------------------------------------------------

    def take(self, octets: bytes, transport: Transport, peer_ip: str) -> Outcome:
        """Read one frame and hand its record on; return what became of it."""
        try:
            frame = hep.decode(octets)
        except hep.BadFrame as error:
            return self.reject(Outcome.MALFORMED, error.reason, octets, transport=transport, peer_ip=peer_ip)
        source = self._authenticate(frame, peer_ip)
        if source is None:
            # A mistaken sender's key is good somewhere else: it is not kept.
            shown = octets.replace(frame.auth_key, b"*" * len(frame.auth_key)) if frame.auth_key else octets
            return self.reject(Outcome.UNAUTHENTICATED, "", shown, transport=transport, peer_ip=peer_ip)
        try:
            record = sip_record(
                frame,
                source.source_id,
                clock.now(),
                capture_agent=source.agent_of(frame),
                credential=f"{self.counters.door}/{transport} {source.credential}",
            )
        except sip.NotSip as error:
            shown = octets if source.called_numbers is CalledNumbers.KEPT else b""
            return self.reject(Outcome.NOT_SIP, error.reason, shown, transport=transport, peer_ip=peer_ip)
        except NotKept as error:
            return self._not_a_call(frame, source, error.reason, transport)
        if transport is Transport.UDP and self._no_room(transport):
            return Outcome.DROPPED
        self._backlog.add(discretion.record(record, source.called_numbers))  # type: ignore[union-attr]  # there is one while the door is open
        self.counters.accepted(transport)
        return Outcome.ACCEPTED

    def _no_room(self, transport: Transport) -> bool:
        """Count and tell where a datagram is dropped because the store is behind: UDP cannot be slowed."""
        if transport is Transport.UDP and self.behind:
            self.count(transport, Outcome.DROPPED, reason="backlog")
            return True
        return False

    def _not_a_call(self, frame: hep.HepFrame, source: Source, reason: str, transport: Transport) -> Outcome:
        """Count what is no call signalling; keep the octets of records and logs that a switch sends this way."""
        word = KEPT_AS_THEY_CAME.get(frame.protocol_type, "")
        if word and not self._no_room(transport):
            payload = frame.payload
            kept = KeptReject(
                received_at=clock.now(),
                source_id=source.source_id,
                door="hep",
                position=0,
                reason=f"HEP protocol type {frame.protocol_type} ({word}): kept as it came",
                raw=payload[:MOST_KEPT],
                raw_length=len(payload),
                raw_sha256=sha256(payload).digest(),
            )
            for one in discretion.rejects([kept], source.called_numbers):
                cast("Backlog", self._backlog).add_reject(one)
        self.count(transport, Outcome.NOT_KEPT, reason=word or reason)
        return Outcome.NOT_KEPT

    def count(self, transport: Transport, outcome: Outcome, *, reason: str = "", number: int = 1) -> None:
        """Count what became of a frame or of a connection."""
        self.counters.count(transport, outcome, reason=reason, number=number)

    def reject(self, outcome: Outcome, reason: str, octets: bytes, *, transport: Transport, peer_ip: str) -> Outcome:
        """Count a refused frame and keep its beginning."""
        self.counters.count(transport, outcome, reason=reason)
        self.counters.keep(
            Reject(
                at=clock.now(),
                transport=transport,
                peer_ip=peer_ip,
                reason=f"{outcome.value}:{reason}" if reason else outcome.value,
                octets=octets[:REJECT_OCTETS],
            )
        )
        return outcome

    def _refused(self, record: CallRecord, error: Exception) -> None:
        self.counters.count(Transport.TCP, Outcome.DROPPED, reason="store-refused")
        log.error("store refused a record", door=self.counters.door, record_id=str(record.record_id), exc_info=error)

    # -- connections ---------------------------------------------------------------------------------------------

    @property
    def behind(self) -> bool:
        """The store is behind: read no more."""
        return self._backlog is not None and self._backlog.full

    def admit(self, stream: Stream) -> str:
        """Enter a connection; return why it is turned away, or ""."""
        if len(self._streams) >= self.limits.connections:
            return "too-many-connections"
        if self._per_address[stream.peer_ip] >= self.limits.connections_per_address:
            return "too-many-of-one-address"
        self._streams.add(stream)
        self._per_address[stream.peer_ip] += 1
        return ""

    def leave(self, stream: Stream) -> None:
        """Strike a connection that was entered."""
        if stream in self._streams:
            self._streams.discard(stream)
            self._per_address[stream.peer_ip] -= 1
            if not self._per_address[stream.peer_ip]:
                del self._per_address[stream.peer_ip]

    def _resume(self) -> None:
        for stream in self._streams:
            stream.resume()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self.limits.frame_s / 4))
            now = asyncio.get_running_loop().time()
            for stream in tuple(self._streams):
                stream.end_if_late(now)
            self._count_kernel_drops()

    def _count_kernel_drops(self) -> None:
        dropped = self._datagrams.dropped() if self._datagrams is not None else 0
        if dropped:
            self.count(Transport.UDP, Outcome.DROPPED, reason="kernel", number=dropped)
            log.warning(
                "the kernel dropped datagrams: the door read too slowly", door=self.counters.door, number=dropped
            )
