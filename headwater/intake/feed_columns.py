"""The feed reader for whole bodies: NDJSON or an Arrow table in, the store's columns out. Pure.

What ``intake.feed`` does a line at a time is done here a column at a time, by the same rules, for a fifth of it and
mostly without the interpreter's lock. NDJSON is read so only where it is plainly right: a body in which anything is odd
(a bad line, a member that stands twice, an empty line, an event in an envelope) is left to the careful reader, who
names each fault.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from headwater import SOFTWARE
from headwater.calls.columns import NAMES, TIME
from headwater.calls.records import RecordKind
from headwater.errors import Invalid, TooLarge
from headwater.intake.events.records import AHEAD, EARLIEST
from headwater.intake.feed import BODY_LINES, LINE_OCTETS
from headwater.intake.sip import identity_hints
from headwater.intake.sources import Source
from headwater.numbering.numbers import canonical
from headwater.wire.events import Disposition, FeedEvent

_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(FeedEvent)}
_REQUIRED: Final = tuple(name for name, field in _FIELDS.items() if field.required)
_OPTIONAL: Final = tuple(name for name, field in _FIELDS.items() if not field.required)
_PLAIN_NUMBER: Final = r"^\+[0-9]{3,15}$"
_WORDS: Final = [one.value for one in Disposition]
_TYPES: Final[dict[str, Any]] = {
    "duration_s": pa.float64(),
    "ring_s": pa.float64(),
    "labels": pa.list_(pa.string()),
    "is_recorded_message": pa.bool_(),
}
_LONGEST: Final = {
    "event_id": 256,
    "calling": 256,
    "called": 256,
    "transcript": 100_000,
    "language": 35,
    "terminating_spc": 16,
    "call_id": 256,
    "identity": 8_192,
}
_MOST_LABELS: Final = 32
_LONGEST_LABEL: Final = 128


#: The contract as columns, but for the time, whose form is looked at before it is read.
_SCHEMA: Final = pa.schema([(name, _TYPES.get(name, pa.string())) for name in _FIELDS])
_PARSE: Final = pa_json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="error")
#: A time as nearly all write it; another form of RFC 3339 is the careful reader's.
_PLAIN_TIME: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})$"


class BadTable(Invalid):
    """A table is none of feed events as a whole: a column is missing, unknown or of another type."""


class TooManyRows(TooLarge):
    """A table has more rows than one request may carry; nothing of it was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTable:
    """What one table came to."""

    columns: Any
    """A ``pyarrow.Table`` of the store's columns: the rows that were taken."""
    rows: Sequence[int]
    """The place of each taken row in the table that was sent, from 1."""
    faults: Sequence[tuple[int, str, str]]
    """(row from 1, event id, reason) of those that were not."""


def read_body(body: bytes, source: Source, received_at: datetime) -> Any:
    """Return an NDJSON body as a ``pyarrow.Table`` of the store's columns, or ``None`` where it needs care.

    ``raw_sha256`` is left to the store, which has the line in ``raw``.
    """
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    body = body.removesuffix(b"\n")
    members = _members(body)
    # One octet is found many times faster than six.
    if not members or (b"\\" in body and b"\\u0000" in body) or not _plain(body):
        return None
    if (sent := _parsed(body, members)) is None:
        return None
    arrays = {name: _sent(sent, name) for name in _FIELDS}
    if _faults(arrays, received_at):
        return None
    ids = _record_ids(source.source_id, arrays["event_id"].to_pylist())
    # Split as one value of a column, so that no line becomes an object of its own.
    lines = pc.split_pattern(pa.array([body], pa.binary()), b"\n").values
    return _table(arrays, ids, source, received_at, raw=lines)


def _plain(body: bytes) -> bool:
    """Tell whether each line is one object from its first octet to its last: spaces and empty lines are not ours.

    As no member of the contract holds an object, a line that begins with a brace begins one.
    """
    octets = np.frombuffer(body, dtype=np.uint8)
    ends = np.append(np.flatnonzero(octets == ord("\n")), len(body))
    starts = np.concatenate([[0], ends[:-1] + 1])
    return bool(
        len(ends) <= BODY_LINES
        and (ends - starts).min() > 1
        and (ends - starts).max() <= LINE_OCTETS
        and (octets[starts] == ord("{")).all()
        and (octets[ends - 1] == ord("}")).all()
    )


def _parsed(body: bytes, members: int) -> Any:
    """Return the members of all lines as columns; ``None`` where a line is no event, or has more members."""
    whole = pa_json.ReadOptions(use_threads=False, block_size=len(body) + 1)
    try:
        sent = pa_json.read_json(pa.BufferReader(body), read_options=whole, parse_options=_PARSE)
        sent.validate(full=True)  # the parser takes octets that are not UTF-8
        at = sent.column("call_at")
        # More members than were understood: one is null or stands twice in a line, or a text looks like one.
        understood = sum(sent.num_rows - column.null_count for column in sent.columns)
        if (sent.num_rows, understood) != (body.count(b"\n") + 1, members) or not _all(at, _PLAIN_TIME):
            return None
        return sent.set_column(_SCHEMA.get_field_index("call_at"), "call_at", at.cast(TIME))
    except pa.ArrowInvalid:
        return None


