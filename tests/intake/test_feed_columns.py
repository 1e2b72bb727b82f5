"""What is read by columns is what is read a line at a time; what is odd is left to the careful reader."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.columns import record_at
from headwater.calls.records import CallRecord, SourceKind
from headwater.intake import feed_columns
from headwater.intake.feed import read_lines
from headwater.intake.sources import Source

APP = Source(source_id="ORG-APP", source_kind=SourceKind.APP)
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJhdHRlc3QiOiJBIiwib3JpZ2lkIjoiMTIzIn0.c2ln"

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
numbers = st.sampled_from(["+12155550100", "2155550100", "(215) 555-0100", "anonymous", "", "+1", "sip:+13105550111@x"])
events = st.fixed_dictionaries(
    {
        "event_id": st.integers(0, 10**9).map(str),
        "call_at": st.sampled_from(
            ["2026-11-24T11:59:59.123456Z", "2026-11-24T05:00:00-05:00", "2001-01-01T00:00:00Z"]
        ),
        "calling": numbers,
        "called": st.sampled_from(["+13105550111", "3105550111", "tel:+13105550112"]),
    },
    optional={
        "duration_s": st.none() | st.floats(0, 86_400) | st.integers(0, 86_400),
        "ring_s": st.none() | st.floats(0, 3_600),
        "disposition": st.sampled_from(["answered", "blocked", "unknown"]),
        "transcript": text,
        "language": st.sampled_from(["", "en"]),
        "labels": st.lists(text, max_size=3),
        "is_recorded_message": st.sampled_from([None, True, False]),
        "terminating_spc": st.sampled_from(["", "709J"]),
        "call_id": text,
        "identity": st.sampled_from(["", TOKEN]),
    },
)


def body_of(rows: list[dict[str, Any]], *, plain: bool = True) -> bytes:
    return b"\n".join(json.dumps(row, ensure_ascii=plain, separators=(",", ":")).encode() for row in rows)


def alike(table: Any, records: list[CallRecord]) -> None:
    assert table.num_rows == len(records)
    for place, record in enumerate(records):
        row = record_at(table, place)
        nothing = {"raw": b"", "raw_sha256": b""}
        assert msgspec.structs.replace(row, **nothing) == msgspec.structs.replace(record, **nothing)
        assert table.column("line")[place].as_py() == record.raw


@given(st.lists(events, min_size=1, max_size=8), st.booleans())
def test_by_columns_says_what_the_careful_reader_says(rows: list[dict[str, Any]], plain: bool) -> None:  # noqa: FBT001
    body = body_of(rows, plain=plain)
    table = feed_columns.read_body(body, APP, NOW)
    careful = read_lines(body, APP, NOW)
    if table is not None:
        assert not careful.rejects
        alike(table, careful.records)


def test_plain_bodies_are_read_by_columns() -> None:
    rows = [
        {"event_id": str(n), "call_at": "2026-11-24T11:00:00Z", "calling": "", "called": "+13105550111"}
        for n in range(9)
    ]
    for body in (body_of(rows), body_of(rows) + b"\n", body_of(rows).replace(b"\n", b"\r\n")):
        assert feed_columns.read_body(body, APP, NOW) is not None


GOOD = '{"event_id":"1","call_at":"2026-11-24T11:00:00Z","calling":"","called":"+13105550111"}'


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "x",
        " " + GOOD,
        GOOD + GOOD,
        GOOD.replace(":", " :", 1),
        GOOD.replace("called", "caller"),
        GOOD.replace('"1"', "1"),
        GOOD.replace('"1"', '""'),
        GOOD.replace('"calling":""', '"event_id":"2"'),
        GOOD.replace('"calling":""', '"calling":"","calling":""'),
        GOOD.replace('"calling":""', '"calling":"","transcript":"\\u0000"'),
        GOOD.replace("2026", "1999"),
        GOOD.replace("2026", "2027"),
        GOOD.replace("00Z", "00"),
        GOOD.replace("+13105550111", "none"),
        GOOD.replace('"calling":""', '"calling":"","duration_s":"5"'),
        GOOD.replace('"calling":""', '"calling":"","duration_s":-1'),
        GOOD.replace('"calling":""', '"calling":"\\ud800"'),
        GOOD.replace('"calling":""', '"calling":"\\udc00"'),
        GOOD.replace('"calling":""', '"calling":null'),
        GOOD.replace('"calling":""', '"calling":"","labels":["a",null]'),
        GOOD.replace('"calling":""', '"calling":"","labels":[["a"]]'),
        GOOD.replace('"calling":""', '"calling":"","labels":{"a":"b"}'),
        GOOD.replace('"calling":""', f'"calling":"","labels":["{"a" * 129}"]'),
        GOOD.replace('"calling":""', f'"calling":"","labels":{json.dumps(["a"] * 33, separators=(",", ":"))}'),
        GOOD.replace('"calling":""', f'"calling":"{"9" * 257}"'),
        GOOD.replace('"calling":""', '"calling":"","duration_s":1e999'),
        GOOD.replace('"calling":""', '"calling":"","duration_s":05'),
        GOOD.replace('"calling":""', '"calling":"","is_recorded_message":1'),
        GOOD.replace('"calling":""', '"calling":"\t"'),
        GOOD.replace("T11", " 11"),
        GOOD.replace("T11:00:00Z", "T11Z"),
        GOOD.replace("T11:00:00Z", "T24:00:00Z"),
        GOOD.replace("11-24T", "02-30T"),
        GOOD.replace("00Z", "00.1234567Z"),
        GOOD[:30],
        GOOD[:30] + "\n" + GOOD[30:],
        json.dumps({"specversion": "1.0", "id": "1"}),
    ],
)
def test_a_body_with_anything_odd_is_left_to_the_careful_reader(line: str) -> None:
    assert feed_columns.read_body(GOOD.encode(), APP, NOW) is not None
    assert feed_columns.read_body(line.encode(), APP, NOW) is None
    assert feed_columns.read_body(b"\n".join([GOOD.encode(), line.encode(), GOOD.encode()]), APP, NOW) is None


def test_octets_that_are_no_text_and_objects_over_two_lines_are_left_to_the_careful_reader() -> None:
    rest = GOOD.encode()
    broken = rest.replace(b'"calling":""', b'"calling":"\xff"')
    two = GOOD.replace("{", "{\n", 1).encode()
    for body in (broken, rest + b"\n" + two, b"\xef\xbb\xbf" + rest, rest + b"," + b"\n" + rest):
        assert feed_columns.read_body(body, APP, NOW) is None


# -- tables --------------------------------------------------------------------------------------------------------


def table(rows: int = 4, **changes: Any) -> Any:
    columns = {
        "event_id": pa.array([f"e{row}" for row in range(rows)]),
        "call_at": pa.array([NOW - timedelta(minutes=1)] * rows, pa.timestamp("us", "UTC")),
        "calling": pa.array(["+12155550100"] * rows),
        "called": pa.array(["+13105550111"] * rows),
    } | changes
    return pa.table({name: column for name, column in columns.items() if column is not None})


def read(sent: Any) -> feed_columns.ReadTable:
    return feed_columns.read_table(sent, APP, NOW, body_sha256=sha256(b"body").digest())


def test_a_row_of_a_table_is_the_event_of_the_same_line() -> None:
    sent = table(disposition=pa.array(["blocked"] * 4).dictionary_encode(), duration_s=pa.array([1.5, None, 0, 2]))
    found = read(sent)
    line = body_of(
        [
            {
                "event_id": "e0",
                "call_at": "2026-11-24T11:59:00Z",
                "calling": "+12155550100",
                "called": "+13105550111",
                "disposition": "blocked",
                "duration_s": 1.5,
            }
        ]
    )
    (record,) = read_lines(line, APP, NOW).records
    nothing = {"raw": b"", "raw_sha256": b""}
    assert msgspec.structs.replace(record_at(found.columns, 0), **nothing) == msgspec.structs.replace(record, **nothing)
    assert found.columns.column("raw_sha256")[0].as_py() == sha256(b"body").digest()
    assert "line" not in found.columns.column_names


def test_bad_rows_are_named_and_the_rest_is_taken() -> None:
    found = read(table(called=pa.array(["+13105550111", "no", None, "+13105550112"])))
    assert [fault[:2] for fault in found.faults] == [(2, "e1"), (3, "e2")]
    assert (found.columns.num_rows, list(found.rows)) == (2, [1, 4])


@pytest.mark.parametrize(
    "changes",
    [
        {"called": None},
        {"more": pa.array(["x"] * 4)},
        {"call_at": pa.array(["2026-11-24T11:59:00Z"] * 4)},
        {"call_at": pa.array([NOW.replace(tzinfo=None)] * 4, pa.timestamp("us"))},
        {"event_id": pa.array([1, 2, 3, 4])},
        {"labels": pa.array(["x"] * 4)},
        {"duration_s": pa.array(["x"] * 4)},
    ],
    ids=[
        "no called",
        "one too many",
        "text for time",
        "no zone",
        "number for text",
        "text for list",
        "text for number",
    ],
)
def test_a_table_of_another_form_is_refused_as_a_whole(changes: dict[str, Any]) -> None:
    with pytest.raises(feed_columns.BadTable):
        read(table(**changes))


def test_nulls_where_a_value_must_stand_are_named() -> None:
    found = read(table(event_id=pa.array(["a", None, "", "d"])))
    assert [row for row, _, _ in found.faults] == [2, 3]
