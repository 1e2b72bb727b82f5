"""The file door: ``POST /api/feeds/v1/files/parts``, whole rows of a carrier's file in, 202 when they are on disk.

``POST /api/feeds/v1/files/preview`` shows how the first rows would be understood, and stores nothing.

Raw ASGI beside the feed door, with the same credentials. Reading a part takes a tenth of a second of processor, so it
is done in a thread, two at a time, and the event loop serves the others. The public contract is
docs/reference/file-door.md; ``headwater intake file`` and the carriers' pages are its usual senders.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Total

from headwater import clock
from headwater.api import bodies
from headwater.api.feeds import Answer, Authenticate, RecordWriter, bearer, problem, problem_of, respond
from headwater.errors import HeadwaterError, Unauthenticated, Unavailable
from headwater.intake import discretion
from headwater.intake.cdr import exchange
from headwater.intake.sources import Source
from headwater.numbering.numbers import CalledNumbers

PREFIX: Final = "/api/feeds/v1/files"
PARTS: Final = f"{PREFIX}/parts"
PREVIEW: Final = f"{PREFIX}/preview"
#: Parts that are read at once; and that wait.
AT_ONCE: Final = 2
WAITING: Final = 32
BODY_S: Final = 60.0
STORE_S: Final = 45.0
#: Header by which a page of ours says whose file it sends.
ON_BEHALF: Final = b"headwater-organisation"


log = structlog.get_logger(__name__)


class FileMetrics:
    """What the door counts, for Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Total(
            "headwater_file_rows", "Rows of files by source and outcome.", ["source", "outcome"], registry=registry
        )
        self.octets = Total("headwater_file_octets", "Octets of rows of files.", registry=registry)


class FileDoor:
    """The ASGI application of the file routes."""

    def __init__(
        self,
        *,
        authenticate: Authenticate,
        called_numbers_of: Callable[[str], Awaitable[CalledNumbers]],
        page_secret: str,
        writer: RecordWriter,
        metrics: FileMetrics,
    ) -> None:
        """Take parts from holders of a feed credential, and from our own pages and jobs, which show ``page_secret``."""
        self._authenticate = authenticate
        self._called_numbers_of = called_numbers_of
        self._page_secret = page_secret.encode()
        self._writer = writer
        self._metrics = metrics
        self._reading = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def __call__(self, scope: bodies.Scope, receive: bodies.Receive, send: bodies.Send) -> None:
        """Answer one request."""
        with suppress(bodies.Disconnected):
            await respond(send, *await self._answer(scope, receive))

    async def _answer(self, scope: bodies.Scope, receive: bodies.Receive) -> Answer:
        if scope["path"] not in {PARTS, PREVIEW}:
            return problem(404, "There is nothing at this address.")
        if scope["method"] != "POST":
            return problem(405, "Send parts of files with POST.", ((b"allow", b"POST"),))
        try:
            source = await self._sender(bodies.headers_of(scope))
            if scope["path"] == PREVIEW:
                return 200, await self._preview(scope, receive), ()
            return 202, await self._take(scope, receive, source), ()
        except HeadwaterError as error:
            return problem_of(error)
        except bodies.Disconnected:
            raise
        except Exception:
            log.exception("part of a file failed")
            return problem(500, "Something failed on our side; nothing was acknowledged.")

    async def _sender(self, headers: dict[bytes, bytes]) -> Source:
        token = bearer(headers)
        if self._page_secret and hmac.compare_digest(token.encode(), self._page_secret):
            organisation = headers.get(ON_BEHALF, b"").decode("latin-1")
            if not organisation:
                raise Unauthenticated("say whose file it is: Headwater-Organisation")
            rule = await self._called_numbers_of(organisation[:64])
            return Source(source_id=organisation[:64], called_numbers=rule, credential="carrier pages")
        return await self._authenticate(token)

    async def _take(self, scope: bodies.Scope, receive: bodies.Receive, source: Source) -> exchange.Answer:
        part = exchange.decoded(bodies.headers_of(scope).get(exchange.HEADER, b""))
        self._come_in()
        try:
            octets = await _whole(scope, receive)
            async with self._reading:
                found = await asyncio.to_thread(exchange.read, part, octets, source, clock.now())
            async with asyncio.timeout(STORE_S):
                inserted = await self._writer.put(
                    discretion.records(found.records, source.called_numbers),
                    rejects=discretion.rejects(found.kept, source.called_numbers),
                )
        except TimeoutError:
            raise Unavailable("the call store did not answer in time; send the same part again") from None
        finally:
            self._waiting -= 1
        said = exchange.answer(found, inserted)
        if source.called_numbers is not CalledNumbers.KEPT:
            # The pages keep a list of refused rows for their sender: without what stands in them.
            said = msgspec.structs.replace(said, rows=[msgspec.structs.replace(row, raw="") for row in said.rows])
        self._count(said, source.source_id, len(octets))
        return said

    async def _preview(self, scope: bodies.Scope, receive: bodies.Receive) -> exchange.Understood:
        """Return the first rows as understood; stores nothing."""
        header = bodies.headers_of(scope).get(exchange.HEADER, b"")
        part = exchange.decoded(header) if header else exchange.Part()
        self._come_in()
        try:
            octets = await _whole(scope, receive)
            async with self._reading:
                return await asyncio.to_thread(exchange.understood, part, octets, clock.now())
        finally:
            self._waiting -= 1

    def _come_in(self) -> None:
        if self._waiting >= WAITING:
            raise Unavailable("more files are being sent at once than this process reads; send the same again shortly")
        self._waiting += 1

    def _count(self, said: exchange.Answer, source_id: str, octets: int) -> None:
        self._metrics.octets.inc(octets)
        outcomes = {
            "stored": said.stored,
            "duplicate": said.duplicates,
            "passed": said.passed,
            "refused": said.refused,
        }
        for outcome, number in outcomes.items():
            if number:
                self._metrics.rows.labels(source_id, outcome).inc(number)


async def _whole(scope: bodies.Scope, receive: bodies.Receive) -> bytes:
    octets = bytearray()
    async for piece in bodies.octets(scope, receive, limit=exchange.PART_OCTETS, within_s=BODY_S):
        octets += piece
    return bytes(octets)
