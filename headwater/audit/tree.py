"""The audit's Merkle tree on disk, so that a proof costs a few reads however long the log is. Standard library only.

One flat file for each eighth level of the tree: ``level-0`` holds the leaves, ``level-1`` the hash of every 256 of
them, and so on, 32 octets each. The files only grow and hold nothing that the log does not: delete the folder, and the
next checkpoint makes it anew. They are not trusted: each root that was signed is compared before the next is.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from headwater.audit import merkle
from headwater.audit.merkle import HASH

FOLDER = "tree"
_STEP = 8
_WIDE = 1 << _STEP


class Tree:
    """The tree in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._count(0)

    def extend(self, leaves: Iterable[bytes], *, after: int) -> None:
        """Add the leaves that follow the first ``after``; what another worker added meanwhile is left as it is.

        Raises:
            ValueError: the tree does not reach ``after``.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            have = self.size
            if have < after:
                message = f"the tree has {have} entries; those after {after} cannot be added"
                raise ValueError(message)
            self._append(0, b"".join(list(leaves)[have - after :]))
            self._raise_levels()

    def _raise_levels(self) -> None:
        """Write what is whole now on the levels above, also what a crash kept from being written."""
        level = 0
        while (whole := self._count(level) // _WIDE) > 0:
            have = self._count(level + 1)
            self._append(level + 1, b"".join(self._fold(level, at * _WIDE, _WIDE) for at in range(have, whole)))
            level += 1

    def _path(self, level: int) -> Path:
        return self._folder / f"level-{level}"

    def _count(self, level: int) -> int:
        path = self._path(level)
        # A last hash that a crash left half written does not count, and the next append writes over it.
        return path.stat().st_size // HASH if path.exists() else 0

    def _append(self, level: int, hashes: bytes) -> None:
        if not hashes:
            return
        at = self._count(level) * HASH
        handle = os.open(self._path(level), os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.truncate(at)
            file.seek(at)
            file.write(hashes)
            file.flush()
            os.fsync(file.fileno())

    def _fold(self, level: int, start: int, count: int) -> bytes:
        with self._path(level).open("rb") as file:
            file.seek(start * HASH)
            octets = file.read(count * HASH)
        if len(octets) != count * HASH:
            message = f"the tree of the audit has no {count} hashes at {start} of level {level}"
            raise ValueError(message)
        row = [octets[at : at + HASH] for at in range(0, len(octets), HASH)]
        while len(row) > 1:
            row = [merkle.parent(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def node(self, height: int, index: int) -> bytes:
        """Return the hash of the ``index``-th whole subtree of 2^height entries.

        Raises:
            ValueError: the tree is shorter.
        """
        level, rest = divmod(height, _STEP)
        return self._fold(level, index << rest, 1 << rest)

    def root(self, size: int) -> bytes:
        """Return the root of the first ``size`` entries; ``ValueError`` where the tree is shorter."""
        return merkle.root(size, self.node)

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """Return the proof of one entry, see ``merkle.inclusion``."""
        return merkle.inclusion(position, size, self.node)

    def consistency(self, earlier: int, size: int) -> list[bytes]:
        """Return the proof that one tree begins another, see ``merkle.consistency``."""
        return merkle.consistency(earlier, size, self.node)
