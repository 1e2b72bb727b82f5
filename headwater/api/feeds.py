"""The feed door: ``POST /api/feeds/v1/events``, NDJSON or CloudEvents in, 202 when every accepted event is on disk.

Raw ASGI, because each row that passes a framework costs more than all else does. The order is: who sends (nothing
is read from a stranger), read under bounds, read the lines, store, answer. Whatever the answer is but 202, sending
the same body again is right and changes nothing twice. The public contract is docs/reference/feed-events.md.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client import Counter as Total

from headwater import clock
from headwater.api import bodies, mapped, tables
from headwater.api.small_posts import SmallPosts
from headwater.calls.records import Body, CallRecord, Reject, SourceKind
from headwater.calls.store import Inserted
from headwater.errors import (
    Conflict,
    Forbidden,
    HeadwaterError,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from headwater.intake import feed
from headwater.intake.sources import Source
from headwater.numbering.numbers import CalledNumbers

PATH: Final = "/api/feeds/v1/events"

#: Media types of the CloudEvents HTTP binding: one event, and a JSON array of events.
STRUCTURED: Final = b"application/cloudevents+json"
BATCHED: Final = b"application/cloudevents-batch+json"
_CLOUD_EVENTS: Final = frozenset({STRUCTURED, BATCHED})
#: Errors that one answer lists; the count is of all.
LISTED_ERRORS: Final = 1_000
RETRY_AFTER_S: Final = 5
#: From this many lines on bodies are read by columns; setting that up costs as much as reading about as many.
COLUMNS_LINES: Final = 90

CalledNumbersOf = Callable[[str], Awaitable[CalledNumbers]]
"""Returns what an organisation wants kept of called numbers."""

#: Header by which a job of ours says whose events it sends.
ON_BEHALF: Final = b"headwater-organisation"

Authenticate = Callable[[str], Awaitable[Source]]
"""Returns the sender of a bearer token; raises ``Unauthenticated``, ``Forbidden`` or ``Unavailable``."""

log = structlog.get_logger(__name__)

#: Kind of error -> status. What is not here is a 500 that tells nothing.
_STATUS: Final[tuple[tuple[type[HeadwaterError], int], ...]] = (
    (bodies.UnknownEncoding, 415),
    (bodies.TooSlow, 408),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (Invalid, 422),
    (Unavailable, 503),
)
_TITLES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class RecordWriter(Protocol):
    """What the door needs of ``calls.writer.Writer``."""

    async def put(
        self,
        records: Sequence[CallRecord],
        *,
        rejects: Sequence[Reject] = (),
        table: Any = None,
        bodies: Sequence[Body] = (),
    ) -> Inserted:
        """Return when all is durable."""


class TooBusy(Unavailable):
    """More bodies are being read at once than this process holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of the door."""

    body_octets: int = 32_000_000
    body_s: float = 60.0
    """From the head of a request to the end of its body, in seconds."""
    store_s: float = 45.0
    """How long a sender waits for the store, in seconds."""
    held_octets: int = 256_000_000
    """Octets of all bodies at once; one sender may hold half of them."""


class FeedMetrics:
    """What the door counts, for Prometheus. Labels are our own words and identifiers, never a sender's text."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Total("headwater_feed_requests", "Feed requests by status.", ["status"], registry=registry)
        self.events = Total(
            "headwater_feed_events", "Feed events by sender and outcome.", ["source", "outcome"], registry=registry
        )
        self.octets = Total("headwater_feed_octets", "Octets of feed bodies, inflated.", registry=registry)
        self.seconds = Histogram(
            "headwater_feed_seconds",
            "Seconds from the head of a feed request to its answer.",
            registry=registry,
            buckets=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 30.0),
        )


class LineError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one line was not taken."""

    line: int
    event_id: str = ""
    reason: str


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: what became of the lines."""

    accepted: int
    duplicates: int
    rejected: int
    errors: list[LineError]
    """The first ``LISTED_ERRORS`` of the rejected lines, by line number."""