def _all(texts: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern), skip_nulls=False).as_py())


def _members(body: bytes) -> int:
    """Return how many colons come right after a quote; 0 where one comes after a space, and there might be more."""
    octets = np.frombuffer(body, dtype=np.uint8)
    colons = np.flatnonzero(octets == ord(":"))
    before = octets[colons - 1]
    return 0 if (before <= ord(" ")).any() else int((before == ord('"')).sum())


def _default(name: str) -> Any:
    field = _FIELDS[name]
    if name == "disposition":
        return Disposition.UNKNOWN.value
    return [] if field.default_factory is list else field.default


def _constant(value: Any, rows: int, kind: Any) -> Any:
    return pa.nulls(rows, kind) if value is None else pa.repeat(pa.scalar(value, kind), rows)


def read_table(sent: Any, source: Source, received_at: datetime, *, body_sha256: bytes) -> ReadTable:
    """Return a table of feed events (one column a member of the contract) as the store's columns.

    A row has no octets of its own: ``raw`` stays empty, and ``raw_sha256`` is that of the body, which is kept.

    Raises:
        BadTable: a column is missing, unknown or of another type.
        TooManyRows: more than ``BODY_LINES``.
    """
    if sent.num_rows > BODY_LINES:
        raise TooManyRows(f"the table has more than {BODY_LINES} rows; send fewer at a time")
    names = sent.column_names
    if len(set(names)) != len(names):
        raise BadTable("a column stands twice in the table")
    if unknown := sorted(set(names) - set(_FIELDS)):
        raise BadTable(f"column {unknown[0]!r} is none of a feed event")
    if missing := [name for name in _REQUIRED if name not in names]:
        raise BadTable(f"column {missing[0]!r} is missing")
    try:
        arrays = {name: _sent(sent, name) for name in _FIELDS}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise BadTable(f"a column is of another type: {str(error)[:200]}") from error
    faults = _faults(arrays, received_at)
    rows: Sequence[int] = range(1, sent.num_rows + 1)
    if faults:
        keep = np.ones(sent.num_rows, dtype=bool)
        keep[list(faults)] = False
        events = arrays["event_id"].to_pylist()
        named = [(row + 1, str(events[row] or "")[:256], reason) for row, reason in sorted(faults.items())]
        arrays = {name: array.filter(pa.array(keep)) for name, array in arrays.items()}
        rows = (np.flatnonzero(keep) + 1).tolist()
    else:
        named = []
    ids = _record_ids(source.source_id, arrays["event_id"].to_pylist())
    columns = _table(arrays, ids, source, received_at, raw=None, body_sha256=body_sha256)
    return ReadTable(columns=columns, rows=rows, faults=named)


def _sent(sent: Any, name: str) -> Any:
    kind = _TYPES.get(name, pa.string())
    if name not in sent.column_names:
        return _constant(_default(name), sent.num_rows, kind)
    column = sent.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if name == "call_at":
        if not pa.types.is_timestamp(column.type) or column.type.tz is None:
            raise BadTable("call_at is a timestamp with a zone")
        return column.cast(TIME, safe=False)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if kind == pa.string() and not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise BadTable(f"column {name!r} is text, not {column.type}")
    column = column.cast(kind)
    default = _default(name) if name in _OPTIONAL else None
    if column.null_count and name == "labels":
        return pa.ListArray.from_arrays(column.offsets, column.values)  # a null has no items
    if column.null_count and default is not None:
        column = column.fill_null(default)
    return column


# -- what is checked, a column at a time ---------------------------------------------------------------------------


def _faults(arrays: dict[str, Any], received_at: datetime) -> dict[int, str]:
    """Return what is wrong with which row, from 0: the rules of the contract that a type does not say."""
    faults: dict[int, str] = {}

    def refuse(good: Any, reason: str) -> None:
        # A comparison with null is null, and no row with null where a value must stand is good.
        if not pc.all(good, skip_nulls=False).as_py():
            for row in np.flatnonzero(~good.fill_null(False).to_numpy(zero_copy_only=False)).tolist():
                faults.setdefault(row, reason)

    at = arrays["call_at"]
    earliest, latest = pa.scalar(EARLIEST, TIME), pa.scalar(received_at + AHEAD, TIME)
    refuse(
        pc.and_(pc.greater_equal(at, earliest), pc.less_equal(at, latest)),
        "call_at is missing, before 2000 or more than a day ahead of our clock",
    )
    for name, longest in _LONGEST.items():
        refuse(pc.less_equal(pc.utf8_length(arrays[name]), longest), f"{name} is missing or too long")
    refuse(pc.greater(pc.binary_length(arrays["event_id"]), 0), "event_id is empty")
    refuse(pc.is_in(arrays["disposition"], pa.array(_WORDS)), "disposition is none of the contract's words")
    for name, most in (("duration_s", 86_400), ("ring_s", 3_600)):
        seconds = arrays[name].fill_null(0.0)
        refuse(pc.and_(pc.greater_equal(seconds, 0), pc.less_equal(seconds, most)), f"{name} is out of bounds")
    refuse(_labelled(arrays["labels"]), "labels are too many, too long or null")
    called = _canonical(arrays["called"].fill_null(""))
    refuse(pc.greater(pc.binary_length(called), 0), "called is not a telephone number")
    arrays["_called"], arrays["_calling"] = called, _canonical(arrays["calling"].fill_null(""))
    return faults


