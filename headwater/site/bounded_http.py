"""uvicorn's fast HTTP protocol, with the two bounds it lacks: how large and how slow a request's head may be.

And answers leave at once, however the listening socket was made.
"""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_OCTETS = 65_536
"""Request line and headers together."""


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose request head is too large or does not come to its end."""

    head_s = 15.0
    """From the first octet of a request to the end of its headers, in seconds."""

    _head_octets = 0
    _head_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _ended = False

    def connection_made(self, transport: Any) -> None:
        """Send what is written at once.

        asyncio asks for that only where the socket names its protocol; one that was bound for the server does not.
        Then an answer's body waits for the peer to acknowledge its head, 40 ms.
        """
        carrier = transport.get_extra_info("socket")
        if carrier is not None and carrier.family in {socket.AF_INET, socket.AF_INET6}:
            carrier.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; count octets while the head is not complete."""
        if self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(
                self.head_s, self._refuse, "The request's headers did not come to an end."
            )
        self._ended = False
        super().data_received(data)
        # The last octets of a body are no part of the head that may follow them.
        if not self._in_head or self._ended:
            return
        self._head_octets += len(data)
        if self._head_octets > HEAD_OCTETS:
            self._refuse(f"The request's headers are larger than {HEAD_OCTETS} octets.")

    def on_message_begin(self) -> None:
        """Start counting for a new request."""
        self._in_head = True
        self._head_octets = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: the body is the application's to bound."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready to time the next request of the connection."""
        super().on_message_complete()
        self._in_head = self._ended = True
        self._head_octets = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, message: str) -> None:
        self._stop_timer()
        transport: Any = self.transport
        if transport is not None and not transport.is_closing():
            self.send_400_response(message)
