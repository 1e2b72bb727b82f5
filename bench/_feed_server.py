"""The feed door as the ``calls`` process runs it, in a process of its own: real uvicorn, real store, one credential."""

import hmac
import os
import socket
import sys
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry

from headwater.api.feeds import FeedDoor, FeedMetrics
from headwater.calls.records import SourceKind
from headwater.calls.store import CallStore
from headwater.calls.writer import Writer
from headwater.errors import Unauthenticated
from headwater.intake.collector import calm_collector
from headwater.intake.sources import Source
from headwater.site.bounded_http import BoundedHttp

TOKEN = "bench"  # noqa: S105 - opens a store that lives for seconds


async def _source(token: str) -> Source:
    if not hmac.compare_digest(token, TOKEN):
        raise Unauthenticated("wrong token")
    return Source(source_id="ORG-BENCH", source_kind=SourceKind.APP)


class _App:
    """Serves the feed route; the store is opened and closed with the server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._door: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            store = CallStore.open(self._url)
            store.migrate()
            writer = Writer(store)
            self._door = FeedDoor(authenticate=_source, writer=writer, metrics=FeedMetrics(CollectorRegistry()))
            calm_collector()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await writer.close()
            store.close()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await self._door(scope, receive, send)


def main(url: str) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    os.environ["TZ"] = "UTC"
    print(sock.getsockname()[1], flush=True)
    config = uvicorn.Config(_App(url), http=BoundedHttp, ws="none", access_log=False, log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[sock])


if __name__ == "__main__":
    main(sys.argv[1])
