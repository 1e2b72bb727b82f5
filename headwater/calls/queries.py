"""What may be read of the call store, from any process: frozen records and counts.

In the process that keeps the store the engine is read directly; elsewhere the same statements go through its HTTP
form. Values always travel as bound parameters. The raw octets have a door of their own (``raw``), because they are
opened only for an audited purpose. Who may ask is decided by the callers' rooms; called numbers leave this room in
clear and are masked at every door.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.exceptions import ClickHouseError

from headwater.calls import bodies, columns, forms, lookups, schema, trends
from headwater.calls.engine import Engine, failure
from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.errors import Invalid, NotFound

#: Records that one question may ask for.
AT_ONCE = 1_000
#: Bodies that are unpacked at once.
BODIES_AT_ONCE = 16
#: Records that a look-up by call returns at most: more than that is no single call.
CANDIDATES = 500
_TAIL = forms.tail("called")


class NoSuchRecord(NotFound):
    """The call store holds no record of this identifier; it may have expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteCount:
    """How many records of one source were received within one minute."""

    minute: datetime
    """Start of the minute, UTC."""
    source_kind: SourceKind
    source_id: str
    records: int


class CallQueries:
    """Reads of one database. Thread-safe; every method may raise ``StoreUnavailable``."""

    def __init__(self, engine: Engine, database: str) -> None:
        self._engine = engine
        self._database = schema.database_name(database)

    def record(self, record_id: UUID) -> CallRecord:
        """Return one record without its raw octets.

        Raises:
            NoSuchRecord: there is none.
        """
        found = self.records([record_id])
        if not found:
            raise NoSuchRecord(f"the call store holds no record {record_id}; it may have expired")
        return found[0]

    def records(self, ids: Sequence[UUID]) -> list[CallRecord]:
        """Return the records of ``ids`` that exist, in the order of ``ids``, without their raw octets."""
        rows: list[CallRecord] = []
        for part in _parts(ids):
            rows += self._records("FINAL WHERE record_id IN {ids:Array(UUID)}", ids=part)
        place = {one: number for number, one in enumerate(ids)}
        return sorted(rows, key=lambda row: place[row.record_id])

    def raw(self, ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """Return the octets as they were received, of those that have some. Callers audit the purpose first.

        A record has none where it was a row of a table, and where the time for which octets are kept is over.
        """
        found: dict[UUID, bytes] = {}
        for part in _parts(ids):
            rows = self._rows(
                "SELECT record_id, raw, source_id, received_at, raw_sha256 FROM calls FINAL "
                "WHERE record_id IN {ids:Array(UUID)}",
                octets=True,
                ids=part,
            )
            found.update((row[0], row[1]) for row in rows if row[1])
            found.update(self._lines([row for row in rows if not row[1]]))
        return found

    def _lines(self, rows: Sequence[Any]) -> dict[UUID, bytes]:
        """Return the octets of records that stand as lines in bodies that are kept whole."""
        within: dict[tuple[str, datetime], dict[bytes, UUID]] = defaultdict(dict)
        for record_id, _raw, source_id, received_at, digest in rows:
            within[source_id.decode(), received_at][digest] = record_id
        keys, found = sorted(within), dict[UUID, bytes]()
        for start in range(0, len(keys), BODIES_AT_ONCE):
            kept = self._rows(
                "SELECT source_id, received_at, packed, length FROM bodies "
                "WHERE media_type = {lines:String} AND (source_id, received_at) IN "
                "{keys:Array(Tuple(String, DateTime64(6, 'UTC')))}",
                octets=True,
                lines=bodies.LINES,
                keys=keys[start : start + BODIES_AT_ONCE],
            )
            for source_id, received_at, packed, length in kept:
                wanted = within[source_id.decode(), received_at]
                lines = bodies.lines_of(bodies.unpack(packed, length), wanted)
                found.update((wanted[digest], line) for digest, line in lines.items())
        return found

    def received_since(
        self, at: datetime, *, limit: int, record_kind: RecordKind = RecordKind.REPORT
    ) -> list[CallRecord]:
        """Return what was received after ``at``, ordered by (received_at, record_id).

        About ``limit`` records: those received in the same microsecond as the last one come with it, so a follower
        that goes on from the last ``received_at`` misses nothing and sees nothing twice. (Where several processes
        write one server, a follower goes back by a few seconds and ignores the identifiers that it knows.)
        """
        rows = self._records(
            "WHERE received_at > {at:DateTime64(6, 'UTC')} AND record_kind = {kind:String} "
            "ORDER BY received_at LIMIT {limit:Int64} WITH TIES",
            at=at,
            kind=record_kind.value,
            limit=_positive(limit),
        )
        return sorted(_once(rows), key=_arrival)

    def signed_since(self, at: datetime, *, limit: int) -> list[CallRecord]:
        """Return what carried an Identity header and set up or reported a call, received after ``at``; as above."""
        rows = self._records(
            "WHERE received_at > {at:DateTime64(6, 'UTC')} AND identity_digest != '' "
            "AND (record_kind != 'sip' OR (sip_method = 'INVITE' AND sip_status = 0)) "
            "ORDER BY received_at LIMIT {limit:Int64} WITH TIES",
            at=at,
            limit=_positive(limit),
        )
        return sorted(_once(rows), key=_arrival)

    def latest(self, limit: int) -> list[CallRecord]:
        """Return the records received last, newest first. Looks back a minute, an hour, a day, then without bound."""
        rows: list[CallRecord] = []
        now = datetime.now(UTC)
        for back in (
            timedelta(minutes=1),
            timedelta(hours=1),
            timedelta(days=1),
            now - datetime(2000, 1, 1, tzinfo=UTC),
        ):
            rows = self._records(
                "WHERE received_at > {at:DateTime64(6, 'UTC')} ORDER BY received_at DESC LIMIT {limit:Int64}",
                at=now - back,
                limit=_positive(limit),
            )
            if len(rows) >= limit:
                break
        return sorted(_once(rows), key=_arrival, reverse=True)

    def find_sip(
        self, *, called: str, calling: str, at: datetime, window_s: int, method: str = "INVITE"
    ) -> list[CallRecord]:
        """Return SIP messages of one call: numbers by their last ten digits, ``window_s`` each way, oldest first.

        ``calling`` "" stands for any. Without a called number there is nothing to look up.
        """
        if not called.isdecimal():
            return []
        return self._records(
            f"FINAL WHERE {_TAIL} = {{tail:Int64}} AND right(called, 10) = right({{called:String}}, 10) "
            "AND ({calling:String} = '' OR right(calling, 10) = right({calling:String}, 10)) "
            "AND call_at BETWEEN {start:DateTime64(6, 'UTC')} AND {end:DateTime64(6, 'UTC')} "
            "AND record_kind = 'sip' AND sip_method = {method:String} "
            "ORDER BY call_at, record_id LIMIT {limit:Int64}",
            called=called,
            tail=forms.ten(called),
            calling=calling,
            method=method,
            limit=CANDIDATES,
            **_window(at, window_s),
        )

    def find_cdrs(self, *, called: str, at: datetime, window_s: int) -> list[CallRecord]:
        """Return the call detail records of calls to a number (its last ten digits) within the window, oldest first."""
        if not called.isdecimal():
            return []
        return self._records(
            f"FINAL WHERE {_TAIL} = {{tail:Int64}} AND right(called, 10) = right({{called:String}}, 10) "
            "AND call_at BETWEEN {start:DateTime64(6, 'UTC')} AND {end:DateTime64(6, 'UTC')} "
            "AND record_kind = 'cdr' ORDER BY call_at, record_id LIMIT {limit:Int64}",
            called=called,
            tail=forms.ten(called),
            limit=CANDIDATES,
            **_window(at, window_s),
        )

    def by_call_id(self, call_id: str, *, at: datetime, window_s: int) -> list[CallRecord]:
        """Return the records of one SIP Call-ID within the window, oldest first."""
        return self._by("call_id", call_id, at=at, window_s=window_s)

    def by_identity(self, digest: str, *, at: datetime, window_s: int) -> list[CallRecord]:
        """Return the records that carried one Identity token (SHA-256, hexadecimal) within the window, oldest first."""
        return self._by("identity_digest", digest.lower(), at=at, window_s=window_s)

    def labelled(self, *, key: bytes, prefix: bytes, begin: datetime, end: datetime) -> list[CallRecord]:
        """Return the SIP and CDR records between two instants whose label under ``key`` begins with ``prefix``.

        The label is that of ``calls.blind.label``; it is computed of every record of the time.
        """
        return self._records(
            "FINAL WHERE call_at BETWEEN {start:DateTime64(6, 'UTC')} AND {end:DateTime64(6, 'UTC')} "
            "AND startsWith(SHA256(concat(unhex({key:String}), 'label', right(called, 10))), unhex({prefix:String})) "
            "AND record_kind IN ('sip', 'cdr') AND called != '' ORDER BY call_at, record_id LIMIT {limit:Int64}",
            key=key.hex(),
            prefix=prefix.hex(),
            start=begin,
            end=end,
            limit=CANDIDATES,
        )

    def received_between(self, start: datetime, end: datetime) -> list[CallRecord]:
        """Return the SIP and CDR records that were received after ``start`` and until ``end``, by time of the call."""
        return self._records(
            "FINAL WHERE received_at > {start:DateTime64(6, 'UTC')} AND received_at <= {end:DateTime64(6, 'UTC')} "
            "AND record_kind IN ('sip', 'cdr') ORDER BY call_at, record_id",
            start=start,
            end=end,
        )

    def carrying(self, digests: Sequence[str], *, since: datetime) -> dict[UUID, str]:
        """Return the records since ``since`` that carried one of these Identity tokens, with its digest; bounded."""
        if not digests:
            return {}
        rows = self._rows(
            "SELECT record_id, identity_digest FROM calls WHERE identity_digest IN {digests:Array(String)} "
            "AND call_at >= {since:DateTime64(6, 'UTC')} LIMIT {limit:Int64}",
            digests=list(digests),
            since=since,
            limit=10 * CANDIDATES,
        )
        return dict(rows)

    def _by(self, column: str, value: str, *, at: datetime, window_s: int) -> list[CallRecord]:
        if not value:
            return []
        return self._records(
            f"FINAL WHERE {column} = {{value:String}} "
            "AND call_at BETWEEN {start:DateTime64(6, 'UTC')} AND {end:DateTime64(6, 'UTC')} "
            "ORDER BY call_at, record_id LIMIT {limit:Int64}",
            value=value,
            limit=CANDIDATES,
            **_window(at, window_s),
        )

    def per_minute(self, since: datetime) -> list[MinuteCount]:
        """Return how many records each source sent in each minute of receipt since ``since``, oldest first."""
        rows = self._rows(
            "SELECT minute, source_kind, source_id, toInt64(sum(records)) FROM minutes "
            "WHERE minute >= {since:DateTime64(6, 'UTC')} "
            "GROUP BY minute, source_kind, source_id ORDER BY minute, source_kind, source_id",
            since=since.replace(second=0, microsecond=0),
        )
        return [
            MinuteCount(minute=minute, source_kind=SourceKind(kind), source_id=source, records=records)
            for minute, kind, source, records in rows
        ]

    def find_calls(
        self, wanted: Sequence[lookups.Wanted], *, window_s: int, zones: bool = False
    ) -> list[list[lookups.Found]]:
        """Return what answers each of ``wanted``, with rule and confidence: ``calls.lookups.find_calls``."""
        return lookups.find_calls(self, wanted, window_s=window_s, zones=zones)

    def by_key(
        self, key: lookups.Key, value: str, *, start: datetime, end: datetime, limit: int = CANDIDATES
    ) -> list[CallRecord]:
        """Return the records of one identifier within a time, oldest first: ``calls.lookups.by_key``."""
        return lookups.by_key(self, key, value, start=start, end=end, limit=limit)

    def similar(self, record: CallRecord, *, window_s: int = 3_600) -> list[CallRecord]:
        """Return calls of the same caller around the same time, nearest first."""
        return lookups.similar(self, record, window_s=window_s)

    def trends(
        self, dimension: trends.Dimension, *, start: datetime, end: datetime, limit: int = 50, key: str = ""
    ) -> list[trends.Trend]:
        """Return the keys with the most calls between two times, hour by hour: ``calls.trends.trends``."""
        return trends.trends(self, dimension, start=start, end=end, limit=limit, key=key)

    def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        """Return the rows of one of this room's statements."""
        return self._rows(statement, **parameters)

    def total(self) -> int:
        """Return how many records are stored."""
        return int(self._rows("SELECT toInt64(count()) FROM calls")[0][0])

    def lag(self) -> float:
        """Return the longest time, in seconds, that a record of the last minute waited from receipt to the insert.

        0 where nothing was received within the last minute.
        """
        rows = self._rows(
            "SELECT toInt64(max(toUnixTimestamp64Micro(stored_at) - toUnixTimestamp64Micro(received_at))) "
            "FROM calls WHERE received_at > {since:DateTime64(6, 'UTC')}",
            since=datetime.now(UTC) - timedelta(minutes=1),
        )
        return max(int(rows[0][0]), 0) / 1_000_000

    def _records(self, rest: str, **parameters: Any) -> list[CallRecord]:
        statement = f"SELECT {columns.SELECT_LIST} FROM calls {rest}"  # noqa: S608 - constants; values are parameters
        return columns.to_records(self._rows(statement, **parameters))

    def _rows(self, statement: str, *, octets: bool = False, **parameters: Any) -> Sequence[Any]:
        formats = {"String": "bytes"} if octets else None
        try:
            with self._engine.client(self._database) as client:
                rows: Sequence[Any] = client.query(statement, parameters=parameters, query_formats=formats).result_rows
        except ClickHouseError as error:
            raise failure(error) from error
        return rows


_cache: dict[tuple[str, str], CallQueries] = {}
_cache_lock = threading.Lock()


def connect(url: str, *, database: str = "headwater") -> CallQueries:
    """Return the reads of one database, the same value for the same URL: ``chdb:///folder`` or ``http(s)://``.

    A folder must be this process's own; it shares the engine with the ``CallStore`` that writes it. The engine
    stays open until ``disconnect`` or the end of the process.

    Raises:
        Invalid: the URL or the database's name is none.
        StoreUnavailable: the store cannot be reached.
    """
    with _cache_lock:
        found = _cache.get((url, database))
        if found is None:
            schema.database_name(database)
            found = _cache[url, database] = CallQueries(Engine.open(url), database)
        return found


def disconnect(url: str, *, database: str = "headwater") -> None:
    """Give up what ``connect`` returned for this URL and database, so that a folder can be opened elsewhere."""
    with _cache_lock:
        found = _cache.pop((url, database), None)
        if found is not None:
            found._engine.close()  # noqa: SLF001 - this function is the other half of ``connect``


def _parts(ids: Sequence[UUID]) -> Iterable[Sequence[UUID]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _window(at: datetime, window_s: int) -> dict[str, datetime]:
    reach = timedelta(seconds=_positive(window_s))
    return {"start": at - reach, "end": at + reach}


def _positive(number: int) -> int:
    if number < 1:
        raise Invalid(f"a limit or a window is at least 1, not {number}")
    return number


def _once(rows: list[CallRecord]) -> list[CallRecord]:
    return list({row.record_id: row for row in reversed(rows)}.values())


def _arrival(row: CallRecord) -> tuple[datetime, bytes]:
    return (row.received_at, row.record_id.bytes)
