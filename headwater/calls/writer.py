"""Group commit: many senders' records go to disk together, and each sender hears of its own.

Senders ``put`` on the event loop; one thread writes, because the store takes one insert at a time and one large
insert costs far less than many small ones. What waits is bounded: beyond that a sender is told to come again.
"""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import structlog

from headwater.calls.records import Body, CallRecord, Reject
from headwater.calls.store import CallStore, Inserted
from headwater.errors import HeadwaterError, Unavailable

#: Seconds that the first of a group waits for company.
LINGER_S: Final = 0.05
#: Octets of records after which a group is written at once.
GROUP_OCTETS: Final = 32_000_000
#: Octets that may wait before senders are turned away.
WAITING_OCTETS: Final = 128_000_000
# What a record costs beyond its octets, roughly.
_RECORD_OCTETS: Final = 400

log = structlog.get_logger(__name__)


class WriterBusy(Unavailable):
    """More waits to be written than the writer holds; nothing of this was taken, send it again shortly."""


class WriterClosed(Unavailable):
    """The writer is closing; nothing of this was taken, send it again shortly."""


@dataclass(slots=True)
class _Item:
    records: Sequence[CallRecord]
    rejects: Sequence[Reject]
    octets: int
    arrived: float
    done: "asyncio.Future[Inserted]"
    table: Any = None
    bodies: Sequence[Body] = ()


@dataclass(slots=True)
class _Waiting:
    items: deque[_Item] = field(default_factory=deque)
    octets: int = 0


