"""Bulk bodies at the feed door: Arrow streams, Parquet files, zstd; hostile ones cost bounded memory."""

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.api import tables
from headwater.calls.bodies import unpack
from headwater.calls.records import SourceKind
from headwater.intake.sources import Source
from tests.api.test_feeds import Door, alive, event, memory_octets, open_door

ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}
SOURCE = Source(source_id="ORG-1", source_kind=SourceKind.APP)
PARQUET = {"Content-Type": "application/vnd.apache.parquet"}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("tables") / "calls") as opened:
        yield opened


def table(first: int, rows: int = 100) -> Any:
    at = datetime.now(UTC) - timedelta(minutes=5)
    return pa.table(
        {
            "event_id": [f"t{first + row}" for row in range(rows)],
            "call_at": pa.array([at + timedelta(seconds=row) for row in range(rows)], pa.timestamp("us", "UTC")),
            "calling": ["+12155550100"] * rows,
            "called": [f"+1310555{row % 10_000:04d}" for row in range(rows)],
            "transcript": ["press one"] * rows,
        }
    )


def stream(sent: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, sent.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(sent)
    return sink.getvalue()


def file(sent: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(sent, sink, compression="zstd")
    return sink.getvalue()


def test_an_arrow_stream_is_stored_with_its_body_as_evidence(door: Door) -> None:
    body = stream(table(0))
    answer = door.post(body, **ARROW)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 100)
    (record,) = [one for one in door.reads.latest(100) if one.event_id == "t7"]
    assert record.raw_sha256 == sha256(body).digest()
    with door.store.engine.client("headwater") as client:
        kept = client.query(
            "SELECT packed, length FROM bodies WHERE hex(body_sha256) = {digest:String}",
            parameters={"digest": sha256(body).hexdigest().upper()},
            query_formats={"String": "bytes"},
        ).result_rows
    assert [unpack(packed, length) for packed, length in kept] == [body]


def test_the_same_events_in_another_form_are_known_again(door: Door) -> None:
    sent = table(1_000)
    assert door.post(stream(sent, compression="zstd"), **ARROW).json()["accepted"] == 100
    assert door.post(file(sent), **PARQUET).json() == {"accepted": 0, "duplicates": 100, "rejected": 0, "errors": []}
    lines = b"\n".join(json.dumps(row | {"call_at": row["call_at"].isoformat()}).encode() for row in sent.to_pylist())
    assert door.post(lines).json()["duplicates"] == 100


def test_bad_rows_are_named_by_their_place(door: Door) -> None:
    sent = table(2_000).set_column(3, "called", pa.array(["x"] + ["+13105550111"] * 99))
    answer = door.post(stream(sent), **ARROW).json()
    assert (answer["accepted"], answer["rejected"], answer["errors"][0]["line"]) == (99, 1, 1)
    assert answer["errors"][0]["event_id"] == "t2000"


def test_a_conflict_in_a_table_is_named(door: Door) -> None:
    door.post(stream(table(3_000)), **ARROW)
    answer = door.post(stream(table(3_000).set_column(4, "transcript", pa.array(["other"] * 100))), **ARROW)
    assert answer.json()["accepted"] == 0
    assert len(answer.json()["errors"]) == 100


def test_zstd_is_read_and_its_bomb_stops_at_the_bound(door: Door) -> None:
    lines = b"\n".join(event(number) for number in range(500))
    packed = pa.compress(lines, codec="zstd", asbytes=True)
    assert door.post(packed, **{"Content-Encoding": "zstd"}).json()["accepted"] == 500
    bomb = pa.compress(b"x" * 200_000_000, codec="zstd", asbytes=True)
    before = memory_octets()
    assert door.post(bomb, **{"Content-Encoding": "zstd"}).status_code == 413
    assert memory_octets() - before < 150_000_000
    assert door.post(packed[:-30], **{"Content-Encoding": "zstd"}).status_code == 422
    assert alive(door)


def test_an_arrow_bomb_and_a_parquet_bomb_are_refused(door: Door) -> None:
    huge = table(0, 1_000).set_column(4, "transcript", pa.array(["x" * 400_000] * 1_000))
    assert door.post(stream(huge, compression="zstd"), **ARROW).status_code in {413, 422}
    assert door.post(file(huge), **PARQUET).status_code == 413
    assert alive(door)


@pytest.mark.parametrize("headers", [ARROW, PARQUET], ids=["arrow", "parquet"])
def test_truncated_and_damaged_files_are_refused_and_the_door_lives(door: Door, headers: dict[str, str]) -> None:
    whole = stream(table(9_000)) if headers is ARROW else file(table(9_000))
    before = door.reads.total()
    for cut in (0, 1, 7, 8, 40, len(whole) // 2):
        assert door.post(whole[:cut], **headers).status_code == 422, cut
    # A length of two gigabytes where the stream says how long its next message is.
    assert door.post(b"\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[8:], **headers).status_code == 422
    assert door.post(os.urandom(5_000), **headers).status_code == 422
    assert door.reads.total() == before
    assert alive(door)


@pytest.mark.parametrize("headers", [ARROW, PARQUET], ids=["arrow", "parquet"])
def test_a_table_of_another_form_is_422(door: Door, headers: dict[str, str]) -> None:
    sent = pa.table({"a": [1]})
    answer = door.post(stream(sent) if headers is ARROW else file(sent), **headers)
    assert answer.status_code == 422
    assert "column" in answer.json()["detail"]


def test_too_many_rows_are_413(door: Door) -> None:
    assert door.post(stream(pa.concat_tables([table(0, 1_000)] * 101)), **ARROW).status_code == 413


def test_a_stream_whose_offsets_point_outside_it_is_refused_and_ends_no_process() -> None:
    whole = stream(pa.table({"event_id": ["abcdefgh"], "called": ["+13105550111"]}))
    place = whole.index((8).to_bytes(4, "little") + bytes(4))  # where the first text ends
    with pytest.raises(tables.BadTableFile, match="cannot be read"):
        tables.read(tables.ARROW, whole[:place] + b"\xff\xff\xff\x7f" + whole[place + 4 :], SOURCE, datetime.now(UTC))


def test_a_column_whose_name_or_zone_is_no_text_is_refused() -> None:
    whole = stream(table(0, 1))
    for said, broken in ((b"called", b"call\xffd"), (b"UTC", b"\xe2TC")):
        with pytest.raises(tables.BadTableFile, match="cannot be read"):
            tables.read(tables.ARROW, whole.replace(said, broken), SOURCE, datetime.now(UTC))


def test_a_row_whose_time_no_calendar_has_costs_no_other() -> None:
    sent = table(0, 3)
    far = (
        pa.array([2**62, None, None], pa.int64())
        .fill_null(sent["call_at"].cast(pa.int64())[1])
        .cast(sent["call_at"].type)
    )
    found = tables.read(tables.ARROW, stream(sent.set_column(1, "call_at", far)), SOURCE, datetime.now(UTC))
    assert ([one.line for one in found.rejects], list(found.lines)) == ([1], [2, 3])
    assert b"t0" in found.kept[0].raw


def test_a_refused_row_of_a_zone_that_no_list_has_is_kept_as_text() -> None:
    sent = table(0, 2)
    odd = sent.set_column(1, "call_at", sent["call_at"].cast(pa.timestamp("us", "UTB")))
    odd = odd.set_column(3, "called", pa.array(["x", "+13105550111"]))
    found = tables.read(tables.ARROW, stream(odd), SOURCE, datetime.now(UTC))
    assert b"t0" in found.kept[0].raw


def test_a_dictionary_of_anything_but_text_is_refused() -> None:
    sent = table(0, 2)
    odd = sent.set_column(4, "transcript", pa.array([7, 7]).dictionary_encode())
    with pytest.raises(tables.BadTableFile, match="dictionary of something else"):
        tables.read(tables.ARROW, stream(odd), SOURCE, datetime.now(UTC))
