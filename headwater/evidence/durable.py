"""How a file of this room comes to its name: whole and durable, or not at all, and by one worker at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from headwater.errors import Unavailable

#: What ends the name of a file that is being written; the next run clears it away.
DRAFT = ".draft"
_PIECE = 1 << 20


@contextlib.contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of ``name``; ``Unavailable`` where another holds it. The kernel frees it when its holder dies."""
    with (folder / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"{name} is being written by another worker"
            raise Unavailable(message) from error
        yield


def digest(path: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and length of a file."""
    state, size = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            state.update(piece)
            size += len(piece)
    return state.hexdigest(), size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
