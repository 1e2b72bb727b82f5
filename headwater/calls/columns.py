"""Call records as columns and back: the one place that knows how a record's fields lie in the table."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa

from headwater.calls import forms
from headwater.calls.records import CallRecord, RecordKind, Reject, SourceKind
from headwater.identifiers import record_id

#: What an insert is handed, not copied once more.
Octets = bytes | memoryview

TIME = pa.timestamp("us", "UTC")
WORD = pa.dictionary(pa.int32(), pa.string())

#: Column -> Arrow type, in the order of ``CallRecord``'s fields. Words that repeat travel as dictionaries.
_TYPES: dict[str, Any] = {
    "record_id": pa.binary(16),
    "record_kind": WORD,
    "source_kind": WORD,
    "source_id": WORD,
    "event_id": pa.string(),
    "call_at": TIME,
    "received_at": TIME,
    "calling": pa.string(),
    "called": pa.string(),
    "calling_raw": pa.string(),
    "called_raw": pa.string(),
    "duration_ms": pa.int64(),
    "ring_ms": pa.int64(),
    "disposition": WORD,
    "sip_method": WORD,
    "sip_status": pa.int32(),
    "call_id": pa.string(),
    "source_ip": WORD,
    "source_port": pa.int32(),
    "destination_ip": WORD,
    "destination_port": pa.int32(),
    "capture_agent": WORD,
    "identity_digest": pa.string(),
    "attest": WORD,
    "origid": pa.string(),
    "terminating_spc": WORD,
    "transcript": pa.string(),
    "language": WORD,
    "labels": pa.list_(pa.string()),
    "headers": pa.map_(pa.string(), pa.string()),
    "raw": pa.binary(),
    "raw_sha256": pa.binary(32),
    "credential": WORD,
    "software": WORD,
}
NAMES: tuple[str, ...] = tuple(_TYPES)
#: The same columns as they are written: two texts are kept by their form.
STORED: tuple[str, ...] = forms.names(NAMES)
_ENUMS = frozenset({"record_kind", "source_kind"})

#: What a record is read by: all but the raw octets, which have a door of their own. What follows from other columns is
#: worked out here and not by the engine: its expressions cost the look-up of one call a fifth of its time.
_READ: tuple[str, ...] = tuple(name for name in STORED if name != "raw")
SELECT_LIST = ", ".join(_READ)


def of_records(records: Sequence[CallRecord], received_at: Sequence[datetime] | Any) -> Octets:
    """Return ``records`` as one Arrow stream of the columns ``STORED``; else as ``table_of``."""
    return octets_of(table_of(records, received_at))


def table_of(records: Sequence[CallRecord], received_at: Sequence[datetime] | Any) -> Any:
    """Return ``records`` as a table of ``NAMES``; ``received_at`` replaces theirs (microseconds since 1970).

    Raises:
        UnicodeEncodeError: a text holds something that is not Unicode.
        pyarrow.ArrowInvalid: a value does not fit its column's type.
    """
    columns = dict(zip(NAMES, zip(*map(msgspec.structs.astuple, records), strict=True), strict=True))
    del columns["received_at"]
    arrays = {name: _array(name, _TYPES[name], column) for name, column in columns.items()}
    arrays["received_at"] = pa.array(received_at, pa.int64()).cast(TIME)
    return pa.table({name: arrays[name] for name in NAMES})


def _array(name: str, kind: Any, column: Sequence[Any]) -> Any:
    if name == "record_id":
        return pa.array([value.bytes for value in column], kind)
    if kind is WORD:
        first = column[0]
        if column.count(first) == len(column):
            return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), len(column)), [str(first)])
        if name in _ENUMS:
            column = [value.value for value in column]
        return pa.array(column, pa.string()).dictionary_encode()
    if name == "headers":
        column = [list(value.items()) for value in column]
    return pa.array(column, kind)


def of_rejects(rejects: Sequence[Reject]) -> Octets:
    """Return ``rejects`` as one Arrow stream for the table of that name."""
    types = {
        "received_at": TIME,
        "source_id": pa.string(),
        "door": pa.string(),
        "position": pa.int64(),
        "reason": pa.string(),
        "raw": pa.binary(),
        "raw_length": pa.int64(),
        "raw_sha256": pa.binary(32),
    }
    columns = {name: pa.array([getattr(r, name) for r in rejects], kind) for name, kind in types.items()}
    return _stream(pa.table(columns))


REJECT_NAMES = ("received_at", "source_id", "door", "position", "reason", "raw", "raw_length", "raw_sha256")


def _stream(table: Any) -> Octets:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return memoryview(sink.getvalue())


def octets_of(table: Any) -> Octets:
    """Return a table of a record's columns as one Arrow stream, with the names of ``forms.names``."""
    return _stream(forms.kept(table))


def record_at(table: Any, place: int) -> CallRecord:
    """Return one row of a table of the store's columns as a record, without its raw octets."""
    row = table.slice(place, 1).to_pylist()[0]
    fields = {name: row[name] for name in NAMES if name in row and name not in {"raw", "raw_sha256"}}
    fields["record_id"] = UUID(bytes=row["record_id"])
    fields["record_kind"] = RecordKind(row["record_kind"])
    fields["source_kind"] = SourceKind(row["source_kind"])
    fields["headers"] = dict(row["headers"])
    return CallRecord(**fields)


def to_records(rows: Iterable[Sequence[Any]]) -> list[CallRecord]:
    """Return rows of ``SELECT_LIST`` as records without their raw octets."""
    found = []
    for row in rows:
        fields = forms.given_back(dict(zip(_READ, row, strict=True)))
        fields["record_id"] = record_id(fields["source_id"], fields["event_id"])
        fields["record_kind"] = RecordKind(fields["record_kind"])
        fields["source_kind"] = SourceKind(fields["source_kind"])
        found.append(CallRecord(**fields))
    return found
