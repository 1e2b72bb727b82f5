"""Capture agents as they are seen from a door: sockets that send. And a store in memory that can be slow or away."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from headwater.calls.records import CallRecord, Reject
from headwater.errors import Invalid, Unavailable


@dataclass
class MemoryWriter:
    """A writer's twin: keeps what it is given, once ``open`` is set; refuses records of the Call-IDs in ``poison``."""

    kept: list[CallRecord] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    poison: set[str] = field(default_factory=set)
    failures: int = 0
    """How many puts answer that the store is away before one succeeds."""
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def put(self, records: Sequence[CallRecord], /, *, rejects: Sequence[Reject] = ()) -> None:
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise Unavailable("the store is away")
        if any(record.call_id in self.poison for record in records):
            raise Invalid("one of these records breaks a bound")
        self.kept += records
        self.rejects += rejects


async def send_tcp(port: int, parts: Sequence[bytes], *, pause_s: float = 0.0) -> bool:
    """Send ``parts`` as segments of their own; return whether the door was still open at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(_still_open(reader), 0.05) if pause_s else True
    except (ConnectionError, TimeoutError) as error:
        return isinstance(error, TimeoutError)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def _still_open(reader: asyncio.StreamReader) -> bool:
    return await reader.read(1) != b""


async def is_closed(reader: asyncio.StreamReader, *, within_s: float = 5.0) -> bool:
    """Wait for the door to close the connection."""
    try:
        return await asyncio.wait_for(reader.read(1), within_s) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def send_udp(port: int, datagrams: Sequence[bytes], *, source_ip: str = "127.0.0.1") -> None:
    """Send ``datagrams`` from a loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source_ip, 0))
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


async def until(holds: Callable[[], bool], *, within_s: float = 10.0) -> None:
    """Wait until ``holds()``; fail the test where it does not come about."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for happens behind a socket, which sets no event
            await asyncio.sleep(0.01)


def run(scene: Awaitable[None]) -> None:
    """Play one scene on its own event loop."""

    async def played() -> None:
        async with asyncio.timeout(60):
            await scene

    asyncio.run(played())