class FeedDoor:
    """The ASGI application of the feed route."""

    def __init__(  # noqa: PLR0913 - its parts, each by name
        self,
        *,
        authenticate: Authenticate,
        writer: RecordWriter,
        metrics: FeedMetrics,
        limits: Limits | None = None,
        formats: mapped.Formats | None = None,
        page_secret: str = "",
        called_numbers_of: CalledNumbersOf | None = None,
    ) -> None:
        """Take events from holders of a feed credential, and from our own jobs, which show ``page_secret``."""
        self._page_secret = page_secret.encode()
        self._called_numbers_of = called_numbers_of
        self._formats = formats
        self._authenticate = authenticate
        self._writer = writer
        self._metrics = metrics
        self._limits = limits or Limits()
        self._held: Counter[str] = Counter()
        self._small = SmallPosts(fewest=COLUMNS_LINES)

    async def __call__(self, scope: bodies.Scope, receive: bodies.Receive, send: bodies.Send) -> None:
        """Answer one request."""
        with self._metrics.seconds.time(), suppress(bodies.Disconnected):
            status, answer, headers = await self._answer(scope, receive)
            self._metrics.requests.labels(str(status)).inc()
            await respond(send, status, answer, headers)

    async def _answer(self, scope: bodies.Scope, receive: bodies.Receive) -> "Answer":
        if scope["method"] != "POST":
            return problem(405, "Send events with POST.", ((b"allow", b"POST"),))
        try:
            source = await self._sender(bodies.headers_of(scope))
            taken = await self._take(scope, receive, source)
        except HeadwaterError as error:
            return problem_of(error)
        except bodies.Disconnected:
            raise
        except Exception:
            log.exception("feed request failed")
            return problem(500, "Something failed on our side; nothing was acknowledged. Send the same again later.")
        self._count(source, taken)
        status = 202 if taken.accepted or taken.duplicates else 422
        return status, taken, ()

    async def _sender(self, headers: dict[bytes, bytes]) -> Source:
        """Return whose events they are: those that an agency reported are sent by our worker on its behalf."""
        token = bearer(headers)
        if self._page_secret and hmac.compare_digest(token.encode(), self._page_secret):
            organisation = headers.get(ON_BEHALF, b"").decode("latin-1")[:64]
            if not organisation or self._called_numbers_of is None:
                raise Unauthenticated("say whose events they are: Headwater-Organisation")
            kept = await self._called_numbers_of(organisation)
            return Source(
                source_id=organisation,
                source_kind=SourceKind.COMPLAINT,
                called_numbers=kept,
                credential="agency reports",
            )
        return await self._authenticate(token)

    def _count(self, source: Source, taken: Taken) -> None:
        for outcome in ("accepted", "duplicates", "rejected"):
            number = getattr(taken, outcome)
            if number:
                self._metrics.events.labels(source.source_id, outcome).inc(number)

    async def _take(self, scope: bodies.Scope, receive: bodies.Receive, source: Source) -> Taken:
        with self._hold(source.source_id) as body:
            async for part in bodies.octets(
                scope, receive, limit=self._limits.body_octets, within_s=self._limits.body_s
            ):
                body.add(part)
            self._metrics.octets.inc(len(body.octets))
            batch = await self._read(bytes(body.octets), source, scope)
            batch.keep_only(source.called_numbers)
            body.octets.clear()
            if batch.table is None and not batch.records and not batch.rejects:
                raise Invalid("the body holds no event; send one JSON object a line, or a table with a row")
            try:
                async with asyncio.timeout(self._limits.store_s):
                    inserted = await self._writer.put(
                        batch.records, rejects=batch.kept, table=batch.table, bodies=batch.bodies
                    )
            except TimeoutError:
                raise Unavailable(
                    "the call store did not answer in time; send the same again, what was stored is recognised"
                ) from None
        return _taken(batch, inserted)

    async def _read(self, body: bytes, source: Source, scope: bodies.Scope) -> feed.FeedBatch:
        if self._formats is not None and mapped.is_ours(scope["path"]):
            return await self._formats.read(scope["path"], body, source, clock.now())
        return await _read(body, source, bodies.headers_of(scope).get(b"content-type", b""), self._small)

    @contextmanager
    def _hold(self, source_id: str) -> Any:
        body = _Held(self._held, source_id, self._limits.held_octets)
        try:
            yield body
        finally:
            self._held[source_id] -= body.counted
            if not self._held[source_id]:
                del self._held[source_id]


