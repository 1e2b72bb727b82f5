"""The feed door on a real server, opened on an agency's behalf; the scene and store of tests/evidence beside it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from headwater.accounts.actors import Actor
from headwater.api.feeds import FeedDoor, FeedMetrics
from headwater.api.mapped import Formats
from headwater.calls.store import CallStore
from headwater.calls.writer import Writer
from headwater.errors import Unauthenticated
from headwater.intake.events import deliver
from headwater.intake.sources import Source
from headwater.numbering.numbers import CalledNumbers
from headwater.site.bounded_http import BoundedHttp
from tests.evidence.conftest import home, scene

__all__ = ["home", "scene"]
SECRET = "the worker's own"


async def _nobody(token: str) -> Source:
    raise Unauthenticated("no credential opens this door here")


async def _kept(organisation: str) -> CalledNumbers:
    return CalledNumbers.KEPT


class Server:
    """The feed door of the calls process, on the test's store."""

    def __init__(self, store: CallStore, home: Path) -> None:
        self._store, self._home = store, home
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._door(scope, receive, send)
            return
        await receive()
        self._writer = Writer(self._store)
        self._door = FeedDoor(
            authenticate=_nobody,
            writer=self._writer,
            metrics=FeedMetrics(CollectorRegistry()),
            formats=Formats(self._home),
            page_secret=SECRET,
            called_numbers_of=_kept,
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._writer.close()
        await send({"type": "lifespan.shutdown.complete"})


@pytest.fixture
def server(home: Path, call_store: tuple[str, CallStore]) -> Iterator[Server]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(16)
        served = Server(call_store[1], home)
        config = uvicorn.Config(served, http=BoundedHttp, ws="none", log_level="critical", lifespan="on")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]})
        thread.start()
        served.port = sock.getsockname()[1]
        while not running.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield served
        finally:
            running.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def door(server: Server, agency: Actor) -> Iterator[deliver.FeedDoor]:
    """The door as the worker opens it for the agency's reports."""
    headers = {"Headwater-Organisation": agency.organisation_id}
    with closing(deliver.FeedDoor(f"http://127.0.0.1:{server.port}", SECRET, headers=headers)) as opened:
        yield opened
