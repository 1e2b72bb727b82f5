"""Bodies of which many records were made: kept whole and packed, and a record's own octets found in them again. Pure.

A line is found by its SHA-256, which stands with its record: so what is given out is what came, or nothing is.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa

from headwater.calls.records import Body
from headwater.errors import Invalid

#: Of a body whose records are its lines; each line is a record's octets.
LINES: Final = "application/x-ndjson"
#: Octets that a body may have, unpacked.
LONGEST: Final = 67_108_864
_NO_DIGEST: Final = bytes(32)


class BadBody(Invalid):
    """What is kept of a body cannot be unpacked: the disk or the table was tampered with."""


def pack(octets: bytes, *, source_id: str, received_at: datetime, media_type: str, digest: bytes = _NO_DIGEST) -> Body:
    """Return a body as it is kept. ``digest`` is its SHA-256 where its records have none of their own."""
    # The lowest level: at the second a body takes half as long again and gets no smaller.
    packed = pa.Codec("zstd", compression_level=1).compress(octets, asbytes=True)
    return Body(
        source_id=source_id,
        received_at=received_at,
        media_type=media_type,
        body_sha256=digest,
        length=len(octets),
        packed=packed,
    )


def unpack(packed: bytes, length: int) -> bytes:
    """Return the octets of a body as they were received.

    Raises:
        BadBody: they cannot be had; ``length`` is believed up to ``LONGEST`` alone.
    """
    if not 0 <= length <= LONGEST:
        raise BadBody(f"a kept body says that it has {length} octets")
    try:
        octets: bytes = pa.Codec("zstd").decompress(packed, decompressed_size=length, asbytes=True)
    except (OSError, pa.ArrowException) as error:
        raise BadBody(f"a kept body cannot be unpacked: {error}") from error
    return octets


def lines_of(octets: bytes, wanted: Iterable[bytes]) -> Mapping[bytes, bytes]:
    """Return the lines of a body whose SHA-256 is wanted, by it."""
    sought, found = set(wanted), dict[bytes, bytes]()
    for line in octets.split(b"\n"):
        digest = sha256(line).digest()
        if digest in sought:
            found[digest] = line
            if len(found) == len(sought):
                break
    return found


def columns(bodies: Iterable[Body], received_at: Iterable[int]) -> Any:
    """Return bodies as a table of the store's columns; ``received_at`` replaces theirs (microseconds since 1970)."""
    kept = list(bodies)
    types = {
        "source_id": pa.string(),
        "media_type": pa.string(),
        "body_sha256": pa.binary(32),
        "length": pa.int64(),
        "packed": pa.binary(),
    }
    made = {name: pa.array([getattr(body, name) for body in kept], kind) for name, kind in types.items()}
    made["received_at"] = pa.array(list(received_at), pa.int64()).cast(pa.timestamp("us", "UTC"))
    return pa.table(made)
