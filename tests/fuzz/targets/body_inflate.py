"""A request's body as its Content-Encoding says: what is packed, or a refusal, and never more than the limit."""

import asyncio
import gzip
from typing import Any

import pyarrow as pa

from headwater.api import bodies
from headwater.errors import HeadwaterError

LIMIT = 200_000
_TEXT = b'{"event_id":"1","calling":"+12155550100"}\n' * 40
SEEDS = [
    b"\0" + gzip.compress(_TEXT, mtime=0),
    b"\0" + gzip.compress(_TEXT[:80], mtime=0) + gzip.compress(bytes(100_000), mtime=0),
    b"\1" + pa.compress(_TEXT, codec="zstd", asbytes=True),
    b"\1" + pa.compress(bytes(400_000), codec="zstd", asbytes=True),
]
TOKENS = [b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"]


def target(data: bytes) -> None:
    encoding = b"zstd" if data[:1] == b"\1" else b"gzip"
    halves = [data[1 : len(data) // 2 + 1], data[len(data) // 2 + 1 :]]
    came = 0
    try:
        came = asyncio.run(_read(encoding, halves))
    except HeadwaterError:
        return
    assert came <= LIMIT


async def _read(encoding: bytes, parts: list[bytes]) -> int:
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return waiting.pop(0)

    scope = {"headers": [(b"content-encoding", encoding)]}
    return sum([len(piece) async for piece in bodies.octets(scope, receive, limit=LIMIT, within_s=30)])
