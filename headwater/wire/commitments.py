"""Roots and proofs: what an agent publishes each minute, and what an answer's leg is proved by. No behaviour."""

import base64
from datetime import UTC, datetime

import msgspec

from headwater.wire.canonical import canonical_json

VERSION = 1


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """One minute of one carrier. It travels as the payload of a JWS that the carrier signed. Hexadecimal throughout."""

    version: int = VERSION
    spc: str
    minute: str
    """``2026-06-09T16:00Z``: when the records became durable at the agent, not when the calls were."""
    depth: int
    root: str
    previous: str
    """SHA-256 of the JWS of the minute before; 64 zeros at the first."""


class Short(msgspec.Struct, frozen=True, array_like=True):
    """One root as it travels: what the hub cannot work out by itself."""

    minute: int
    """Minutes since 1970 (UTC)."""
    depth: int
    root: bytes
    signature: bytes
    """Of the JWS that ``rebuilt`` makes of it: 64 octets (ES256)."""


class Roots(msgspec.Struct, frozen=True, array_like=True):
    """Signed roots, oldest first, as MessagePack."""

    version: int
    spc: str
    key_id: str
    """Thumbprint of the key that signed all of them; a request is of one key."""
    previous: bytes
    """SHA-256 of the JWS of the minute before the first of them."""
    roots: list[Short]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub has of a carrier's roots."""

    version: int = VERSION
    last: str
    """The newest minute that it holds."""
    taken: int
    """How many of those that were sent are new to it."""


class Proof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That one record stands under the root of a minute. Hexadecimal throughout."""

    minute: str
    position: int
    key: str
    """The record's own key: it opens this leaf alone."""
    path: list[str]
    """Siblings from the leaf upwards."""


def minute_text(minutes: int) -> str:
    """Return a minute as roots name it, from its number since 1970."""
    return datetime.fromtimestamp(minutes * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")


def protected(key_id: str) -> dict[str, str]:
    """Return the header of a root's JWS."""
    return {"alg": "ES256", "kid": key_id}


def payload_of(root: Root) -> bytes:
    """Return the octets of a root that are signed."""
    return msgspec.json.encode(root)


def rebuilt(root: Root, key_id: str, signature: bytes) -> str:
    """Return the compact JWS of a root: header and payload follow from it, only the signature has to travel."""
    parts = (canonical_json(protected(key_id)), payload_of(root), signature)
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts)
