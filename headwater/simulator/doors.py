"""The doors that the simulator speaks to: HEP sockets of the agents and the feed API of the hub."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import httpx
import msgspec

from headwater.simulator.network import Transport
from headwater.simulator.setup import HepDoor
from headwater.wire.events import FeedEvent

#: Frames that wait for a TCP door which is closed; beyond it a real capture agent drops, and so does this one.
LONGEST_QUEUE = 20_000
RETRY_S = 0.5


@dataclass(slots=True)
class Counters:
    """What was sent and what became of it."""

    calls: int = 0
    frames: int = 0
    frames_dropped: int = 0
    events: int = 0
    events_repeated: int = 0
    events_rejected: int = 0
    feed_retries: int = 0
    answers_by_hand: int = 0
    notes: list[str] = field(default_factory=list)
    """What went wrong, in words, the newest last; at most fifty."""

    def note(self, text: str) -> None:
        """Keep one line of what went wrong."""
        self.notes = [*self.notes[-49:], text]


class HepSender:
    """Sends one carrier's frames as its capture agent does: one long-lived TCP connection, or datagrams."""

    def __init__(self, door: HepDoor, transport: Transport, counters: Counters) -> None:
        self._door = door
        self._transport = transport
        self._counters = counters
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(LONGEST_QUEUE)
        self._datagrams: asyncio.DatagramTransport | None = None

    async def run(self) -> None:
        """Send what is put until cancelled."""
        if self._transport is Transport.TCP:
            await self._stream()
        else:
            await self._datagram()

    def put(self, frame: bytes) -> None:
        """Take one frame; where the door is closed for long, the newest is dropped and counted."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self._counters.frames_dropped += 1

    async def _datagram(self) -> None:
        loop = asyncio.get_running_loop()
        address = (self._door.host, self._door.port)
        self._datagrams, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=address)
        try:
            while True:
                self._datagrams.sendto(await self._queue.get())
                self._counters.frames += 1
        finally:
            self._datagrams.close()

    async def _stream(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection(self._door.host, self._door.port)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._pour(writer)
            except OSError as error:
                self._counters.note(f"HEP connection to port {self._door.port} was lost: {error}")
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _pour(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(await self._queue.get())
            await writer.drain()
            self._counters.frames += 1


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What the feed API says of a batch, as far as a partner reads it."""

    accepted: int
    duplicates: int
    rejected: int
    errors: list[dict[str, object]]


class FeedSender:
    """Posts one partner's events in small batches, and again until the hub has said that they are durable."""

    def __init__(self, url: str, token: str, counters: Counters) -> None:
        self._url = f"{url}/api/feeds/v1/events"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self._counters = counters
        self._queue: asyncio.Queue[FeedEvent] = asyncio.Queue()

    def put(self, event: FeedEvent) -> None:
        """Take one event."""
        self._queue.put_nowait(event)

    async def run(self) -> None:
        """Send what is put until cancelled."""
        async with httpx.AsyncClient(headers=self._headers, timeout=30.0) as client:
            while True:
                batch = [await self._queue.get()]
                while not self._queue.empty() and len(batch) < 500:
                    batch.append(self._queue.get_nowait())
                await self._post(client, batch)

    async def _post(self, client: httpx.AsyncClient, batch: list[FeedEvent]) -> None:
        encode = msgspec.json.Encoder().encode
        body = b"".join(encode(event) + b"\n" for event in batch)
        while True:
            try:
                answer = await client.post(self._url, content=body)
            except httpx.TransportError as error:
                self._counters.note(f"The feed API did not answer: {error!r}")
            else:
                if answer.status_code == httpx.codes.ACCEPTED:
                    self._accepted(answer.content)
                    return
                self._counters.note(f"The feed API answered {answer.status_code}: {answer.text[:300]}")
                if answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    self._counters.events_rejected += len(batch)
                    return
            # The same octets again: the event identifiers make a retry harmless.
            self._counters.feed_retries += 1
            await asyncio.sleep(RETRY_S)

    def _accepted(self, octets: bytes) -> None:
        taken = msgspec.json.decode(octets, type=Taken)
        self._counters.events += taken.accepted
        self._counters.events_repeated += taken.duplicates
        self._counters.events_rejected += taken.rejected
        for error in taken.errors[:5]:
            self._counters.note(f"The feed API rejected line {error.get('line')}: {error.get('reason')}")
