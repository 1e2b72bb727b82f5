"""Which records were stored before: a small memory in front of an exact look-up.

A Bloom filter answers "surely new" for nearly every new record, so that the store is asked only about records that
may have been seen. It never says "new" of an identifier that it holds; what it takes for seen and is not costs a
look-up and nothing else. So the answer is exact for every identifier that was put in.
"""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import numpy.typing as npt

from headwater.calls.records import PROVENANCE, CallRecord

_HASHES = 12
#: Hashes that are looked at first: of new identifiers in a full filter 1 in 100 passes these, and is looked at whole.
_FIRST_HASHES = 4
#: Bits for one identifier: with 12 hashes, 1 new identifier in 1.1 million is taken for seen when a filter is full.
#: Each of these costs an exact look-up, of 0.09 s among ten million records.
_BITS_EACH = 32
_FIRST_CAPACITY = 1 << 18

Identifiers = npt.NDArray[np.uint64]


def same_content(one: CallRecord, other: CallRecord) -> bool:
    """Tell whether two records say the same of the call: all but when, from where and in which octets they came."""
    return all(getattr(one, name) == getattr(other, name) for name in _SAID) and (
        one.headers == other.headers or _said(one.headers) == _said(other.headers)
    )


_SAID = tuple(
    name
    for name in CallRecord.__struct_fields__
    if name not in {"record_id", "received_at", "raw", "raw_sha256", "headers", "credential", "software"}
)


def _said(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in PROVENANCE}


def identifiers(ids: Sequence[UUID]) -> Identifiers:
    """Return ``ids`` as rows of two 64-bit words. They are SHA-256 output, so their own bits serve as hashes."""
    return np.frombuffer(b"".join([one.bytes for one in ids]), dtype=np.uint64).reshape(-1, 2)


class _Filter:
    """One Bloom filter of a fixed capacity."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.held = 0
        self._mask = np.uint64(capacity * _BITS_EACH - 1)
        self._bits = np.zeros(capacity * _BITS_EACH // 8, dtype=np.uint8)

    def _positions(self, ids: Identifiers, first: int, last: int) -> Identifiers:
        steps = np.arange(first, last, dtype=np.uint64)
        # An even step would visit only part of the filter, whose size is a power of two.
        positions: Identifiers = (ids[:, :1] + steps * (ids[:, 1:] | np.uint64(1))) & self._mask
        return positions

    def add(self, ids: Identifiers) -> None:
        positions = self._positions(ids, 0, _HASHES)
        bits = np.left_shift(np.uint8(1), (positions & np.uint64(7)).astype(np.uint8))
        np.bitwise_or.at(self._bits, positions >> np.uint64(3), bits)
        self.held += len(ids)

    def has(self, ids: Identifiers) -> npt.NDArray[np.bool_]:
        found = self._has(ids, 0, _FIRST_HASHES)
        places = np.flatnonzero(found)
        found[places] = self._has(ids[places], _FIRST_HASHES, _HASHES)
        return found

    def _has(self, ids: Identifiers, first: int, last: int) -> npt.NDArray[np.bool_]:
        positions = self._positions(ids, first, last)
        bits = np.right_shift(self._bits[positions >> np.uint64(3)], (positions & np.uint64(7)).astype(np.uint8))
        found: npt.NDArray[np.bool_] = (bits & 1).all(axis=1)
        return found


class Seen:
    """Identifiers that may be in the store: a chain of Bloom filters, each four times the last, 4 octets a record.

    At least the last ``limit`` identifiers are remembered: beyond them the oldest filter is forgotten, and with it the
    certainty that an event as old as that is recognised when it comes again (the table's own merge still hides an
    identical copy from look-ups). Not thread-safe: its store asks under a lock.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._chain = [_Filter(_FIRST_CAPACITY)]

    def __len__(self) -> int:
        return sum(one.held for one in self._chain)

    def add(self, ids: Identifiers) -> None:
        """Remember ``ids``."""
        for start in range(0, len(ids), _FIRST_CAPACITY):
            part = ids[start : start + _FIRST_CAPACITY]
            if self._chain[-1].held + len(part) > self._chain[-1].capacity:
                self._grow()
            self._chain[-1].add(part)

    def _grow(self) -> None:
        self._chain.append(_Filter(min(self._chain[-1].capacity * 4, 1 << 24)))
        while len(self) - self._chain[0].held >= self.limit:
            del self._chain[0]

    def maybe(self, ids: Identifiers) -> npt.NDArray[np.bool_]:
        """Return, for each of ``ids``, whether it may have been added: False is certain."""
        found = self._chain[0].has(ids)
        for one in self._chain[1:]:
            found |= one.has(ids)
        return found
