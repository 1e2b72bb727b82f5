from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from headwater.calls import queries
from headwater.calls.engine import StoreUnavailable
from headwater.calls.queries import CallQueries, NoSuchRecord
from headwater.calls.records import RecordKind, SourceKind
from headwater.calls.store import CallStore
from headwater.errors import Invalid
from tests.calls.samples import NOON, invite, report


@pytest.fixture
def reads(store: CallStore, store_url: str) -> Iterator[CallQueries]:
    yield queries.connect(store_url, database=store.database)
    queries.disconnect(store_url, database=store.database)


def test_connect_gives_the_same_reader_for_the_same_database(
    reads: CallQueries, store: CallStore, store_url: str
) -> None:
    assert queries.connect(store_url, database=store.database) is reads


def test_records_come_in_the_order_asked_and_without_their_octets(reads: CallQueries, store: CallStore) -> None:
    store.insert([report(number) for number in range(5)])
    asked = [report(3).record_id, uuid4(), report(1).record_id]
    found = reads.records(asked)
    assert [row.event_id for row in found] == ["event-3", "event-1"]
    assert all(row.raw == b"" and len(row.raw_sha256) == 32 for row in found)
    assert reads.records([]) == []


def test_more_records_than_one_statement_takes_are_found(reads: CallQueries, store: CallStore) -> None:
    store.insert([report(number) for number in range(2_500)])
    asked = [report(number).record_id for number in range(2_500)]
    assert [row.record_id for row in reads.records(asked)] == asked
    assert len(reads.raw(asked)) == 2_500


def test_a_record_that_is_not_there_is_an_error_with_a_name(reads: CallQueries) -> None:
    with pytest.raises(NoSuchRecord):
        reads.record(uuid4())


