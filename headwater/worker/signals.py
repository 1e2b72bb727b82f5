"""The follower of every call's metadata: counts, bursts, patterns. Its counters survive a restart in one file.

The file is written every half minute with how far the call store was read. After a restart it is read on from there;
a signal that was raised between is raised again by the same figures and is known by its key and bin.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog
from django.conf import settings

from headwater.calls.heard import HeardCall, heard_since
from headwater.calls.queries import connect
from headwater.calls.records import RecordKind
from headwater.campaigns import signals
from headwater.campaigns.keys import Heard
from headwater.campaigns.metadata import Metadata, Signal

log = structlog.get_logger(__name__)

BATCH = 5_000
#: Batches in one turn: the detector of scripts waits meanwhile.
_BATCHES = 10
STORE_EVERY = timedelta(seconds=30)
#: Where a follower begins that never ran: history is no news.
BEGIN_AGO = timedelta(minutes=5)
#: One call told of by several sources is one call: same numbers within these seconds.
_ONE_CALL_S = 15.0
_REMEMBERED = 200_000
_SEPARATOR = b"\n"


class HeardCalls(Protocol):
    """What the follower needs of the call store."""

    def __call__(self, at: datetime, *, limit: int) -> Sequence[HeardCall]:
        """Return what was received after ``at``, oldest first."""


class Signals:
    """Follows the call store for metadata. ``turn`` takes what is new."""

    def __init__(self, heard: Callable[[], HeardCalls], file: Path) -> None:
        """Follow what ``heard`` connects to; keep the counters in ``file``."""
        self._connect = heard
        self._file = file
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next turn goes on from the file."""
        self._heard: HeardCalls | None = None
        self._metadata: Metadata | None = None
        self._read_to = datetime.fromtimestamp(0, UTC)
        self._stored_at: datetime | None = None
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def turn(self, now: datetime) -> int:
        """Take what is new; return how many signals were raised."""
        heard, metadata = self._begun(now)
        raised = 0
        for _ in range(_BATCHES):
            rows = heard(self._read_to, limit=BATCH)
            if rows:
                raised += self._raise(metadata.take(self._once(rows)))
                self._read_to = rows[-1].received_at
            if len(rows) < BATCH:
                break
        # A report comes after its call: a bin is held open a little longer than it lasts.
        raised += self._raise(metadata.tick(now.timestamp() - 5))
        if self._stored_at is None or now - self._stored_at >= STORE_EVERY:
            self._store(metadata, now)
        return raised

    def _begun(self, now: datetime) -> tuple[HeardCalls, Metadata]:
        if self._heard is None or self._metadata is None:
            self._heard = self._connect()
            self._metadata, self._read_to = self._stored(now)
        return self._heard, self._metadata

    def _stored(self, now: datetime) -> tuple[Metadata, datetime]:
        try:
            position, octets = self._file.read_bytes().split(_SEPARATOR, 1)
            read_to = datetime.fromisoformat(position.decode("ascii"))
            return Metadata.load(octets), max(read_to, now - timedelta(days=1))
        except FileNotFoundError:
            log.info("metadata counters begin anew")
        except ValueError as error:
            log.warning("metadata counters were unreadable and begin anew", error=str(error))
        return Metadata(), now - BEGIN_AGO

    def _store(self, metadata: Metadata, now: datetime) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_suffix(".new")
        beside.write_bytes(self._read_to.isoformat().encode("ascii") + _SEPARATOR + metadata.dump())
        beside.replace(self._file)
        self._stored_at = now

    def _once(self, rows: Sequence[HeardCall]) -> list[Heard]:
        """Return one value a call: another source's record of the same numbers moments later is the same call."""
        found = []
        for row in rows:
            at = min(row.call_at, row.received_at).timestamp()
            pair = (row.calling, row.called)
            before = self._seen.get(pair)
            if before is not None and abs(at - before) <= _ONE_CALL_S:
                continue
            self._seen[pair] = at
            self._seen.move_to_end(pair)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            found.append(_heard(row, at))
        return found

    @staticmethod
    def _raise(found: Sequence[Signal]) -> int:
        for signal in found:
            log.info("signal", kind=signal.kind.label, calls=signal.calls, patterns=[p.name for p in signal.patterns])
        return signals.raise_all(found) if found else 0


def _heard(row: HeardCall, at: float) -> Heard:
    is_sip = row.record_kind is RecordKind.SIP
    answered = None if is_sip or not row.disposition else row.disposition in ("answered", "voicemail", "silent")
    return Heard(
        record_id=row.record_id.bytes,
        at=at,
        calling=row.calling,
        called=row.called,
        origid=row.origid,
        provider=row.source_ip if is_sip else row.terminating_spc or row.source_id,
        attest=row.attest,
        ring_ms=row.ring_ms,
        duration_ms=row.duration_ms,
        answered=answered,
    )


def configured() -> Signals:
    """Return the follower of the store and the data directory that the operator's settings name."""

    def connected() -> HeardCalls:
        calls = connect(settings.HEADWATER.calls_url)
        return lambda at, *, limit: heard_since(calls, at, limit=limit)

    return Signals(connected, settings.HEADWATER.home / "detector" / "metadata.npz")
