"""The detector: follows the call store and lets ``campaigns`` place what was reported. One runs, however many workers.

Which one is settled by an advisory lock of PostgreSQL, held by the connection: a detector that dies or loses its
connection gives it up by that. Should two ever run, the checkpoint's clock lets only one of them store.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from headwater import clock
from headwater.calls.queries import connect
from headwater.calls.records import CallRecord
from headwater.campaigns import actions, edits, graph, hearing, joined, learnt, queries, transcripts
from headwater.campaigns.memory import BEGINNING, Memory, load
from headwater.errors import Conflict, Unavailable
from headwater.worker.voices import Voices

if TYPE_CHECKING:
    import uuid

log = structlog.get_logger(__name__)

#: Any number of our own: "HWDETECT" as eight ASCII octets.
LOCK = int.from_bytes(b"HWDETECT", "big")
#: Between two looks at the call store.
POLL = timedelta(milliseconds=300)
#: Between two looks for the lock by a detector that stands by.
STAND_BY = timedelta(seconds=2)
#: Several writers of one store may commit out of order: every so often the last seconds are read again.
OVERLAP = timedelta(seconds=5)
LOOK_BACK_EVERY = timedelta(seconds=2)
REVIEW_EVERY = timedelta(seconds=30)
BATCH = 500
_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)


class Calls(Protocol):
    """What the detector needs of the call store."""

    def received_since(self, at: datetime, *, limit: int) -> Sequence[CallRecord]:
        """Return reports received after ``at``, oldest first."""

    def records(self, ids: "Sequence[uuid.UUID]") -> Sequence[CallRecord]:
        """Return the records of these identifiers that are there."""


class Detector:
    """One follower of the call store. ``turn`` does one round; ``run`` below repeats it."""

    def __init__(self, calls: Callable[[], Calls], voices: Voices | None = None, *, listens: bool = False) -> None:
        """Follow the store that ``calls`` connects to; it is asked again after every failure.

        Where something ``listens``, reports with sound and without words wait for what it hears.
        """
        self._connect = calls
        self._voices = voices
        self._listens = listens
        self._forget()

    def reset(self) -> None:
        """Forget everything that a failed round may have put out of step; the next round loads it again."""
        self._forget()
        connection.close()

    def _forget(self) -> None:
        self._calls: Calls | None = None
        self._memory: Memory | None = None
        self._seen: dict[uuid.UUID, datetime] = {}
        self._read_to = BEGINNING
        self._looked_back_at: datetime | None = None
        self._reviewed_at: datetime | None = None

    def turn(self, now: datetime) -> bool:
        """Place everything that is new in the call store; tell whether this detector holds the lock.

        Raises:
            Unavailable: The call store does not answer.
            OperationalError: The database does not.
            Conflict: Another detector has moved on.
        """
        if self._memory is None:
            if not _holds_lock():
                return False
            self._memory = load()
            self._read_to = queries.read_to() or BEGINNING
            self._calls = self._connect()
            log.info("detector started", exemplars=len(self._memory.matcher), read_to=self._read_to.isoformat())
        if edits.carry_out(now=clock.now()):
            # Exemplars changed hands: the memory is built again from what is stored.
            self._memory = load()
        self._follow(now)
        self._place_heard(now)
        if self._reviewed_at is None or now - self._reviewed_at >= REVIEW_EVERY:
            actions.review_states(self._memory, now=now)
            joined.join_waiting(now=now)
            graph.note_signers(now=now)
            self._reviewed_at = now
            if learnt.version_in_use() != self._memory.matcher.weights_version:
                self._memory = load()
                log.info("weights of evidence changed", version=self._memory.matcher.weights_version)
        return True

    def _follow(self, now: datetime) -> None:
        at = self._read_to
        if self._looked_back_at is None or now - self._looked_back_at >= LOOK_BACK_EVERY:
            at = max(at, BEGINNING + OVERLAP) - OVERLAP
            self._looked_back_at = now
        if self._calls is None:
            raise Unavailable("The detector is not connected to the call store.")
        while rows := self._calls.received_since(at, limit=BATCH):
            fresh = [row for row in rows if row.record_id not in self._seen]
            if fresh:
                self._place(self._with_words(fresh))
            at = rows[-1].received_at
            self._read_to = max(self._read_to, at)
            self._seen.update((row.record_id, row.received_at) for row in fresh)
            if len(rows) < BATCH:
                break
        oldest = self._read_to - 2 * OVERLAP
        self._seen = {record_id: at for record_id, at in self._seen.items() if at >= oldest}

    def _with_words(self, rows: Sequence[CallRecord]) -> Sequence[CallRecord]:
        told = self._voices.told(rows) if self._voices else rows
        return transcripts.with_words(told, now=clock.now()) if self._listens else told

    def _place_heard(self, now: datetime) -> None:
        """Place the reports that waited for their recording's words."""
        if not self._listens or self._calls is None:
            return
        while waited := transcripts.ready(BATCH):
            rows = self._with_words(self._calls.records(waited))
            if rows:
                self._place(rows)
            transcripts.settle(waited, now=now)

    def _place(self, rows: Sequence[CallRecord]) -> None:
        if not rows:
            return
        try:
            observed = actions.observe(self._memory or load(), rows, now=clock.now())
        except (Conflict, InterfaceError, OperationalError):
            raise
        except Exception:
            # Whatever a record did: one of them must not stop the others for ever. Each is tried alone.
            log.exception("a batch could not be placed", records=len(rows))
            self._memory = self._place_one_by_one(rows)
            return
        for campaign_id in observed.confirmed:
            log.info("campaign confirmed", campaign=campaign_id)

    def _place_one_by_one(self, rows: Sequence[CallRecord]) -> Memory:
        memory = load()
        for row in rows:
            try:
                actions.observe(memory, [row], now=clock.now())
            except (Conflict, InterfaceError, OperationalError):
                raise
            except Exception as error:
                log.exception("a record was set aside", record=str(row.record_id))
                actions.set_aside(row, error, now=clock.now())
                memory = load()
        return memory


def _holds_lock() -> bool:
    """Take the detector's lock for this connection, or tell that another has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def configured_store() -> Calls:
    """Return the call store that the operator's settings name."""
    return connect(settings.HEADWATER.calls_url)


class Follower(Protocol):
    """What runs beside the detector, in its turn and under its lock."""

    def turn(self, now: datetime) -> int:
        """Take what is new; return how many signals were raised."""

    def reset(self) -> None:
        """Forget what a failed round may have put out of step."""


def run(stop: threading.Event, calls: Callable[[], Calls] = configured_store, beside: Follower | None = None) -> None:
    """Follow the call store until ``stop`` is set. Outages of store or database are waited out, nothing is skipped."""
    detector = Detector(calls, Voices(settings.HEADWATER.home), listens=not hearing.missing())
    failures = 0
    try:
        while not stop.is_set():
            try:
                active = detector.turn(clock.now())
                if active and beside is not None:
                    beside.turn(clock.now())
                failures = 0
                pause = (POLL if active else STAND_BY).total_seconds()
            except (Conflict, InterfaceError, OperationalError, Unavailable) as error:
                pause = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
                failures += 1
                log.warning("detector waits", error=str(error), failures=failures, pause_s=pause)
                detector.reset()
                if beside is not None:
                    beside.reset()
            stop.wait(pause)
    finally:
        connection.close()
