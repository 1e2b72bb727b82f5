"""The Merkle tree over the audit's entries (RFC 9162 section 2.1): proofs that one entry, or an earlier log, is in it.

The chain of hashes shows that nothing changed to whoever has all of it. A proof shows the same of one entry to whoever
has that entry and a signed root: a package can carry it, and nobody needs the entries of other matters. Pure, standard
library only: the offline verifier uses it. Positions count from 0: the entry numbered 1 has position 0.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

#: Hash of the tree without entries (RFC 9162 section 2.1.1).
EMPTY = sha256(b"").digest()
HASH = 32
#: Longest path of a proof that is read: a tree of 2^63 entries.
LONGEST_PATH = 63

#: Gives the hash of the whole subtree of 2^height entries, the ``index``-th of its kind from the left.
Node = Callable[[int, int], bytes]


def leaf(entry_hash: str) -> bytes:
    """Return the leaf of an entry, whose own hash (hex) covers its number, its text and the entry before it."""
    return sha256(b"\x00" + bytes.fromhex(entry_hash)).digest()


def parent(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: enough to know its root, in memory that grows with its height alone."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []

    def append(self, entry: bytes) -> None:
        """Add one leaf."""
        size, node = self.size, entry
        while size & 1:
            node = parent(self._edge.pop(), node)
            size >>= 1
        self._edge.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the hash of the tree so far."""
        if not self._edge:
            return EMPTY
        node = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            node = parent(left, node)
        return node


def root(size: int, node: Node) -> bytes:
    """Return the hash of the tree of the first ``size`` entries."""
    return _hash(0, size, node) if size else EMPTY


def _split(size: int) -> int:
    """Return the largest power of two that is smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _hash(start: int, end: int, node: Node) -> bytes:
    size = end - start
    if size & (size - 1) == 0:
        return node(size.bit_length() - 1, start // size)
    middle = start + _split(size)
    return parent(_hash(start, middle, node), _hash(middle, end, node))


def inclusion(position: int, size: int, node: Node) -> list[bytes]:
    """Return the path that proves the entry at ``position`` in the tree of ``size`` (RFC 9162 section 2.1.3.1).

    Raises:
        ValueError: there is no such entry.
    """
    if not 0 <= position < size:
        message = f"the tree of {size} entries has none at {position}"
        raise ValueError(message)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if position < middle:
            path.append(_hash(middle, end, node))
            end = middle
        else:
            path.append(_hash(start, middle, node))
            start = middle
    return path[::-1]


def root_of_inclusion(position: int, size: int, entry: bytes, path: Sequence[bytes]) -> bytes | None:
    """Return the root to which a path leads (RFC 9162 section 2.1.3.2); None where it does not fit the tree."""
    if not 0 <= position < size:
        return None
    at, last, node = position, size - 1, entry
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = parent(sibling, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = parent(node, sibling)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


def consistency(earlier: int, size: int, node: Node) -> list[bytes]:
    """Return the path that proves the tree of ``earlier`` entries to be the beginning of that of ``size``.

    RFC 9162 section 2.1.4.1.

    Raises:
        ValueError: the first tree is empty or larger than the second.
    """
    if not 0 < earlier <= size:
        message = f"a tree of {earlier} entries is no beginning of one of {size}"
        raise ValueError(message)
    path: list[bytes] = []
    start, end, whole = 0, size, True
    while end != earlier:
        middle = start + _split(end - start)
        if earlier <= middle:
            path.append(_hash(middle, end, node))
            end = middle
        else:
            path.append(_hash(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(_hash(start, end, node))
    return path[::-1]


def consistent(earlier: int, earlier_root: bytes, size: int, later_root: bytes, path: Sequence[bytes]) -> bool:
    """Return whether a path proves that one tree is the beginning of another (RFC 9162 section 2.1.4.2)."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not path and earlier_root == later_root
    steps = [earlier_root, *path] if earlier & (earlier - 1) == 0 else list(path)
    if not steps:
        return False
    at, last = earlier - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = parent(step, first), parent(step, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = parent(second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == earlier_root and second == later_root
