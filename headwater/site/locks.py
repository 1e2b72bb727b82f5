"""Locks on a data directory that the operating system releases with the process that holds them, kill -9 included."""

import contextlib
import fcntl
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import Conflict, Unavailable


@dataclass(frozen=True, slots=True)
class Lock:
    """A held lock: an open file. It may be handed to a child, and is held until the last holder is gone."""

    path: Path
    descriptor: int

    def name_holder(self, pid: int) -> None:
        """Write who holds the lock, for the message of whoever is refused."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def release(self) -> None:
        """Close this process's copy; a child that was handed the lock keeps it."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def take(path: Path) -> Lock | None:
    """Take the lock at ``path``, or return None where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(path, descriptor)


def holder(path: Path) -> int | None:
    """Return the process that wrote itself into the lock, whether or not it still holds it."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdecimal() else None


def held(path: Path) -> bool:
    """Tell whether some process holds the lock now."""
    if not path.exists():
        return False
    lock = take(path)
    if lock is None:
        return True
    lock.release()
    return False


def take_home(path: Path, home: Path) -> Lock:
    """Take the lock of a whole data directory for this process.

    Raises:
        Conflict: another ``headwater up`` or ``headwater database prepare`` holds it.
    """
    lock = take(path)
    if lock is None:
        raise Conflict(
            f"Headwater already runs on {home} (process {holder(path) or 'unknown'}). Stop that one first, or set "
            "HEADWATER_HOME to another folder (and other ports) for a second one."
        )
    lock.name_holder(os.getpid())
    return lock


def take_from_orphan(path: Path, *, patience_s: float, kill_s: float = 5.0) -> Lock:
    """Take a process's lock; where an orphan of a killed supervisor still holds it, let it end, then end it.

    Raises:
        Unavailable: the holder is still there after SIGKILL, or is not known.
    """
    for patience, number in ((patience_s, signal.SIGKILL), (kill_s, None)):
        deadline = time.monotonic() + patience
        while True:
            lock = take(path)
            if lock is not None:
                return lock
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        pid = holder(path)
        if number is not None and pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    raise Unavailable(
        f"A process of an earlier run still holds {path} (process {holder(path)}). End it, then start again."
    )
