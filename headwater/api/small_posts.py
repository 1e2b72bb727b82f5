"""Reads the posts of one sender together, in a thread: by columns, which pays the more lines there are.

A post waits a few milliseconds for company, far less than the store's own group waits. The posts are joined, read as
one body and cut apart again, so each has the rows that it would have had alone. Where anything in the joined body is
odd, each post is read by itself: one post's fault is never another's. Senders never share a body.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple

from headwater import clock
from headwater.calls import bodies
from headwater.calls.records import Body
from headwater.intake import feed_columns
from headwater.intake.sources import Source

#: Seconds that the first post waits for others.
GATHER_S: Final = 0.004
#: Lines, and octets, that are read at once.
TOGETHER_LINES: Final = 10_000
TOGETHER_OCTETS: Final = 5_000_000


class Read(NamedTuple):
    """What one post came to."""

    table: Any
    """A ``pyarrow.Table`` of the store's columns."""
    body: Body
    """The post's lines, which are the octets of its records."""


@dataclass(slots=True)
class _Group:
    timer: asyncio.TimerHandle
    bodies: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    waiting: list["asyncio.Future[Read | None]"] = field(default_factory=list)
    octets: int = 0


class SmallPosts:
    """The posts of one event loop that wait to be read."""

    def __init__(self, *, fewest: int, gather_s: float = GATHER_S) -> None:
        self._fewest = fewest
        self._gather_s = gather_s
        self._groups: dict[Source, _Group] = {}
        # Most of the reading is done without the interpreter's lock, beside the loop and the store.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed-reader")
        self._reading: set[asyncio.Task[None]] = set()

    async def read(self, body: bytes, source: Source) -> Read | None:
        """Return a body's rows as ``feed_columns.read_body`` does; ``None`` where the careful reader must read it.

        ``None`` also where fewer than ``fewest`` lines came together: then the careful reader is the cheaper one.
        """
        if b"\r" in body:  # a line end of two octets could lie across the cut of two bodies
            body = body.replace(b"\r\n", b"\n")
        body = body.removesuffix(b"\n")
        if not body.strip():
            return None
        loop = asyncio.get_running_loop()
        group = self._groups.get(source)
        if group is None:
            group = self._groups[source] = _Group(loop.call_later(self._gather_s, self._begin, source))
        done: asyncio.Future[Read | None] = loop.create_future()
        group.bodies.append(body)
        group.lines.append(body.count(b"\n") + 1)
        group.waiting.append(done)
        group.octets += len(body)
        if sum(group.lines) >= TOGETHER_LINES or group.octets >= TOGETHER_OCTETS:
            group.timer.cancel()
            self._begin(source)
        return await done

    def _begin(self, source: Source) -> None:
        task = asyncio.get_running_loop().create_task(self._read(source, self._groups.pop(source)))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, source: Source, group: _Group) -> None:
        found: list[Read | None] = [None] * len(group.bodies)
        error = None
        if sum(group.lines) >= self._fewest:
            try:
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._thread, self._found, group, source)
            except Exception as failed:  # noqa: BLE001 - every sender that waits must hear of it
                error = failed
        for one, done in zip(found, group.waiting, strict=True):
            if done.done():
                pass  # its sender has gone
            elif error is not None:
                done.set_exception(error)
            else:
                done.set_result(one)

    def _found(self, group: _Group, source: Source) -> list[Read | None]:
        """Return what each body came to, ``None`` for one that is odd. Runs in the reader's thread."""
        at = clock.now()
        table = feed_columns.read_body(b"\n".join(group.bodies), source, at)
        if table is not None:
            starts = accumulate(group.lines, initial=0)
            tables = [table.slice(start, lines) for start, lines in zip(starts, group.lines, strict=False)]
        elif len(group.bodies) == 1:
            return [None]
        else:
            tables = [
                feed_columns.read_body(body, source, at) if lines >= self._fewest else None
                for body, lines in zip(group.bodies, group.lines, strict=True)
            ]
        return [
            None if table is None else Read(table, _packed(body, source, at))
            for table, body in zip(tables, group.bodies, strict=True)
        ]


def _packed(body: bytes, source: Source, at: datetime) -> Body:
    return bodies.pack(body, source_id=source.source_id, received_at=at, media_type=bodies.LINES)
