"""Bodies that are kept whole: packed and unpacked, lines found in them, and given to nobody who may read no octets."""

from datetime import timedelta
from hashlib import sha256

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import bodies, columns, rights
from headwater.calls.bodies import LINES
from headwater.calls.facade import Facade, Readers
from headwater.calls.queries import BODIES_AT_ONCE, CallQueries, connect, disconnect
from headwater.calls.records import Body
from headwater.calls.statements import RefusedStatement, check
from headwater.calls.store import CallStore
from tests.calls.samples import NOON, report
from tests.calls.test_facade import served


def pack(octets: bytes) -> Body:
    return bodies.pack(octets, source_id="ORG-APP", received_at=NOON, media_type=LINES)


@given(st.binary(max_size=500))
def test_a_body_comes_back_as_it_came(octets: bytes) -> None:
    body = pack(octets)
    assert bodies.unpack(body.packed, body.length) == octets


@given(st.binary(max_size=100), st.integers(-5, 200))
def test_what_was_tampered_with_is_told_or_is_of_the_length_that_is_said(packed: bytes, length: int) -> None:
    try:
        assert len(bodies.unpack(packed, length)) == length
    except bodies.BadBody:
        return


def test_a_length_beyond_the_bound_is_not_believed() -> None:
    with pytest.raises(bodies.BadBody, match="octets"):
        bodies.unpack(pack(b"{}").packed, bodies.LONGEST + 1)


@given(st.lists(st.binary(max_size=5).filter(lambda line: b"\n" not in line), min_size=1, max_size=20), st.data())
def test_a_line_is_found_by_its_digest_and_nothing_else_is(lines: list[bytes], data: st.DataObject) -> None:
    wanted = data.draw(st.sets(st.sampled_from(lines)))
    digests = {sha256(line).digest(): line for line in wanted}
    assert bodies.lines_of(b"\n".join(lines), [*digests, bytes(32)]) == digests


@pytest.mark.parametrize("door", ["engine", "facade"])
def test_records_of_more_bodies_than_are_unpacked_at_once_all_have_their_octets(store: CallStore, door: str) -> None:
    made = [report(number, raw=b"") for number in range(BODIES_AT_ONCE + 3)]
    lines = [f'{{"event_id":"{one.event_id}"}}'.encode() for one in made]
    for one, line in zip(made, lines, strict=True):
        at = round(one.received_at.timestamp() * 1_000_000)
        table = columns.table_of([one], [at]).drop_columns(["raw", "raw_sha256"])
        body = bodies.pack(line, source_id=one.source_id, received_at=one.received_at, media_type=LINES)
        store.insert_table(table.append_column("line", pa.array([line], pa.binary())), whole=[body])
    ids = [one.record_id for one in made]
    sent = dict(zip(ids, lines, strict=True))
    if door == "engine":
        assert CallQueries(store.engine, store.database).raw(ids) == sent
        return
    facade = Facade(store.engine, database=store.database, readers=Readers({"work": "secret"}))
    with served(facade) as port:
        url = f"http://work:secret@127.0.0.1:{port}"
        assert connect(url, database=store.database).raw(ids) == sent
        disconnect(url, database=store.database)
    facade.close()


def test_a_body_follows_its_rows_where_something_later_was_stored_before_them(store: CallStore) -> None:
    store.insert([report(100)])  # received after all that follows: those get the next free microseconds
    made = [report(number, raw=b"", received_at=NOON + timedelta(seconds=number // 3)) for number in range(9)]
    lines = [f'{{"event_id":"{one.event_id}"}}'.encode() for one in made]
    whole = [
        bodies.pack(
            b"\n".join(lines[n : n + 3]), source_id="ORG-APP", received_at=made[n].received_at, media_type=LINES
        )
        for n, one in list(enumerate(made))[::3]
    ]
    received = [round(one.received_at.timestamp() * 1_000_000) for one in made]
    table = columns.table_of(made, received).drop_columns(["raw", "raw_sha256"])
    store.insert_table(table.append_column("line", pa.array(lines, pa.binary())), whole=whole)
    reads, ids = CallQueries(store.engine, store.database), [one.record_id for one in made]
    assert {row.received_at for row in reads.records(ids)}.isdisjoint({one.received_at for one in made})
    assert reads.raw(ids) == dict(zip(ids, lines, strict=True))
    # Known again as a whole: its body is not kept twice.
    store.insert_table(table.append_column("line", pa.array(lines, pa.binary())), whole=whole)
    assert reads.rows("SELECT toInt64(count()) FROM bodies")[0][0] == len(whole)


@pytest.mark.parametrize("reader", ["carrier", "desk", "portal", "a chart of the operator"])
def test_who_may_read_no_octets_reads_no_body(reader: str) -> None:
    for statement in ("SELECT packed FROM bodies", "SELECT count() FROM bodies", "SELECT * FROM bodies"):
        with pytest.raises(RefusedStatement):
            check(statement, database="headwater", rights=rights.of(reader))
    check("SELECT packed FROM bodies", database="headwater", rights=rights.of("work"))
