"""Blind searches: who carried a call, asked of every agent without saying which call. No behaviour.

``calls.blind`` makes the labels and says who can learn what from them.
"""

import msgspec

VERSION = 1


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """One call that is looked for. Octets are base64 in JSON (RFC 4648 section 4)."""

    version: int = VERSION
    search_id: str
    key: bytes
    """32 octets made for this search alone."""
    prefix: bytes
    """The first octets of the call's label under ``key``."""
    begin: str
    """Earliest start of the call, by a right clock."""
    end: str
    closes_at: str
    """An answer that comes later is not counted."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """What one carrier's records say to one search."""

    search_id: str
    carried: list[bytes] = msgspec.field(default_factory=list)
    """Proofs, 16 octets each, that a call with the searched label was carried."""
    handed: list[bytes] = msgspec.field(default_factory=list)
    """The same, of handing it to one other carrier."""


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed in: only searches that something was found for. Who finds nothing says nothing."""

    version: int = VERSION
    hits: list[Hit]


class HitsTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of them."""

    version: int = VERSION
    taken: int
    """Hits that were new and came in time."""