def test_a_follower_by_pages_sees_everything_once(reads: CallQueries, store: CallStore) -> None:
    # Twenty records a moment, so that pages of seven are cut in the middle of one.
    given = [report(n, received_at=NOON + timedelta(seconds=n // 20)) for n in range(100)]
    store.insert(given)
    store.insert([invite(1, received_at=NOON + timedelta(seconds=2))])
    seen: list[str] = []
    at = NOON - timedelta(seconds=1)
    while page := reads.received_since(at, limit=7):
        assert page == sorted(page, key=lambda row: (row.received_at, row.record_id.bytes))
        seen += [row.event_id for row in page]
        at = page[-1].received_at
    assert sorted(seen) == sorted(row.event_id for row in given)


def test_a_follower_can_ask_for_captured_signalling(reads: CallQueries, store: CallStore) -> None:
    store.insert([report(1), invite(2)])
    rows = reads.received_since(NOON, limit=5, record_kind=RecordKind.SIP)
    assert [row.call_id for row in rows] == ["call-2@example"]


def test_a_call_is_found_by_the_last_ten_digits_within_its_window(reads: CallQueries, store: CallStore) -> None:
    at = NOON
    store.insert(
        [
            invite(1, called="13105550001", call_at=at - timedelta(seconds=60)),
            invite(2, called="99913105550001", call_at=at + timedelta(seconds=60)),
            invite(3, called="13105550001", call_at=at + timedelta(seconds=61)),
            invite(4, called="13105550002", call_at=at),
            invite(5, called="13105550001", call_at=at, calling="12125550111"),
            invite(6, called="13105550001", call_at=at, sip_method="BYE"),
            report(7, called="13105550001", call_at=at),
        ]
    )
    found = reads.find_sip(called="3105550001", calling="", at=at, window_s=60)
    assert [row.call_id for row in found] == ["call-1@example", "call-5@example", "call-2@example"]
    found = reads.find_sip(called="+13105550001"[1:], calling="2125550111", at=at, window_s=60)
    assert [row.call_id for row in found] == ["call-5@example"]
    assert [r.call_id for r in reads.find_sip(called="3105550001", calling="", at=at, window_s=60, method="BYE")] == [
        "call-6@example"
    ]


def test_without_a_called_number_no_call_is_found(reads: CallQueries, store: CallStore) -> None:
    store.insert([invite(1, called="")])
    assert reads.find_sip(called="", calling="", at=NOON, window_s=9_999) == []


def test_values_are_bound_and_never_read_as_sql(reads: CallQueries, store: CallStore) -> None:
    store.insert([invite(1)])
    for hostile in ("' OR 1=1 --", "\\' OR 1=1 --", "x\ty\n", "{a:String}", "\\N"):
        assert reads.find_sip(called=hostile, calling="", at=NOON, window_s=60) == []
        assert reads.by_call_id(hostile, at=NOON, window_s=60) == []


def test_calls_are_found_by_call_id_and_identity_within_the_window(reads: CallQueries, store: CallStore) -> None:
    one, late = invite(1), invite(2, call_id="call-1@example", call_at=NOON + timedelta(hours=3))
    store.insert([one, late])
    assert [r.record_id for r in reads.by_call_id("call-1@example", at=NOON, window_s=600)] == [one.record_id]
    assert [r.record_id for r in reads.by_identity(one.identity_digest.upper(), at=NOON, window_s=600)] == [
        one.record_id
    ]
    assert reads.by_call_id("", at=NOON, window_s=600) == []
    assert reads.by_identity("", at=NOON, window_s=600) == []


def test_the_latest_come_newest_first_however_old_they_are(reads: CallQueries, store: CallStore) -> None:
    now = datetime.now(UTC)
    store.insert([report(1, received_at=now - timedelta(days=30)), report(2, received_at=now - timedelta(seconds=5))])
    assert [row.event_id for row in reads.latest(5)] == ["event-2", "event-1"]
    assert [row.event_id for row in reads.latest(1)] == ["event-2"]


def test_counts_are_split_by_minute_and_source(reads: CallQueries, store: CallStore) -> None:
    store.insert(
        [
            report(1, received_at=NOON),
            report(2, received_at=NOON + timedelta(seconds=59)),
            report(3, received_at=NOON + timedelta(seconds=61)),
            invite(4, received_at=NOON + timedelta(seconds=62)),
        ]
    )
    assert [(c.minute, c.source_kind, c.source_id, c.records) for c in reads.per_minute(NOON)] == [
        (NOON, SourceKind.APP, "ORG-APP", 2),
        (NOON + timedelta(minutes=1), SourceKind.APP, "ORG-APP", 1),
        (NOON + timedelta(minutes=1), SourceKind.CARRIER, "ORG-CARRIER", 1),
    ]
    assert reads.total() == 4


def test_the_lag_is_the_longest_wait_of_the_last_minute(reads: CallQueries, store: CallStore) -> None:
    assert reads.lag() == 0
    store.insert([report(1, received_at=datetime.now(UTC) - timedelta(seconds=7))])
    assert 7 <= reads.lag() < 20


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(reads: CallQueries, limit: int) -> None:
    with pytest.raises(Invalid):
        reads.latest(limit)


def test_times_come_back_aware_and_to_the_microsecond(reads: CallQueries, store: CallStore) -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
    store.insert([report(1, call_at=at.astimezone(UTC))])
    row = reads.record(report(1).record_id)
    assert row.call_at == at
    assert row.call_at.utcoffset() == timedelta(0)


def test_a_reader_of_an_absent_database_is_told_that_the_store_failed(store_url: str) -> None:
    absent = queries.connect(store_url, database="absent")
    try:
        with pytest.raises(StoreUnavailable):
            absent.total()
    finally:
        queries.disconnect(store_url, database="absent")


def test_records_equal_what_was_sent(reads: CallQueries, store: CallStore) -> None:
    store.insert([report(1)])
    assert reads.record(report(1).record_id) == msgspec.structs.replace(report(1), raw=b"")
