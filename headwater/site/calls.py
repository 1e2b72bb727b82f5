"""The ``calls`` process: the call store, its two live doors, and the query facade. Run by uvicorn, one worker.

It may insert calls, and reads of PostgreSQL only who its senders are. Nothing is composed before the server asks
for it (ASGI lifespan), so that importing this module opens nothing.
"""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from headwater.site.setup import django

django()

# Django must be ready before a module with models is imported.
from headwater import clock  # noqa: E402 - see above
from headwater.api import bodies, feeds, files, mapped  # noqa: E402 - see above
from headwater.calls.facade import Facade, Readers  # noqa: E402 - see above
from headwater.calls.queries import CallQueries  # noqa: E402 - see above
from headwater.calls.store import CallStore  # noqa: E402 - see above
from headwater.calls.sweep import Sweeper  # noqa: E402 - see above
from headwater.calls.writer import Writer  # noqa: E402 - see above
from headwater.errors import HeadwaterError, Invalid  # noqa: E402 - see above
from headwater.intake.collector import calm_collector  # noqa: E402 - see above
from headwater.intake.counters import Counters, Outcome, Transport  # noqa: E402 - see above
from headwater.intake.listeners import HepListeners  # noqa: E402 - see above
from headwater.intake.tls import TlsFiles, server_context  # noqa: E402 - see above
from headwater.site import retention  # noqa: E402 - see above
from headwater.site.config import Config, load  # noqa: E402 - see above
from headwater.site.credentials import Credentials  # noqa: E402 - see above

DATABASE: Final = "headwater"
READERS_FILE: Final = "calls-readers.json"
#: Seconds that the store may take to answer ``/healthz``.
HEALTH_S: Final = 5.0

log = structlog.get_logger(__name__)


