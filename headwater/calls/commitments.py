"""Commitments: that a record existed in this form since that minute, without showing any other. Pure.

Each minute a carrier's agent publishes one root over all records that became durable in it. A leaf is SHA-256(0x00 ||
HMAC-SHA-256(k, record)), where k is derived for each record from a secret of the carrier: opening one leaf opens no
other. A node is SHA-256(0x01 || left || right) (RFC 9162 section 2.1.1). The tree has a fixed depth; what is not filled
is a keyed value that nobody else can tell from a leaf, so that neither root nor proof tells how many records there are.

Agent and hub run this same code. What a root proves is that the record is no younger than its minute; not that it is
true, nor that every record was committed.
"""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from headwater.errors import Invalid
from headwater.wire.canonical import canonical_json
from headwater.wire.commitments import Proof

#: Depth of a tree where the carrier sets none: 65,536 records a minute.
DEPTH: Final = 16
#: Deepest tree: 16,777,216 records a minute.
MOST_DEPTH: Final = 24
SIZE: Final = 32


class TooManyRecords(Invalid):
    """More records became durable in one minute than the tree has leaves."""


def record_key(secret: bytes, record_id: str) -> bytes:
    """Return the key of one record's leaf."""
    return hmac.digest(secret, b"leaf\x00" + record_id.encode(), "sha256")


def leaf(key: bytes, record_id: str, record_sha256: str) -> bytes:
    """Return the leaf of one record: its identifier and the SHA-256 of its raw octets, as canonical JSON."""
    record = canonical_json({"record_id": record_id, "record_sha256": record_sha256})
    return sha256(b"\x00" + hmac.digest(key, record, "sha256")).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the parent of two nodes."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """The tree of one minute. Only nodes above leaves are kept: an empty half costs one hash, however deep."""

    def __init__(self, leaves: Sequence[bytes], *, secret: bytes, minute: str, depth: int = DEPTH) -> None:
        """Build it.

        Raises:
            TooManyRecords: there are more leaves than the depth holds.
        """
        if len(leaves) > 1 << depth:
            raise TooManyRecords(f"{len(leaves)} records in {minute}; a tree of depth {depth} holds {1 << depth}")
        self._fill = hmac.digest(secret, b"fill\x00" + minute.encode(), "sha256")
        self.depth, self.minute = depth, minute
        level = list(leaves)
        self._levels = [level]
        for height in range(depth):
            below = self._levels[-1]
            pairs = [
                node(below[place], below[place + 1] if place + 1 < len(below) else self._filler(height, place + 1))
                for place in range(0, len(below), 2)
            ]
            self._levels.append(pairs)

    def _filler(self, height: int, place: int) -> bytes:
        return hmac.digest(self._fill, height.to_bytes(1) + place.to_bytes(4), "sha256")

    def _at(self, height: int, place: int) -> bytes:
        level = self._levels[height]
        return level[place] if place < len(level) else self._filler(height, place)

    @property
    def root(self) -> bytes:
        """The root; of a minute without records a value like any other."""
        return self._at(self.depth, 0)

    def proof(self, position: int, *, key: bytes) -> Proof:
        """Return the proof of one leaf."""
        path = [self._at(height, (position >> height) ^ 1).hex() for height in range(self.depth)]
        return Proof(minute=self.minute, position=position, key=key.hex(), path=path)


def root_of(proof: Proof, record_id: str, record_sha256: str) -> bytes:
    """Return the root that a proof leads to from this very record.

    Raises:
        Invalid: the proof is none: wrong lengths, no hexadecimal, a position outside the tree.
    """
    try:
        key = bytes.fromhex(proof.key)
        path = [bytes.fromhex(one) for one in proof.path]
    except ValueError:
        raise Invalid("an inclusion proof is written in hexadecimal") from None
    if len(key) != SIZE or any(len(one) != SIZE for one in path) or len(path) > MOST_DEPTH:
        raise Invalid(f"key and nodes of an inclusion proof have {SIZE} octets, and there are at most {MOST_DEPTH}")
    if not 0 <= proof.position < 1 << len(path):
        raise Invalid("the position of an inclusion proof lies outside its tree")
    here = leaf(key, record_id, record_sha256)
    for height, other in enumerate(path):
        here = node(other, here) if proof.position >> height & 1 else node(here, other)
    return here


def is_under(proof: Proof, record_id: str, record_sha256: str, roots: Mapping[str, str]) -> bool:
    """Tell whether a proof leads to the root that was published for its minute. ``roots``: minute -> hexadecimal.

    Raises:
        Invalid: the proof is none.
    """
    published = roots.get(proof.minute, "")
    return hmac.compare_digest(root_of(proof, record_id, record_sha256).hex(), published)
