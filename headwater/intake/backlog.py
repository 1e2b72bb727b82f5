"""Records on their way from a socket to the store: bounded in octets, so that a slow store slows the senders."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog

from headwater.calls.records import CallRecord, Reject
from headwater.errors import Unavailable

MOST_OCTETS: Final = 32 * 1024 * 1024
RECORD_OVERHEAD: Final = 1_024
"""What a record takes beside its raw octets, roughly; measured with sys.getsizeof over its fields."""
BATCH: Final = 16_384
GATHER_S: Final = 0.25
"""How long the first record of a batch waits for company. An insert has a price of its own, of about as much as two
thousand records; nobody waits for an acknowledgement of HEP, and a question about a call looks for seconds."""
LANES: Final = 2
"""Batches under way at once, so that one is prepared while the other becomes durable."""
LONGEST_PAUSE_S: Final = 5.0

log = structlog.get_logger(__name__)


class RecordWriter(Protocol):
    """What the backlog needs of ``calls.writer.Writer``."""

    async def put(self, records: Sequence[CallRecord], /, *, rejects: Sequence[Reject] = ()) -> object:
        """Return when ``records`` and ``rejects`` are durable; what is returned is not looked at.

        Raises:
            Unavailable: the store does not answer now.
        """


class Backlog:
    """A bounded line of records before the writer.

    ``full`` turns true at the bound and false again at half of it, when ``on_room`` is called: TCP readers pause
    between the two, UDP drops. While the store is unavailable a batch is tried again, for as long as it takes.
    A batch that the store refuses for what it holds is halved until the one refused record is found, so that no
    sender can spoil another's records.
    """

    def __init__(
        self,
        writer: RecordWriter,
        *,
        on_room: Callable[[], None],
        on_refused: Callable[[CallRecord, Exception], None],
        most_octets: int = MOST_OCTETS,
        gather_s: float = GATHER_S,
    ) -> None:
        self._writer = writer
        self._on_room = on_room
        self._on_refused = on_refused
        self._most = most_octets
        self._gather_s = gather_s
        self._waiting: deque[CallRecord] = deque()
        self._rejects: deque[Reject] = deque()
        self._octets = 0
        self._under_way = 0
        self._arrived = asyncio.Event()
        self._plenty = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._lanes: list[asyncio.Task[None]] = []
        self.full = False

    @property
    def records(self) -> int:
        """Records, and octets kept as they came, that are not durable yet."""
        return len(self._waiting) + len(self._rejects) + self._under_way

    def start(self) -> None:
        """Begin to write."""
        self._lanes = [asyncio.create_task(self._lane(), name=f"backlog-{lane}") for lane in range(LANES)]

    def add(self, record: CallRecord) -> None:
        """Take one record; the caller looks at ``full`` before it reads more."""
        self._waiting.append(record)
        self._more(len(record.raw))

    def add_reject(self, reject: Reject) -> None:
        """Take octets that are kept as they came."""
        self._rejects.append(reject)
        self._more(len(reject.raw))

    def _more(self, octets: int) -> None:
        self._octets += octets + RECORD_OVERHEAD
        if not self._arrived.is_set():
            self._emptied.clear()
            self._arrived.set()
        if self._octets >= self._most or len(self._waiting) >= BATCH:
            self.full = self.full or self._octets >= self._most
            self._plenty.set()

    async def close(self, *, within_s: float) -> int:
        """Wait until all is durable, at most ``within_s``; return how many records were given up."""
        self._gather_s = 0.0
        self._plenty.set()
        try:
            async with asyncio.timeout(within_s):
                await self._emptied.wait()
        except TimeoutError:
            log.error("backlog given up", records=self.records, waited_s=within_s)  # noqa: TRY400 - no bug to trace
        lost = self.records
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        return lost

    async def _lane(self) -> None:
        while True:
            await self._arrived.wait()
            if self._gather_s:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._gather_s):
                        await self._plenty.wait()
            self._plenty.clear()
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            rejects = [self._rejects.popleft() for _ in range(min(BATCH, len(self._rejects)))]
            if not self._waiting and not self._rejects:
                self._arrived.clear()
            if not batch and not rejects:
                continue
            self._under_way += len(batch) + len(rejects)
            await self._write(batch, rejects)
            self._under_way -= len(batch) + len(rejects)
            self._octets -= sum(len(one.raw) for one in batch) + sum(len(one.raw) for one in rejects)
            self._octets -= RECORD_OVERHEAD * (len(batch) + len(rejects))
            if self.full and self._octets <= self._most // 2:
                self.full = False
                self._on_room()
            if not self.records:
                self._emptied.set()

    async def _write(self, batch: list[CallRecord], rejects: Sequence[Reject] = ()) -> None:
        pause = 0.1
        while True:
            try:
                await self._writer.put(batch, rejects=rejects)
            except Unavailable as error:
                log.warning("store unavailable, records wait", records=len(batch), pause_s=pause, error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            except Exception as error:  # noqa: BLE001 - whatever broke, a lane that dies would lose all that follows
                await self._halve(batch, error)
                return
            else:
                return

    async def _halve(self, batch: list[CallRecord], error: Exception) -> None:
        if not batch:
            log.error("store refused octets that were to be kept as they came", exc_info=error)
            return
        if len(batch) == 1:
            self._on_refused(batch[0], error)
            return
        middle = len(batch) // 2
        await self._write(batch[:middle])
        await self._write(batch[middle:])
