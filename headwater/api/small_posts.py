"""Reads the small posts of one sender together: by columns, which pays only from some hundred lines on.

A post waits a few milliseconds for company, far less than the store's own group waits. The posts are joined, read as
one body and cut apart again, so each has the rows that it would have had alone. Where anything in the joined body is
odd, each post goes to the careful reader by itself: one post's fault is never another's. Senders never share a body.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from headwater import clock
from headwater.intake import feed_columns
from headwater.intake.sources import Source

#: Seconds that the first post waits for others.
GATHER_S: Final = 0.004
#: Lines, and octets, that are read at once: what keeps the loop from its other work for a few milliseconds.
TOGETHER_LINES: Final = 2_000
TOGETHER_OCTETS: Final = 1_000_000


@dataclass(slots=True)
class _Group:
    timer: asyncio.TimerHandle
    bodies: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    waiting: list["asyncio.Future[Any]"] = field(default_factory=list)
    octets: int = 0


class SmallPosts:
    """The posts of one event loop that wait to be read."""

    def __init__(self, *, fewest: int, gather_s: float = GATHER_S) -> None:
        self._fewest = fewest
        self._gather_s = gather_s
        self._groups: dict[Source, _Group] = {}

    async def read(self, body: bytes, source: Source) -> Any:
        """Return a body's rows as ``feed_columns.read_body`` does; ``None`` where the careful reader must read it.

        ``None`` also where fewer than ``fewest`` lines came together: then the careful reader is the cheaper one.
        """
        # A line end of two octets may lie across the cut of two bodies.
        if not body.strip() or b"\r" in body:
            return None
        body = body.removesuffix(b"\n")
        loop = asyncio.get_running_loop()
        group = self._groups.get(source)
        if group is None:
            group = self._groups[source] = _Group(loop.call_later(self._gather_s, self._read, source))
        done: asyncio.Future[Any] = loop.create_future()
        group.bodies.append(body)
        group.lines.append(body.count(b"\n") + 1)
        group.waiting.append(done)
        group.octets += len(body)
        if sum(group.lines) >= TOGETHER_LINES or group.octets >= TOGETHER_OCTETS:
            group.timer.cancel()
            self._read(source)
        return await done

    def _read(self, source: Source) -> None:
        group = self._groups.pop(source)
        table, error = None, None
        if sum(group.lines) >= self._fewest:
            try:
                table = feed_columns.read_body(b"\n".join(group.bodies), source, clock.now())
            except Exception as failed:  # noqa: BLE001 - every sender that waits must hear of it
                error = failed
        start = 0
        for lines, done in zip(group.lines, group.waiting, strict=True):
            if done.done():
                pass  # its sender has gone
            elif error is not None:
                done.set_exception(error)
            else:
                done.set_result(None if table is None else table.slice(start, lines))
            start += lines
