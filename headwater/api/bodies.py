"""Request bodies of raw ASGI routes: read under a bound of octets and of time, inflated under the same bound."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

import pyarrow as pa

from headwater.errors import HeadwaterError, Invalid, TooLarge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: How much is inflated at a time.
_STEP: Final = 262_144


class BodyTooLarge(TooLarge):
    """The body is larger than this door takes; the rest of it was not read."""


class BadEncoding(Invalid):
    """The body is not what its Content-Encoding says."""


class UnknownEncoding(Invalid):
    """The body's Content-Encoding is none that this door reads (HTTP 415)."""


class TooSlow(HeadwaterError):
    """The body did not come to its end in time (HTTP 408)."""


class Disconnected(Exception):
    """The sender hung up before the body's end: there is nobody to answer."""


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Return the request's headers by lower-case name; of a repeated one, the last."""
    return dict(scope["headers"])


async def octets(scope: Scope, receive: Receive, *, limit: int, within_s: float) -> AsyncIterator[bytes]:
    """Yield the body as it comes, inflated where it is gzip or zstd.

    Raises:
        BodyTooLarge: more than ``limit`` octets were announced, came, or came out of inflation.
        TooSlow: the end did not come within ``within_s`` seconds.
        BadEncoding, UnknownEncoding: it cannot be inflated.
        Disconnected: the sender hung up.
    """
    headers = headers_of(scope)
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or int(announced[:20]) > limit:
        raise too_large(limit)
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in _INFLATERS:
        raise UnknownEncoding(
            f"Content-Encoding {encoding.decode('latin-1')!r} is not read here; send gzip, zstd or none"
        )
    inflate = _INFLATERS[encoding](limit) if encoding != b"identity" else None
    came = 0
    try:
        async with asyncio.timeout(within_s):
            async for part in _parts(receive):
                for piece in inflate.feed(part) if inflate else (part,):
                    came += len(piece)
                    if came > limit:
                        raise too_large(limit)
                    yield piece
            for piece in inflate.end() if inflate else ():
                came += len(piece)
                if came > limit:
                    raise too_large(limit)
                yield piece
    except TimeoutError:
        raise TooSlow(f"the body did not come to its end within {within_s:g} seconds") from None


def too_large(limit: int) -> BodyTooLarge:
    """Return the error for a body beyond ``limit`` octets."""
    return BodyTooLarge(
        f"the body has more than {limit} octets; send it in several requests. Nothing of it was stored."
    )


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        if part:
            yield part
        if not message.get("more_body", False):
            return


class _Inflate:
    """gzip members one after the other, a bounded step at a time: a bomb stops at the reader's limit."""

    def __init__(self, _limit: int) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def feed(self, part: bytes) -> "list[bytes] | Any":
        while part:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            try:
                piece = self._member.decompress(part, _STEP)
            except zlib.error as error:
                raise BadEncoding(f"the body is not gzip: {error}") from error
            part = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> "list[bytes]":
        if not self._member.eof:
            raise BadEncoding("the gzip body is cut off; nothing of it was stored")
        return []


class _Zstd:
    """zstd frames, inflated when the whole body has come, a bounded step at a time: a bomb stops at the limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._packed = bytearray()

    def feed(self, part: bytes) -> "list[bytes]":
        self._packed += part
        if len(self._packed) > self._limit:
            raise too_large(self._limit)
        return []

    def end(self) -> "list[bytes] | Any":
        try:
            with pa.CompressedInputStream(pa.BufferReader(bytes(self._packed)), "zstd") as stream:
                while piece := stream.read(_STEP):
                    yield piece
        except OSError as error:
            raise BadEncoding(f"the body is not zstd, or is cut off: {error}") from error


_INFLATERS: Final[dict[bytes, Any]] = {b"identity": None, b"gzip": _Inflate, b"zstd": _Zstd}