def _labelled(labels: Any) -> Any:
    """Return for each row whether its labels are within the contract's bounds."""
    good = pc.less_equal(pc.list_value_length(labels), _MOST_LABELS)
    long = pc.invert(pc.less_equal(pc.utf8_length(pc.list_flatten(labels)), _LONGEST_LABEL))
    if pc.any(long.fill_null(True)).as_py():
        good = good.to_numpy(zero_copy_only=False).copy()
        good[pc.list_parent_indices(labels).filter(long.fill_null(True)).to_numpy()] = False
    return pa.array(good)


def _canonical(numbers: Any) -> Any:
    """Return ``numbering.canonical`` of each: by columns for ``+`` and digits, one by one for the rest."""
    if _all(numbers, _PLAIN_NUMBER):
        return pc.binary_replace_slice(numbers.cast(pa.binary()), 0, 1, b"").cast(pa.string())
    return pa.array([canonical(number) for number in numbers.to_pylist()], pa.string())


# -- the store's columns ---------------------------------------------------------------------------------------------


def _record_ids(source_id: str, event_ids: Iterable[str]) -> Any:
    """Return ``identifiers.record_id`` of each, as octets."""
    start = source_id.encode() + b"\x00"
    octets = b"".join([sha256(start + event_id.encode()).digest()[:16] for event_id in event_ids])
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(octets) // 16, [None, pa.py_buffer(octets)])


def _table(  # noqa: PLR0913 - what a record is made of, each by name
    arrays: dict[str, Any],
    ids: Any,
    source: Source,
    received_at: datetime,
    *,
    raw: Any,
    body_sha256: bytes = b"",
) -> Any:
    rows = len(ids)
    digest, attest, origid = _signed(arrays["identity"])
    made: dict[str, Any] = {
        "record_id": ids,
        "record_kind": _word(RecordKind.REPORT.value, rows),
        "source_kind": _word(source.source_kind.value, rows),
        "source_id": _word(source.source_id, rows),
        "event_id": arrays["event_id"],
        "call_at": arrays["call_at"],
        "received_at": _constant(received_at, rows, TIME),
        "calling": arrays["_calling"],
        "called": arrays["_called"],
        "calling_raw": arrays["calling"],
        "called_raw": arrays["called"],
        "duration_ms": _milliseconds(arrays["duration_s"]),
        "ring_ms": _milliseconds(arrays["ring_s"]),
        "disposition": arrays["disposition"].dictionary_encode(),
        "call_id": arrays["call_id"],
        "identity_digest": digest,
        "attest": attest,
        "origid": origid,
        "terminating_spc": arrays["terminating_spc"].dictionary_encode(),
        "transcript": arrays["transcript"],
        "language": arrays["language"].dictionary_encode(),
        "labels": arrays["labels"],
        "headers": _headers(arrays["is_recorded_message"]),
    }
    made |= {"credential": _word(source.credential, rows), "software": _word(SOFTWARE, rows)}
    if raw is not None:
        made["line"] = raw
    else:
        made["raw_sha256"] = _constant(body_sha256, rows, pa.binary(32))
    return pa.table({name: made[name] for name in (*NAMES, "line") if name in made})


def _word(value: str, rows: int) -> Any:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([value]))


def _milliseconds(seconds: Any) -> Any:
    if seconds.null_count == len(seconds):
        return _constant(-1, len(seconds), pa.int64())
    exact = np.rint(seconds.fill_null(-0.001).to_numpy(zero_copy_only=False) * 1_000.0)
    return pa.array(exact.astype(np.int64))


def _signed(identity: Any) -> tuple[Any, Any, Any]:
    rows = len(identity)
    if not pc.any(pc.greater(pc.binary_length(identity), 0)).as_py():
        return _constant("", rows, pa.string()), _word("", rows), _constant("", rows, pa.string())
    found = [identity_hints((text.encode(),)) if text else None for text in identity.to_pylist()]
    return (
        pa.array([one.digest if one else "" for one in found], pa.string()),
        pa.array([one.attest if one else "" for one in found], pa.string()).dictionary_encode(),
        pa.array([one.origid if one else "" for one in found], pa.string()),
    )


def _headers(recorded: Any) -> Any:
    """Return the column ``headers``: ``recorded_message`` where the sender said whether it was one."""
    if recorded.null_count == len(recorded):
        return pa.MapArray.from_arrays([0] * (len(recorded) + 1), pa.array([], pa.string()), pa.array([], pa.string()))
    said = pc.is_valid(recorded).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(said)]).astype(np.int32)
    items = pc.if_else(recorded.drop_null(), "yes", "no")
    keys = _constant("recorded_message", len(items), pa.string())
    return pa.MapArray.from_arrays(pa.array(offsets), keys, items)