class Composition:
    """Everything that the process holds open, in the order in which it is opened."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.registry = CollectorRegistry()
        self._closing = AsyncExitStack()

    async def open(self) -> None:
        """Open the store and the doors.

        Raises:
            HeadwaterError: one of them cannot be opened; what was open is closed again.
        """
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        config = self.config
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.store = await asyncio.to_thread(CallStore.open, config.calls_url, database=DATABASE)
        self._closing.callback(self.store.close)
        await asyncio.to_thread(self.store.migrate)
        self.queries = CallQueries(self.store.engine, DATABASE)
        self.readers = Readers(_readers(config))
        self.facade = None
        if self.store.engine.folder:
            self.facade = Facade(self.store.engine, database=DATABASE, readers=self.readers)
            self._closing.callback(self.facade.close)
        self.keeper = retention.Keeper(Sweeper(self.store.engine, DATABASE), config.home)
        self.keeper.start()
        self._closing.push_async_callback(self.keeper.close)
        self.writer = Writer(self.store)
        self._closing.push_async_callback(self.writer.close)
        waiting = Gauge("headwater_calls_waiting_octets", "Octets that wait to be stored.", registry=self.registry)
        waiting.set_function(lambda: self.writer.waiting_octets)
        credentials = Credentials()
        await credentials.start()
        self._closing.push_async_callback(credentials.close)
        self.feed = feeds.FeedDoor(
            authenticate=credentials.feed_source,
            writer=self.writer,
            metrics=feeds.FeedMetrics(self.registry),
            formats=mapped.Formats(config.home),
            page_secret=self.readers.secret("work"),
            called_numbers_of=credentials.called_numbers_of,
        )
        self.files = files.FileDoor(
            authenticate=credentials.file_source,
            called_numbers_of=credentials.called_numbers_of,
            page_secret=self.readers.secret("work"),
            writer=self.writer,
            metrics=files.FileMetrics(self.registry),
        )
        counters = Counters("hep")
        self.registry.register(counters)
        self.hep = HepListeners(self.writer, credentials.hep_source, config.bind, config.hep_port, counters)
        await self.hep.start()
        self._closing.push_async_callback(self.hep.close)
        if config.hep_tls_port:
            secured = HepListeners(
                self.writer,
                credentials.hep_source,
                config.bind,
                config.hep_tls_port,
                counters,
                transports=frozenset({Transport.TLS}),
                tls=server_context(_tls(config)),
            )
            await secured.start()
            self._closing.push_async_callback(secured.close)

    async def close(self) -> None:
        """Close in reverse: doors first, then what they took is written, then the store."""
        await self._closing.aclose()


class Application:
    """Routes requests by their path, and follows the server's start and stop."""

    def __init__(self) -> None:
        self._open: Composition | None = None

    async def __call__(self, scope: bodies.Scope, receive: bodies.Receive, send: bodies.Send) -> None:
        """Serve one request, or the process's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._route(scope, receive, send)

    async def _live(self, receive: bodies.Receive, send: bodies.Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                composition = Composition(load())
                try:
                    await composition.open()
                except (HeadwaterError, OSError, ValueError) as error:
                    log.error("calls cannot start", error=str(error))  # noqa: TRY400 - said in plain words
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                self._open = composition
                calm_collector()
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._open is not None:
                    await self._open.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _route(self, scope: bodies.Scope, receive: bodies.Receive, send: bodies.Send) -> None:
        here = self._open
        path = scope["path"]
        if here is None:
            await feeds.respond(send, *feeds.problem(503, "The process is starting; try again shortly."))
        elif path == feeds.PATH or mapped.is_ours(path):
            await here.feed(scope, receive, send)
        elif path.startswith(files.PREFIX):
            await here.files(scope, receive, send)
        elif path == "/healthz":
            await _health(here, send)
        elif path == "/metrics":
            await _metrics(here, scope, send)
        elif path == retention.PATH:
            await retention.answer(scope, send, readers=here.readers, keeper=here.keeper, now=clock.now)
        elif path in {"/", "/ping"} and here.facade is not None:
            await here.facade(scope, receive, send)
        else:
            await feeds.respond(send, *feeds.problem(404, "There is nothing at this address."))


async def _health(here: Composition, send: bodies.Send) -> None:
    """Say whether records can be stored and read: the store answers and the writer takes."""
    try:
        async with asyncio.timeout(HEALTH_S):
            await asyncio.to_thread(here.queries.total)
    except (HeadwaterError, TimeoutError) as error:
        await feeds.respond(send, *feeds.problem(503, f"The call store does not answer: {error}"))
        return
    # How much was lost is everybody's business who asks for health; how much came, and from whom, is not.
    dropped = {reason: here.hep.counters.total(Outcome.DROPPED, reason=reason) for reason in ("kernel", "backlog")}
    await feeds.respond(send, 200, {"status": "ok", "hep_port": here.hep.port, "hep_dropped": dropped})


async def _metrics(here: Composition, scope: bodies.Scope, send: bodies.Send) -> None:
    """Show the counters to a reader: how much each partner sends is nobody else's business."""
    if not here.readers.knows(bodies.headers_of(scope)):
        challenge = ((b"www-authenticate", b'Basic realm="calls"'),)
        await feeds.respond(send, *feeds.problem(401, "Show a reader's name and secret (HTTP Basic).", challenge))
        return
    octets = generate_latest(here.registry)
    headers = [
        (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
        (b"content-length", str(len(octets)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": octets})


def _tls(config: Config) -> TlsFiles:
    certificate, key, client_ca = config.hep_tls
    if not (certificate and key):
        raise Invalid("HEADWATER_HEP_TLS_PORT needs HEADWATER_HEP_TLS_CERT and HEADWATER_HEP_TLS_KEY: PEM files")
    return TlsFiles(certificate=Path(certificate), key=Path(key), client_ca=Path(client_ca) if client_ca else None)


def _readers(config: Config) -> dict[str, str]:
    path = config.secrets / READERS_FILE
    if not path.exists():
        log.warning("nobody may read calls through this process", missing=str(path))
        return {}
    held: Any = json.loads(path.read_text())
    return {str(name): str(secret) for name, secret in held.items()}


app = Application()
