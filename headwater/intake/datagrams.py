"""The UDP side of a door: many datagrams a wake-up, and what the kernel threw away counted.

The kernel drops a datagram where its buffer is full, and says so only in its own books: ``/proc/net/udp`` on Linux.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

BUFFER: Final = 4 * 1024 * 1024
"""Asked of the kernel, which grants up to net.core.rmem_max: bursts wait there while a batch is parsed."""
AT_ONCE: Final = 256
"""Datagrams read before others on the loop have their turn."""
LONGEST: Final = 65_535

log = structlog.get_logger(__name__)


class Datagrams:
    """One UDP socket. ``take`` gets each datagram and the address that it came from, which anybody can forge."""

    def __init__(self, take: Callable[[bytes, str], object]) -> None:
        self._take = take
        self._socket: socket.socket | None = None
        self._dropped_before = 0

    async def open(self, host: str, port: int) -> int:
        """Bind and begin to read; return the port.

        Raises:
            OSError: the address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        family, _, _, _, place = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE))[
            0
        ]
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            opened.bind(place)
        except OSError:
            opened.close()
            raise
        self._socket = opened
        loop.add_reader(opened.fileno(), self._read)
        return int(opened.getsockname()[1])

    def close(self) -> None:
        """Stop reading; what waits in the kernel's buffer is read first, as far as one turn reads."""
        if self._socket is not None:
            self._read()
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        receive, take = self._socket.recvfrom if self._socket else None, self._take
        if receive is None:
            return
        for _ in range(AT_ONCE):
            try:
                octets, address = receive(LONGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.warning("hep datagram socket", error=str(error))
                return
            take(octets, address[0])

    def dropped(self) -> int:
        """Return how many datagrams the kernel dropped since the last call; 0 where it keeps no books."""
        if self._socket is None:
            return 0
        inode = str(os.fstat(self._socket.fileno()).st_ino)
        table = "udp6" if self._socket.family == socket.AF_INET6 else "udp"
        try:
            lines = Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
        except OSError:
            return 0  # not Linux, or no /proc: docs/reference/hep-door.md says so
        total = next((int(line.split()[12]) for line in lines if line.split()[9] == inode), self._dropped_before)
        new, self._dropped_before = total - self._dropped_before, total
        return new
