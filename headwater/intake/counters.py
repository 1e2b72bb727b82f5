"""What came in at a door and what became of it: counted per reason, with a bounded sample of what was refused."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

MOST_REJECTS = 64
"""Refused frames whose first octets are kept, newest last."""
REJECT_OCTETS = 48


class Transport(StrEnum):
    """How a frame came."""

    TCP = "tcp"
    UDP = "udp"
    TLS = "tls"


class Outcome(StrEnum):
    """What became of a frame, or of a connection. Reasons are finer: see ``Counters.count``."""

    ACCEPTED = "accepted"
    """Handed to the store."""
    NOT_KEPT = "not-kept"
    """Well formed, and no call signalling."""
    MALFORMED = "malformed"
    NOT_SIP = "not-sip"
    UNAUTHENTICATED = "unauthenticated"
    DROPPED = "dropped"
    """Lost: the store was behind (UDP) or refused the record, or the kernel had no room."""
    CLOSED = "closed"
    """A connection that was ended by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """The beginning of one refused frame."""

    at: datetime
    transport: Transport
    peer_ip: str
    reason: str
    octets: bytes


class Counters(Collector):
    """The counts of one door. A Prometheus collector: ``registry.register(counters)``."""

    def __init__(self, door: str) -> None:
        self.door = door
        self._counts: Counter[tuple[Transport, Outcome, str]] = Counter()
        self._rejects: deque[Reject] = deque(maxlen=MOST_REJECTS)

    def count(self, transport: Transport, outcome: Outcome, *, reason: str = "", number: int = 1) -> None:
        """Add ``number`` to one outcome. ``reason`` is a word of ours, never a sender's text: there are few."""
        self._counts[transport, outcome, reason] += number

    def accepted(self, transport: Transport) -> None:
        """Count one frame that was handed to the store; the same as ``count``, made for every frame of a busy door."""
        self._counts[transport, Outcome.ACCEPTED, ""] += 1

    def keep(self, reject: Reject) -> None:
        """Remember the beginning of a refused frame; the oldest gives way."""
        self._rejects.append(reject)

    def total(self, outcome: Outcome, *, reason: str | None = None) -> int:
        """Return how often ``outcome`` happened, for one reason or for all."""
        return sum(
            number for (_, kind, why), number in self._counts.items() if kind is outcome and reason in (None, why)
        )

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """The beginnings of the last refused frames, oldest first."""
        return tuple(self._rejects)

    def summary(self) -> dict[str, int]:
        """Return the counts by ``outcome`` or ``outcome:reason``, for one log line."""
        found: Counter[str] = Counter()
        for (_, outcome, reason), number in self._counts.items():
            found[f"{outcome.value}:{reason}" if reason else outcome.value] += number
        return dict(sorted(found.items()))

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counts as ``headwater_hep_frames_total``."""
        family = CounterMetricFamily(
            "headwater_hep_frames",
            "Frames and connections at a HEP door by what became of them.",
            labels=("door", "transport", "outcome", "reason"),
        )
        for (transport, outcome, reason), number in sorted(self._counts.items()):
            family.add_metric((self.door, transport.value, outcome.value, reason), number)
        yield family
