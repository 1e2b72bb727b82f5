"""How often something may happen under one key: a steady rate with a burst, in bounded memory. Pure but for its lock.

The generic cell rate algorithm (ITU-T I.371 annex A): a key is one number, the moment at which what was taken so far
would have come at the steady rate. Each process counts for itself, and a restart forgets.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

#: Less than any wait of ours, more than sums of seconds since a machine's start are rounded by.
_ROUNDING: Final = 1e-6


class Meter:
    """Counts what comes under each key."""

    def __init__(self, *, burst: int, per_minute: float, most_keys: int = 10_000) -> None:
        """Allow ``burst`` at once under a key, and ``per_minute`` in the long run; remember ``most_keys`` keys."""
        self._step = 60.0 / per_minute
        self._slack = self._step * burst
        self._most = most_keys
        self._due: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._due)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._due.clear()

    def wait(self, key: str, now: float) -> float:
        """Return the seconds until one more under ``key`` would be within, 0.0 where it is; count nothing.

        Args:
            key: What is counted under.
            now: Seconds of any clock that only goes forward, the same in each call.
        """
        with self._lock:
            return self._wait(key, now)

    def take(self, key: str, now: float) -> float:
        """Count one under ``key`` where it is within, and return 0.0; else return as ``wait`` and count nothing."""
        with self._lock:
            wait = self._wait(key, now)
            if not wait:
                self._due[key] = max(self._due.get(key, now), now) + self._step
                self._due.move_to_end(key)
                self._forget(now)
            return wait

    def _wait(self, key: str, now: float) -> float:
        wait = self._due.get(key, now) + self._step - now - self._slack
        return wait if wait > _ROUNDING else 0.0

    def _forget(self, now: float) -> None:
        # A key that is due no later than now says nothing; if all say something, the one longest unused goes.
        while len(self._due) > self._most or (self._due and next(iter(self._due.values())) <= now):
            self._due.popitem(last=False)


def neighbourhood(address: str) -> str:
    """Return what an address is counted as: an IPv6 subscriber holds a whole /64 and could change within it at will."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:45]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)
