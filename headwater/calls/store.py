"""The store of call records: writes them once, durably, and says which were there before.

``insert`` returns when the records are on disk (fsync of file and folder), or raises and has acknowledged nothing.
It never uses the engine's streaming insert, which reports rows as written that a full disk, a violated bound or a
failing view kept out.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from headwater.calls import bodies, columns, forms, schema
from headwater.calls.duplicates import Identifiers, Seen, identifiers, same_content
from headwater.calls.engine import Engine, RefusedByStore, StoreUnavailable, failure
from headwater.calls.records import Body, CallRecord, Reject

#: Days of call that one INSERT touches at most: the engine refuses more than 100 partitions in one.
DAYS_AT_ONCE = 90
#: Identifiers remembered for recognising what comes again: 4 octets each.
REMEMBERED = 50_000_000
#: Records looked up by one statement.
LOOK_UP_AT_ONCE = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400_000_000

#: What each insert is sent with: the embedded engine takes these with the statement, a server with the request.
# Skip indexes are made by the first merge: making them with each insert too costs a fifth of the insert. Rows of one
# insert are not looked through for equal keys: the store did that, and it costs a quarter. The roll-ups are written
# beside the calls. On a cluster an insert goes on to its shards before it is acknowledged.
INSERT_SETTINGS = {
    "async_insert": 0,
    "distributed_foreground_insert": 1,
    "insert_deduplicate": 0,
    "materialize_skip_indexes_on_insert": 0,
    "optimize_on_insert": 0,
    "parallel_view_processing": 1,
}

# How many records there are and when the last was received.
_EXTENT = "SELECT count(), toUnixTimestamp64Micro(max(received_at)) FROM calls"
# All identifiers, as Python's ``UUID.bytes``; and those of about the latest share, which must be a literal.
_IDENTIFIERS = f"SELECT {forms.IDENTIFIER} AS id FROM calls"  # noqa: S608 - constants
_LATEST_IDENTIFIERS = (
    _IDENTIFIERS + " WHERE received_at >= (SELECT quantile(:before:)(received_at) FROM calls)"  # noqa: S608 - constants
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """What became of the records of one insert. Numbers are places in the sequence that was given."""

    stored: int
    duplicates: tuple[int, ...] = ()
    """Were stored before and say the same: nothing was written."""
    conflicts: tuple[int, ...] = ()
    """Were stored before and say something else: what is stored stays, nothing was written."""


@dataclass(slots=True)
class _Sorted:
    """Records of one insert, told apart."""

    fresh: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)


class CallStore:
    """One database of call records. Thread-safe; inserts of one store follow one another.

    **Once**: a record whose ``record_id`` is stored is not stored again. The check is exact for the last
    ``REMEMBERED`` records of this database, restarts included, as long as one process writes it. Where several
    processes write one server, an event sent to two of them within moments may be stored twice; the table then
    keeps the first and the look-ups show that one alone.

    **In order**: ``received_at`` never goes back from one insert to the next. A record that was received before
    one that is already stored gets the next free microsecond, so that a reader who has read up to a moment misses
    nothing (``queries.received_since``).
    """

    def __init__(self, engine: Engine, database: str, *, remember: int = REMEMBERED) -> None:
        self._engine = engine
        self._closed = False
        self.database = schema.database_name(database)
        self._lock = threading.Lock()
        self._remember = remember
        self._seen: Seen | None = None
        self._last_received = 0

    @classmethod
    def open(cls, url: str, *, database: str = "headwater", remember: int = REMEMBERED) -> "CallStore":
        """Open the store at ``chdb:///folder`` or ``http(s)://user:secret@host:port``.

        Raises:
            Invalid: the URL or the database's name is none.
            StoreUnavailable: the folder is another process's, or the server does not answer.
        """
        schema.database_name(database)
        return cls(Engine.open(url), database, remember=remember)

    @property
    def engine(self) -> Engine:
        """The engine below, for those who read beside this writer."""
        return self._engine

    def close(self) -> None:
        """Give the engine back. Inserts that run finish first."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._engine.close()

    def migrate(self) -> None:
        """Create the database or bring it up to date; safe to call at every start.

        Raises:
            StoreUnavailable: a statement failed; the message has the engine's words.
        """
        try:
            with self._engine.client() as client:
                for statement in schema.FOUNDATION:
                    client.command(self._render(statement), use_database=False)
                client.database = self.database
                found = client.query("SELECT max(version) FROM migrations").first_row[0]
                for migration in schema.MIGRATIONS:
                    if migration.version <= found:
                        continue
                    for statement in migration.statements:
                        client.command(self._render(statement), use_database=False)
                    client.command(
                        "INSERT INTO migrations (version, name) SELECT {version:Int32}, {name:String}",
                        parameters={"version": migration.version, "name": migration.name},
                    )
        except ClickHouseError as error:
            raise failure(error) from error
        self._engine.let_merges_wait()

    def _render(self, statement: str) -> str:
        return schema.render(statement, database=self.database)

    def insert(self, records: Sequence[CallRecord]) -> Inserted:
        """Store ``records`` and return when they are on disk.

        Raises:
            RefusedByStore: a record breaks a bound of the table; none of them was acknowledged.
            StoreUnavailable: the store cannot now (disk full, memory, closed); none was acknowledged.
                Sending the same again is safe in either case: what had been written is recognised.
        """
        if not records:
            return Inserted(stored=0)
        with self._lock:
            self._require_open()
            try:
                seen = self._recall()
                ids = identifiers([record.record_id for record in records])
                parted = self._part(records, ids, seen)
                # Remembered before they are written: should the insert fail half-way, what it did write is found.
                seen.add(ids)
                fresh = [records[place] for place in parted.fresh]
                if fresh:
                    self._write(fresh)
            except ClickHouseError as error:
                raise failure(error) from error
            except (pa.ArrowInvalid, UnicodeEncodeError, OverflowError) as error:
                raise RefusedByStore(f"a record holds a value that no column takes: {error}") from error
            except OSError as error:
                raise StoreUnavailable(f"the call store cannot write: {error}") from error
        return Inserted(stored=len(fresh), duplicates=tuple(parted.duplicates), conflicts=tuple(parted.conflicts))

    def insert_table(self, table: pa.Table, *, whole: Sequence[Body] = ()) -> Inserted:
        """Store a table of the store's columns, as ``insert`` stores records, without touching each row.

        The columns are those of ``columns.NAMES`` or fewer: what is left out has its default. ``raw_sha256`` is made of
        ``raw``, or of ``line``, which is not kept. ``whole`` are the bodies that the rows came in, each with its rows'
        time of receipt; one of which no row is new is not kept again. Raises as ``insert`` does.
        """
        if not table.num_rows:
            return Inserted(stored=0)
        with self._lock:
            self._require_open()
            try:
                seen = self._recall()
                ids = _ids_of(table)
                duplicates, conflicts = self._told_apart(table, ids, seen)
                seen.add(ids)
                if duplicates or conflicts:
                    keep = np.ones(table.num_rows, dtype=bool)
                    keep[[*duplicates, *conflicts]] = False
                    table = table.filter(pa.array(keep))
                if table.num_rows:
                    self._write_table(table, whole)
            except ClickHouseError as error:
                raise failure(error) from error
            except pa.ArrowInvalid as error:
                raise RefusedByStore(f"a record holds a value that no column takes: {error}") from error
            except OSError as error:
                raise StoreUnavailable(f"the call store cannot write: {error}") from error
        return Inserted(stored=table.num_rows, duplicates=tuple(duplicates), conflicts=tuple(conflicts))

    def _told_apart(self, table: pa.Table, ids: Identifiers, seen: Seen) -> tuple[list[int], list[int]]:
        """Return the places of duplicates and of conflicts in ``table``. Only rows that may be either are looked at."""
        suspect = seen.maybe(ids)
        ordered = np.sort(ids[:, 0])
        if (ordered[1:] == ordered[:-1]).any():
            # Half an identifier stands twice within the insert: look at every row that has one of these.
            twice = ordered[1:][ordered[1:] == ordered[:-1]]
            suspect |= np.isin(ids[:, 0], twice)
        places = np.flatnonzero(suspect).tolist()
        if not places:
            return [], []
        parted = self._part([columns.record_at(table, place) for place in places], ids[places], seen)
        return [places[at] for at in parted.duplicates], [places[at] for at in parted.conflicts]

    def _write_table(self, table: pa.Table, whole: Sequence[Body]) -> None:
        place = table.column_names.index("received_at")
        sent = table.column(place).cast(pa.int64()).to_numpy()
        received = self._after_the_last(sent)
        table = table.set_column(place, "received_at", pa.array(received).cast(columns.TIME))
        # Before its rows: a row whose octets are not there must never be.
        self._keep(whole, dict(zip(*_firsts(sent, received), strict=True)))
        days = table.column("call_at").cast(pa.int64()).to_numpy() // _DAY_US
        if len(distinct := np.unique(days)) <= DAYS_AT_ONCE:
            self._put("calls", forms.names(table.column_names), columns.octets_of(table))
            return
        for start in range(0, len(distinct), DAYS_AT_ONCE):
            part = table.filter(pa.array(np.isin(days, distinct[start : start + DAYS_AT_ONCE])))
            self._put("calls", forms.names(table.column_names), columns.octets_of(part))

    def _after_the_last(self, received: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        """Return the times of receipt, none before what is already stored, and those alike that were alike."""
        floor = self._last_received + 1
        behind = received < floor
        if behind.any():
            received = received.copy()
            received[behind] = floor + np.unique(received[behind], return_inverse=True)[1]
        self._last_received = int(received.max())
        return received

    def _keep(self, whole: Sequence[Body], moved: dict[int, int]) -> None:
        """Write bodies under the times of receipt that their rows have got: ``moved``, by what they were."""
        sent = [(body.received_at - _EPOCH) // _MICROSECOND for body in whole]
        kept = [place for place, at in enumerate(sent) if at in moved]
        if kept:
            table = bodies.columns([whole[place] for place in kept], [moved[sent[place]] for place in kept])
            self._put("bodies", table.column_names, columns.octets_of(table))

    def insert_rejects(self, rejects: Sequence[Reject]) -> None:
        """Keep what a door could not take. Raises as ``insert`` does."""
        if not rejects:
            return
        with self._lock:
            self._require_open()
            try:
                octets = columns.of_rejects(rejects)
                self._put("rejects", columns.REJECT_NAMES, octets)
            except ClickHouseError as error:
                raise failure(error) from error
            except OSError as error:
                raise StoreUnavailable(f"the call store cannot write: {error}") from error

    def _require_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the call store is closed; nothing was stored")

    def _put(self, table: str, names: Sequence[str], octets: columns.Octets) -> None:
        with self._engine.client(self.database) as client:
            # On the embedded engine this is INSERT ... FROM INFILE, which raises whatever goes wrong.
            client.raw_insert(
                table,
                column_names=names,
                insert_block=octets,
                fmt="ArrowStream",
                settings=INSERT_SETTINGS,
            )

    def _write(self, records: list[CallRecord]) -> None:
        received = self._in_order(records)
        for start, end in _cut_by_day(records, received):
            self._put("calls", columns.STORED, columns.of_records(records[start:end], received[start:end]))

    def _in_order(self, records: list[CallRecord]) -> list[int]:
        """Return the records' times of receipt in microseconds, none before what is already stored."""
        received = [(record.received_at - _EPOCH) // _MICROSECOND for record in records]
        floor = self._last_received + 1
        if min(received) < floor:
            behind = 0
            for place, at in enumerate(received):
                if at < floor:
                    received[place] = floor + behind
                    behind += 1
        self._last_received = max(received)
        return received

    def _recall(self) -> Seen:
        """Return the memory of what is stored, filled from the store at the first use after a start."""
        if self._seen is not None:
            return self._seen
        seen = Seen(self._remember)
        with self._engine.client(self.database) as client:
            total, last = client.query(_EXTENT).first_row
            statement = _IDENTIFIERS
            if total > self._remember:
                statement = _LATEST_IDENTIFIERS.replace(":before:", f"{1 - self._remember / total:.6f}")
            with client.query_column_block_stream(statement) as stream:
                for block in stream:
                    seen.add(_joined(block[0]))
        self._seen, self._last_received = seen, max(last, 0)
        return seen

    def _part(self, records: Sequence[CallRecord], ids: Identifiers, seen: Seen) -> _Sorted:
        """Tell the new records from those that were stored before or come twice in this insert."""
        parted = _Sorted()
        known: dict[UUID, CallRecord] = {}
        suspects = np.flatnonzero(seen.maybe(ids)).tolist()
        if suspects:
            known = self._stored([records[place] for place in suspects])
        if not known and len(set(ids.view("V16").ravel().tolist())) == len(records):
            parted.fresh = list(range(len(records)))
            return parted
        for place, record in enumerate(records):
            before = known.setdefault(record.record_id, record)
            if before is record:
                parted.fresh.append(place)
            elif same_content(before, record):
                parted.duplicates.append(place)
            else:
                parted.conflicts.append(place)
        return parted

    def _stored(self, records: Sequence[CallRecord]) -> dict[UUID, CallRecord]:
        """Return those of ``records`` that are stored, as they are stored."""
        known: dict[UUID, CallRecord] = {}
        # By sorting key: what an honest sender repeats stands under the same one, and that is cheap to find. In the
        # order of time, so that each statement reads few days.
        for part in _parts(sorted(records, key=lambda record: record.call_at)):
            rows = self._select(
                f"PREWHERE ({forms.tail('called')}, calling_digits) IN {{keys:Array(Tuple(Int64, Int64))}} "
                "AND call_at BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')} "
                "WHERE record_id IN {ids:Array(UUID)}",
                keys=sorted({(forms.ten(record.called), forms.digits(record.calling)) for record in part}),
                first=part[0].call_at,
                last=part[-1].call_at,
                ids=[record.record_id for record in part],
            )
            known.update((row.record_id, row) for row in rows)
        # The rest was never stored, or was stored with other numbers: the index by identifier says which.
        for part in _parts([record for record in records if record.record_id not in known]):
            rows = self._select("WHERE record_id IN {ids:Array(UUID)}", ids=[record.record_id for record in part])
            known.update((row.record_id, row) for row in rows)
        return known

    def _select(self, condition: str, **parameters: Sequence[object] | datetime) -> list[CallRecord]:
        statement = f"SELECT {columns.SELECT_LIST} FROM calls FINAL {condition}"  # noqa: S608 - constants only
        with self._engine.client(self.database) as client:
            return columns.to_records(client.query(statement, parameters=parameters).result_rows)


def _parts(records: Sequence[CallRecord]) -> Iterable[Sequence[CallRecord]]:
    return (records[start : start + LOOK_UP_AT_ONCE] for start in range(0, len(records), LOOK_UP_AT_ONCE))


def _ids_of(table: pa.Table) -> Identifiers:
    column = table.column("record_id").combine_chunks()
    chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    words = np.frombuffer(chunk.buffers()[1], dtype=np.uint64)
    return words[2 * chunk.offset : 2 * (chunk.offset + len(chunk))].reshape(-1, 2)


def _firsts(sent: "np.ndarray[Any, Any]", received: "np.ndarray[Any, Any]") -> tuple[list[int], list[int]]:
    """Return the distinct times that were sent and, for each, the one that was given."""
    distinct, places = np.unique(sent, return_index=True)
    return distinct.tolist(), received[places].tolist()


def _joined(values: Sequence[bytes]) -> Identifiers:
    return np.frombuffer(b"".join(values), dtype=np.uint64).reshape(-1, 2)


def _cut_by_day(records: list[CallRecord], received: list[int]) -> list[tuple[int, int]]:
    """Return the cuts that keep each INSERT within ``DAYS_AT_ONCE`` days; sorts both lists where cuts are needed."""
    days = {record.call_at.astimezone(UTC).date() for record in records}
    if len(days) <= DAYS_AT_ONCE:
        return [(0, len(records))]
    order = sorted(range(len(records)), key=lambda place: records[place].call_at)
    records[:] = [records[place] for place in order]
    received[:] = [received[place] for place in order]
    cuts, start, within = [], 0, set()
    for place, record in enumerate(records):
        within.add(record.call_at.astimezone(UTC).date())
        if len(within) > DAYS_AT_ONCE:
            cuts.append((start, place))
            start, within = place, {record.call_at.astimezone(UTC).date()}
    return [*cuts, (start, len(records))]
