"""The HEP door: one TCP server and one UDP endpoint that live through whatever is sent to them.

A frame is cut, decoded, authenticated, read and handed to the backlog; each refusal is counted by its reason.
Nothing is ever sent back: the format has no answer. Rules of the TCP side:
- the first frame must come within ``Limits.first_frame_s`` and be admitted, or the connection is closed;
- a frame that has begun must end within ``frame_s``; a connection without octets for ``idle_s`` is closed;
- octets that are no frame are skipped to the next magic, and the connection is closed after 65,535 in a row;
- when the store is behind, reading pauses, so that TCP slows the sender. UDP cannot be slowed: it drops and counts.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import structlog

from headwater import clock
from headwater.calls.records import CallRecord
from headwater.errors import Unavailable
from headwater.intake import hep, sip
from headwater.intake.backlog import MOST_OCTETS, Backlog, RecordWriter
from headwater.intake.counters import REJECT_OCTETS, Counters, Outcome, Reject, Transport
from headwater.intake.records import NotKept, sip_record
from headwater.intake.sources import Source

Authenticate = Callable[[hep.HepFrame, str], Source | None]

UDP_BUFFER: Final = 4 * 1024 * 1024
"""Asked of the kernel, which grants up to net.core.rmem_max: bursts wait there while a batch is parsed."""
TRIES_FOR_A_PORT: Final = 16
CLOSE_WITHIN_S: Final = 10.0

_STRANGERS: Final = frozenset({Outcome.MALFORMED, Outcome.UNAUTHENTICATED})
"""What a connection whose first frame ends so is closed for."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one door."""

    connections: int = 256
    connections_per_address: int = 32
    first_frame_s: float = 15.0
    frame_s: float = 15.0
    idle_s: float = 3_600.0
    garbage_octets: int = hep.LONGEST
    backlog_octets: int = MOST_OCTETS


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
        transports: frozenset[Transport] = frozenset(Transport),
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
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: set[_Stream] = set()
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
        await self._unbind()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for stream in tuple(self._streams):
            stream.end("shutdown")
        lost = await self._backlog.close(within_s=CLOSE_WITHIN_S) if self._backlog is not None else 0
        if lost:
            self.counters.count(Transport.TCP, Outcome.DROPPED, reason="shutdown", number=lost)
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
        if Transport.TCP in self._transports:
            self._server = await loop.create_server(lambda: _Stream(self), self.host, port, ssl=self._tls, backlog=128)
            port = self._server.sockets[0].getsockname()[1]
        if Transport.UDP in self._transports:
            self._datagrams, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(self.host, port)
            )
            sock = self._datagrams.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)
            port = sock.getsockname()[1]
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
            record = sip_record(frame, source.source_id, clock.now())
        except sip.NotSip as error:
            return self.reject(Outcome.NOT_SIP, error.reason, octets, transport=transport, peer_ip=peer_ip)
        except NotKept as error:
            self.counters.count(transport, Outcome.NOT_KEPT, reason=error.reason)
            return Outcome.NOT_KEPT
        backlog = cast("Backlog", self._backlog)
        if transport is Transport.UDP and backlog.full:
            self.counters.count(transport, Outcome.DROPPED, reason="backlog")
            return Outcome.DROPPED
        backlog.add(record)
        self.counters.count(transport, Outcome.ACCEPTED)
        return Outcome.ACCEPTED

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

    def admit(self, stream: "_Stream") -> str:
        """Enter a connection; return why it is turned away, or ""."""
        if len(self._streams) >= self.limits.connections:
            return "too-many-connections"
        if self._per_address[stream.peer_ip] >= self.limits.connections_per_address:
            return "too-many-of-one-address"
        self._streams.add(stream)
        self._per_address[stream.peer_ip] += 1
        return ""

    def leave(self, stream: "_Stream") -> None:
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


class _Stream(asyncio.Protocol):
    """One TCP connection of a capture agent."""

    def __init__(self, door: HepListeners) -> None:
        self._door = door
        self._splitter = hep.StreamSplitter()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._accepted_any = False
        self._heard = self._waits_since = 0.0
        self.peer_ip = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.peer_ip = peer[0] if peer else ""
        self._heard = self._waits_since = asyncio.get_running_loop().time()
        turned_away = self._door.admit(self)
        if turned_away:
            self.end(turned_away)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # how it ended makes no difference: a frame that did not arrive whole is not evidence
        if self._transport is not None and self._splitter.held:
            self._door.counters.count(Transport.TCP, Outcome.MALFORMED, reason="cut-off")
        self._transport = None
        self._door.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        now = asyncio.get_running_loop().time()
        self._heard = now
        before, runs = self._splitter.garbage, self._splitter.garbage_runs
        idle = not self._splitter.held
        frames = self._splitter.feed(data)
        if frames or idle:
            self._waits_since = now
        for frame in frames:
            outcome = self._door.take(frame, Transport.TCP, self.peer_ip)
            self._accepted_any = self._accepted_any or outcome not in _STRANGERS
            if not self._accepted_any:
                self.end("first-frame-refused")
                return
        if self._splitter.garbage > before:
            self._garbage(data, self._splitter.garbage_runs - runs)
        if self._door.behind and self._transport is not None and not self._paused:
            self._transport.pause_reading()
            self._paused = True

    def _garbage(self, data: bytes, begun: int) -> None:
        for _ in range(min(begun, 8)):  # a read full of false magics is one sender's doing, not thousands of faults
            self._door.reject(Outcome.MALFORMED, "no-magic", data, transport=Transport.TCP, peer_ip=self.peer_ip)
        if not self._accepted_any or self._splitter.garbage_run > self._door.limits.garbage_octets:
            self.end("garbage")

    def resume(self) -> None:
        """Read on after the store has caught up."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._heard = self._waits_since = asyncio.get_running_loop().time()
            self._transport.resume_reading()

    def end_if_late(self, now: float) -> None:
        """Close a connection that lets us wait beyond its limits."""
        limits = self._door.limits
        if self._paused:
            return  # it is we who let it wait
        if not self._accepted_any and now - self._waits_since > limits.first_frame_s:
            self.end("no-first-frame")
        elif self._splitter.held and now - self._waits_since > limits.frame_s:
            self.end("slow-frame")
        elif now - self._heard > limits.idle_s:
            self.end("idle")

    def end(self, reason: str) -> None:
        """Close the connection and count why."""
        if self._transport is None:
            return
        self._door.counters.count(Transport.TCP, Outcome.CLOSED, reason=reason)
        log.info("hep connection closed", door=self._door.counters.door, peer=self.peer_ip, reason=reason)
        transport, self._transport = self._transport, None
        transport.abort()  # nothing of ours is in the send buffer, and a hostile peer need not be waited for


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP side of a door."""

    def __init__(self, door: HepListeners) -> None:
        self._door = door

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._door.take(data, Transport.UDP, str(addr[0]))

    def error_received(self, exc: Exception) -> None:
        log.warning("hep datagram socket", door=self._door.counters.door, error=str(exc))
