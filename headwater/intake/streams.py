"""The TCP side of a door: connections of capture agents, plain or TLS, each within the door's limits.

A TLS connection is entered and counted before its handshake, so that a peer who never finishes one costs no more than
a plain peer who never sends a frame.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Protocol, cast

import structlog

from headwater.intake import hep
from headwater.intake.backlog import MOST_OCTETS
from headwater.intake.counters import Outcome, Transport

log = structlog.get_logger(__name__)

_STRANGERS = frozenset({Outcome.MALFORMED, Outcome.UNAUTHENTICATED})
"""What a connection whose first frame ends so is closed for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one door."""

    connections: int = 256
    connections_per_address: int = 32
    first_frame_s: float = 15.0
    """For the TLS handshake, and then for the first frame."""
    frame_s: float = 15.0
    idle_s: float = 3_600.0
    garbage_octets: int = hep.LONGEST
    backlog_octets: int = MOST_OCTETS


class Door(Protocol):
    """What a connection needs of its door."""

    limits: Limits

    @property
    def behind(self) -> bool:
        """The store is behind: read no more."""

    def admit(self, stream: "Stream") -> str:
        """Enter a connection; return why it is turned away, or ""."""

    def leave(self, stream: "Stream") -> None:
        """Strike a connection that was entered."""

    def take(self, octets: bytes, transport: Transport, peer_ip: str) -> Outcome:
        """Read one frame and hand its record on; return what became of it."""

    def reject(self, outcome: Outcome, reason: str, octets: bytes, *, transport: Transport, peer_ip: str) -> Outcome:
        """Count a refused frame and keep its beginning."""

    def count(self, transport: Transport, outcome: Outcome, *, reason: str = "") -> None:
        """Count what became of a frame or of a connection."""


class Stream(asyncio.Protocol):
    """One connection of a capture agent."""

    def __init__(self, door: Door, tls: ssl.SSLContext | None = None) -> None:
        self._door = door
        self._tls = tls
        self._kind = Transport.TCP if tls is None else Transport.TLS
        self._splitter = hep.StreamSplitter()
        self._transport: asyncio.Transport | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._paused = False
        self._accepted_any = False
        self._heard = self._waits_since = 0.0
        self.peer_ip = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the connection, or turn it away."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.peer_ip = peer[0] if peer else ""
        self._heard = self._waits_since = asyncio.get_running_loop().time()
        turned_away = self._door.admit(self)
        if turned_away:
            self.end(turned_away)
        elif self._tls is not None:
            # Nothing may be read as HEP before the handshake.
            self._transport.pause_reading()
            self._handshake = asyncio.create_task(self._secure(self._transport, self._tls), name="hep-handshake")

    async def _secure(self, plain: asyncio.Transport, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                plain, self, tls, server_side=True, ssl_handshake_timeout=self._door.limits.first_frame_s
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            log.info("hep handshake failed", peer=self.peer_ip, error=str(error))
            self.end("handshake")
            # Of a handshake that failed nobody tells this protocol that the connection is lost.
            self._door.leave(self)
            return
        if self._transport is None or secured is None:
            if secured is not None:
                secured.abort()
            self._door.leave(self)
            return
        self._transport = secured
        self._heard = self._waits_since = loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Strike the connection; a frame that did not arrive whole is not evidence, however it ended."""
        del exc
        if self._transport is not None and self._splitter.held:
            self._door.count(self._kind, Outcome.MALFORMED, reason="cut-off")
        self._transport = None
        self._door.leave(self)

    def data_received(self, data: bytes) -> None:
        """Cut the octets into frames and hand them on."""
        if self._transport is None:
            return
        now = asyncio.get_running_loop().time()
        self._heard = now
        before, runs = self._splitter.garbage, self._splitter.garbage_runs
        idle = not self._splitter.held
        frames = self._splitter.feed(data)
        if frames or idle:
            self._waits_since = now
        take, kind, peer_ip = self._door.take, self._kind, self.peer_ip
        for frame in frames:
            outcome = take(frame, kind, peer_ip)
            if not self._accepted_any:
                self._accepted_any = outcome not in _STRANGERS
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
            self._door.reject(Outcome.MALFORMED, "no-magic", data, transport=self._kind, peer_ip=self.peer_ip)
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
        self._door.count(self._kind, Outcome.CLOSED, reason=reason)
        log.info("hep connection closed", peer=self.peer_ip, reason=reason)
        transport, self._transport = self._transport, None
        transport.abort()  # nothing of ours is in the send buffer, and a hostile peer need not be waited for