class _Held:
    """One body in memory, counted against what all of them and its sender's may take."""

    def __init__(self, held: Counter[str], source_id: str, limit: int) -> None:
        self.octets = bytearray()
        self.counted = 0
        self._held = held
        self._source_id = source_id
        self._limit = limit

    def add(self, part: bytes) -> None:
        self._held[self._source_id] += len(part)
        self.counted += len(part)
        if self._held[self._source_id] > self._limit // 2 or self._held.total() > self._limit:
            raise TooBusy("more bodies are being sent at once than this process holds; nothing was stored, send again")
        self.octets += part


async def _read(body: bytes, source: Source, content_type: bytes, small: SmallPosts) -> feed.FeedBatch:
    batch = feed.FeedBatch(records=[], lines=[], rejects=[], kept=[])
    kind = content_type.partition(b";")[0].strip().lower()
    if kind in tables.READERS:
        return await asyncio.to_thread(tables.read, kind, body, source, clock.now())
    if kind not in _CLOUD_EVENTS:
        read = await small.read(body, source)
        if read is not None:
            batch.table, batch.bodies = read.table, [read.body]
            return batch
    if kind in _CLOUD_EVENTS:
        parts = feed.read_cloud_events(body, source, clock.now(), batched=kind == BATCHED)
    else:
        parts = feed.read_in_parts(body, source, clock.now())
    for part in parts:
        batch.add(part)
        await asyncio.sleep(0)  # the other senders' turn: a large body takes a second of the processor
    return batch


def _taken(batch: feed.FeedBatch, inserted: Inserted) -> Taken:
    errors = [LineError(line=one.line, event_id=one.event_id, reason=one.reason) for one in batch.rejects]
    errors += [
        LineError(
            line=batch.lines[place] if batch.lines else place + 1,
            event_id=batch.event_id(place),
            reason="an event of this event_id is stored already and says something else; what is stored stays",
        )
        for place in inserted.conflicts
    ]
    errors.sort(key=lambda error: error.line)
    return Taken(
        accepted=inserted.stored,
        duplicates=len(inserted.duplicates),
        rejected=len(errors),
        errors=errors[:LISTED_ERRORS],
    )


# -- answers ---------------------------------------------------------------------------------------------------------

Headers = tuple[tuple[bytes, bytes], ...]
Answer = tuple[int, Any, Headers]


def bearer(headers: dict[bytes, bytes]) -> str:
    """Return the bearer token of a request.

    Raises:
        Unauthenticated: there is none.
    """
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise Unauthenticated("send your credential's token as: Authorization: Bearer TOKEN")
    return token.strip().decode("latin-1")


def problem(status: int, detail: str, headers: Headers = ()) -> Answer:
    """Return an error answer (RFC 9457)."""
    return status, {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}, headers


def problem_of(error: HeadwaterError) -> Answer:
    """Return the error answer for one of our errors."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status == 500:
        log.error("unmapped error at a door", kind=type(error).__name__)
        return problem(500, "Something failed on our side; nothing was acknowledged.")
    headers: Headers = ()
    if status == 401:
        headers = ((b"www-authenticate", b"Bearer"),)
    elif status == 503:
        headers = ((b"retry-after", str(RETRY_AFTER_S).encode()),)
    elif status in {408, 413}:
        headers = ((b"connection", b"close"),)  # what is left of the body is not read
    return problem(status, str(error), headers)


async def respond(send: bodies.Send, status: int, answer: Any, headers: Headers = ()) -> None:
    """Send one JSON answer."""
    octets = msgspec.json.encode(answer)
    kind = b"application/json" if status < 400 or isinstance(answer, msgspec.Struct) else b"application/problem+json"
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", kind),
                (b"content-length", str(len(octets)).encode()),
                (b"cache-control", b"no-store"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": octets})
