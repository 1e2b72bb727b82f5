"""Waking polls that wait: one PostgreSQL connection a process listens, and tells the waiters whom it is about.

A waiter holds no database connection. While the listener is away, waiters look again every second.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from psycopg import sql

from headwater.tracebacks.searching import EVERYBODY

log = structlog.get_logger(__name__)

#: Between two looks by oneself, seconds: while the listener hears, and while it does not.
LOOK_AGAIN_S = 15.0
LOOK_AGAIN_DEAF_S = 1.0
_RECONNECT_S = 1.0


class Wakeups:
    """Who waits for what in this process. Made for one event loop at a time."""

    def __init__(self, channel: str, parameters: dict[str, Any]) -> None:
        """Listen on ``channel`` of the database that ``parameters`` (of psycopg) lead to."""
        self._channel = channel
        self._parameters = parameters
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None
        self.hearing = False

    @contextmanager
    def waiter(self, key: str) -> Iterator[asyncio.Event]:
        """Register one waiter. Register first, then look: nothing that comes in between is lost."""
        self._listen()
        event = asyncio.Event()
        self._waiting.setdefault(key, set()).add(event)
        try:
            yield event
        finally:
            waiters = self._waiting[key]
            waiters.discard(event)
            if not waiters:
                del self._waiting[key]

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Wait until woken, until it is time to look by oneself, or for ``timeout_s``."""
        most = LOOK_AGAIN_S if self.hearing else LOOK_AGAIN_DEAF_S
        try:
            async with asyncio.timeout(min(timeout_s, most)):
                await event.wait()
        except TimeoutError:
            return
        event.clear()

    def count(self) -> int:
        """Return how many wait."""
        return sum(len(waiters) for waiters in self._waiting.values())

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self.hearing = False
            self._task = loop.create_task(self._run(), name=f"listen {self._channel}")

    async def _run(self) -> None:
        while True:
            try:
                await self._hear()
            except (psycopg.Error, OSError) as error:
                log.warning("listener away", channel=self._channel, error=str(error).strip())
            finally:
                self.hearing = False
            await asyncio.sleep(_RECONNECT_S)

    async def _hear(self) -> None:
        parameters = self._parameters | {"autocommit": True, "application_name": "headwater listener"}
        async with await psycopg.AsyncConnection.connect(**parameters) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            self.hearing = True
            # What was sent while nobody listened is found by looking.
            for key in list(self._waiting):
                self._wake(key)
            async for notification in connection.notifies():
                self._wake(notification.payload)

    def _wake(self, key: str) -> None:
        for waiters in self._waiting.values() if key == EVERYBODY else (self._waiting.get(key, ()),):
            for event in waiters:
                event.set()
