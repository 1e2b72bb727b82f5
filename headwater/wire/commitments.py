"""Roots and proofs: what an agent publishes each minute, and what an answer's leg is proved by. No behaviour."""

import msgspec

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


class Roots(msgspec.Struct, frozen=True, kw_only=True):
    """Signed roots, oldest first."""

    version: int = VERSION
    roots: list[str]
    """Compact JWS each."""


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