class Writer:
    """Takes records from coroutines of one event loop and stores them in groups.

    A record's ``put`` returns when it is durable. A sender that goes away while it waits changes nothing: what was
    taken is written.
    """

    def __init__(
        self,
        store: CallStore,
        *,
        linger_s: float = LINGER_S,
        group_octets: int = GROUP_OCTETS,
        waiting_octets: int = WAITING_OCTETS,
    ) -> None:
        self._store = store
        self._linger_s = linger_s
        self._group_octets = group_octets
        self._waiting_octets = waiting_octets
        self._waiting = _Waiting()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="calls-writer")
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting_octets(self) -> int:
        """How many octets wait to be written, for the metrics."""
        return self._waiting.octets

    async def put(
        self,
        records: Sequence[CallRecord],
        *,
        rejects: Sequence[Reject] = (),
        table: Any = None,
        bodies: Sequence[Body] = (),
    ) -> Inserted:
        """Store ``records`` and return, when they are on disk, what became of each.

        ``table`` stands in place of records: a ``pyarrow.Table`` of the store's columns. ``rejects`` and ``bodies``
        are kept beside them, and are as durable.

        Raises:
            WriterBusy: too much waits already.
            WriterClosed: ``close`` was called.
            StoreUnavailable: the store cannot now; nothing is acknowledged and the same may be sent again.
            RefusedByStore: a record of this call breaks a bound of the table.
        """
        if self._closing:
            raise WriterClosed("the call store is closing: nothing was stored; send again in a few seconds")
        octets = _octets(records, rejects, table, bodies)
        if self._waiting.octets and self._waiting.octets + octets > self._waiting_octets:
            raise WriterBusy("more waits to be written than this process holds: nothing was stored; send again shortly")
        loop = asyncio.get_running_loop()
        if self._task is None:
            self._task = loop.create_task(self._run(), name="calls-writer")
        item = _Item(records, rejects, octets, loop.time(), loop.create_future(), table, bodies)
        self._waiting.items.append(item)
        self._waiting.octets += octets
        self._arrived.set()
        if self._waiting.octets >= self._group_octets:
            self._full.set()
        # A sender that hangs up cancels its own waiting and no more: what was taken is written with its neighbours.
        return await item.done

    async def close(self) -> None:
        """Write what waits, then stop; later calls of ``put`` are refused. Safe to call twice."""
        self._closing = True
        self._arrived.set()
        self._full.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            if not self._waiting.items:
                return  # only ``close`` rings the bell of an empty queue
            if not self._closing:
                await self._linger(self._waiting.items[0].arrived + self._linger_s)
            group = self._take()
            answers: list[Inserted | Exception]
            try:
                answers = await loop.run_in_executor(self._thread, self._commit, group)
            except Exception as error:
                log.exception("the writer's thread failed")
                answers = [error] * len(group)
            for item, answer in zip(group, answers, strict=True):
                self._waiting.octets -= item.octets
                _answer(item.done, answer)

    async def _linger(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._full.wait()
        except TimeoutError:
            return

    def _take(self) -> list[_Item]:
        group: list[_Item] = []
        octets = 0
        items = self._waiting.items
        while items and (not group or octets + items[0].octets <= self._group_octets):
            octets += items[0].octets
            group.append(items.popleft())
        if not items and not self._closing:
            self._arrived.clear()
        if not self._closing and sum(item.octets for item in items) < self._group_octets:
            self._full.clear()
        return group

    def _commit(self, group: list[_Item]) -> list[Inserted | Exception]:
        """Write one group; where it fails as a whole, write its items one by one. Runs in the writer's thread."""
        try:
            return list(self._write(group))
        except HeadwaterError as error:
            if len(group) == 1:
                return [error]
            log.warning(
                "a group of records failed; its senders are tried one by one", senders=len(group), error=str(error)
            )
        except Exception as error:  # the thread must answer every sender, whatever broke
            log.exception("a group of records failed unexpectedly", senders=len(group))
            if len(group) == 1:
                return [error]
        return [self._commit([item])[0] for item in group]

    def _write(self, group: list[_Item]) -> list[Inserted]:
        # Rejects first: should they fail, no record has been written that its sender then hears of as a duplicate.
        self._store.insert_rejects([reject for item in group for reject in item.rejects])
        single = [item for item in group if item.table is None]
        tables = [item for item in group if item.table is not None]
        shares: dict[int, Inserted] = {}
        if single:
            result = self._store.insert([record for item in single for record in item.records])
            shares.update(zip(map(id, single), _shares(result, [len(item.records) for item in single]), strict=True))
        for alike in _alike(tables):
            table = pa.concat_tables([item.table for item in alike], promote_options="none")
            whole = [body for item in alike for body in item.bodies]
            result = self._store.insert_table(table.combine_chunks(), whole=whole)  # of small posts, many are joined
            shares.update(zip(map(id, alike), _shares(result, [item.table.num_rows for item in alike]), strict=True))
        return [shares[id(item)] for item in group]


def _octets(records: Sequence[CallRecord], rejects: Sequence[Reject], table: Any, bodies: Sequence[Body]) -> int:
    """Return about how many octets an item takes in memory until it is written."""
    octets = sum(len(one.raw) for one in records) + sum(len(one.raw) for one in rejects)
    octets += sum(one.length + len(one.packed) for one in bodies)
    rows = len(records)
    if table is not None:
        # To ask a table for its octets takes longer than all else that is done here: its body says as much.
        rows += table.num_rows
        octets += 0 if bodies else int(table.nbytes)
    return octets + _RECORD_OCTETS * rows


def _alike(items: Sequence[_Item]) -> list[list[_Item]]:
    """Return items in groups whose tables have the same columns."""
    found: dict[tuple[str, ...], list[_Item]] = {}
    for item in items:
        found.setdefault(tuple(item.table.column_names), []).append(item)
    return list(found.values())


def _answer(done: "asyncio.Future[Inserted]", answer: Inserted | Exception) -> None:
    if done.cancelled():
        return
    if isinstance(answer, Exception):
        done.set_exception(answer)
        done.exception()  # marks it as seen: its sender may have gone
    else:
        done.set_result(answer)


def _shares(result: Inserted, sizes: Sequence[int]) -> list[Inserted]:
    """Return each item's share of what became of their group."""
    if not result.duplicates and not result.conflicts:
        return [Inserted(stored=size) for size in sizes]
    shares = []
    start = 0
    for size in sizes:
        duplicates = _share(result.duplicates, start, start + size)
        conflicts = _share(result.conflicts, start, start + size)
        stored = size - len(duplicates) - len(conflicts)
        shares.append(Inserted(stored=stored, duplicates=duplicates, conflicts=conflicts))
        start += size
    return shares


def _share(places: Sequence[int], start: int, end: int) -> tuple[int, ...]:
    return tuple(place - start for place in places[bisect_left(places, start) : bisect_left(places, end)])
