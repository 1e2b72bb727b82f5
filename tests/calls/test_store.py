from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from headwater.calls import columns, schema
from headwater.calls.engine import Engine, RefusedByStore, StoreUnavailable
from headwater.calls.queries import CallQueries
from headwater.calls.records import Reject
from headwater.calls.store import CallStore, Inserted
from headwater.errors import Invalid
from tests.calls.samples import NOON, invite, report


def statement(store: CallStore, text: str) -> None:
    with store.engine.client(store.database) as client:
        client.command(text)


def count(store: CallStore, table: str = "calls") -> int:
    with store.engine.client(store.database) as client:
        return int(client.query(f"SELECT count() FROM {table}").first_row[0])  # noqa: S608 - a test's own table


def reads(store: CallStore) -> CallQueries:
    return CallQueries(store.engine, store.database)


# -- what is written is what is read -------------------------------------------------------------------------------


def test_every_field_comes_back_as_it_was_given(store: CallStore) -> None:
    given = [report(1), invite(2, sip_status=180, calling="", duration_ms=86_400_000, ring_ms=0)]
    assert store.insert(given) == Inserted(stored=2)
    found = reads(store).records([one.record_id for one in given])
    assert found == [msgspec.structs.replace(one, raw=b"") for one in given]


def test_raw_octets_come_back_untouched_with_their_hash(store: CallStore) -> None:
    record = invite(1)
    assert b"\xff\x00" in record.raw
    store.insert([record])
    assert reads(store).raw([record.record_id]) == {record.record_id: record.raw}
    with store.engine.client(store.database) as client:
        assert client.query("SELECT SHA256(raw) = raw_sha256 FROM calls").first_row == (1,)


def test_nothing_to_insert_is_nothing_stored(store: CallStore) -> None:
    assert store.insert([]) == Inserted(stored=0)


# -- once ----------------------------------------------------------------------------------------------------------


def test_a_record_that_comes_again_is_a_duplicate_and_not_stored(store: CallStore) -> None:
    store.insert([report(1)])
    later = report(1, received_at=NOON + timedelta(hours=1), raw=b'{"event_id": "event-1"}')
    assert store.insert([later, report(2)]) == Inserted(stored=1, duplicates=(0,))
    assert count(store) == 2
    assert reads(store).record(later.record_id).received_at == report(1).received_at


def test_a_record_that_comes_twice_in_one_insert_is_stored_once(store: CallStore) -> None:
    assert store.insert([report(1), report(2), report(1)]) == Inserted(stored=2, duplicates=(2,))
    assert count(store) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"transcript": "other words"},
        {"called": "13105559999"},
        {"calling": "12125550111"},
        {"call_at": NOON + timedelta(days=40)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_same_event_with_other_content_is_a_conflict_and_what_is_stored_stays(
    store: CallStore, changes: dict[str, object]
) -> None:
    store.insert([report(1)])
    assert store.insert([report(1, **changes), report(2)]) == Inserted(stored=1, conflicts=(0,))
    assert count(store) == 2
    assert reads(store).record(report(1).record_id) == msgspec.structs.replace(report(1), raw=b"")


def test_a_conflict_within_one_insert_keeps_the_first(store: CallStore) -> None:
    assert store.insert([report(1), report(1, transcript="x")]) == Inserted(stored=1, conflicts=(1,))


def test_duplicates_and_conflicts_are_recognised_after_a_restart(store_url: str, database: str) -> None:
    first = CallStore.open(store_url, database=database)
    first.migrate()
    first.insert([report(number) for number in range(3_000)])
    first.close()
    second = CallStore.open(store_url, database=database)
    second.migrate()
    try:
        again = [report(5), report(6, called="13105550000"), report(9_999)]
        assert second.insert(again) == Inserted(stored=1, duplicates=(0,), conflicts=(1,))
    finally:
        second.close()


def test_beyond_what_is_remembered_a_copy_is_still_hidden_from_look_ups(store_url: str, database: str) -> None:
    store = CallStore.open(store_url, database=database, remember=100)
    store.migrate()
    try:
        store.insert([report(number) for number in range(1_000)])
        forgetful = CallStore.open(store_url, database=database, remember=100)
        try:
            assert forgetful.insert([report(999)]).duplicates == (0,)
            assert forgetful.insert([report(0)]) == Inserted(stored=1)
        finally:
            forgetful.close()
        assert count(store) == 1_001
        assert len(reads(store).records([report(0).record_id])) == 1
        assert reads(store).record(report(0).record_id).received_at == report(0).received_at
    finally:
        store.close()


def test_of_two_copies_the_first_received_survives_the_merge(store: CallStore) -> None:
    late = report(1, received_at=NOON + timedelta(hours=2), transcript="late")
    store._write([report(1)])
    store._write([late])
    assert count(store) == 2
    statement(store, "OPTIMIZE TABLE calls FINAL")
    assert count(store) == 1
    assert reads(store).record(late.record_id).transcript == report(1).transcript


def test_a_retry_after_a_failure_stores_what_is_missing_and_nothing_twice(store: CallStore) -> None:
    good, bad = report(1), report(2, call_at=NOON + timedelta(days=3), source_port=70_000)
    with pytest.raises(RefusedByStore, match="ports_are_ports"):
        store.insert([good, bad])
    before = count(store)
    result = store.insert([good, report(2, call_at=NOON + timedelta(days=3))])
    assert result.stored + len(result.duplicates) == 2
    assert result.stored == 2 - before
    assert count(store) == 2


# -- in order ------------------------------------------------------------------------------------------------------


def test_a_follower_misses_nothing_when_an_earlier_receipt_is_stored_later(store: CallStore) -> None:
    store.insert([report(1, received_at=NOON + timedelta(seconds=9))])
    position = reads(store).received_since(NOON, limit=10)[-1].received_at
    store.insert([report(2, received_at=NOON + timedelta(seconds=3)), report(3, received_at=NOON)])
    found = reads(store).received_since(position, limit=10)
    assert {row.event_id for row in found} == {"event-2", "event-3"}
    assert len({row.received_at for row in found}) == 2


def test_order_holds_after_a_restart_with_a_clock_that_went_back(store_url: str, database: str) -> None:
    first = CallStore.open(store_url, database=database)
    first.migrate()
    first.insert([report(1, received_at=NOON + timedelta(days=1))])
    first.close()
    second = CallStore.open(store_url, database=database)
    try:
        second.insert([report(2, received_at=NOON)])
        assert [row.event_id for row in reads(second).received_since(NOON + timedelta(days=1), limit=9)] == ["event-2"]
    finally:
        second.close()


# -- bounds --------------------------------------------------------------------------------------------------------


def test_a_batch_over_hundreds_of_days_is_stored(store: CallStore) -> None:
    days = [report(number, call_at=NOON - timedelta(days=number)) for number in range(230)]
    assert store.insert(days) == Inserted(stored=230)
    assert count(store) == 230
    found = {row.record_id: row for row in reads(store).records([day.record_id for day in days])}
    assert all(found[day.record_id].received_at == day.received_at for day in days)


@pytest.mark.parametrize(
    ("changes", "bound"),
    [
        ({"source_port": 65_536}, "ports_are_ports"),
        ({"destination_port": -1}, "ports_are_ports"),
        ({"sip_status": 70_000}, "status_is_sip"),
        ({"duration_ms": -2}, "durations_are_bounded"),
        ({"ring_ms": 2**40}, "durations_are_bounded"),
        ({"call_at": datetime(1970, 1, 1, tzinfo=UTC)}, "call_at_is_plausible"),
        ({"call_at": datetime(2300, 1, 1, tzinfo=UTC)}, "call_at_is_plausible"),
        ({"attest": "D"}, "attest_is_known"),
        ({"raw": b"x" * 1_048_577}, "raw_is_bounded"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_value_beyond_its_bound_is_the_senders_error_and_never_wraps(
    store: CallStore, changes: dict[str, object], bound: str
) -> None:
    with pytest.raises(RefusedByStore, match=bound):
        store.insert([report(1, **changes)])
    assert count(store) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"sip_status": 2**31},
        {"transcript": "\ud800"},
        {"raw_sha256": b"short"},
        {"calling": "1" * 19},
        {"called": "alice"},
    ],
)
def test_a_value_that_no_column_takes_is_the_senders_error(store: CallStore, changes: dict[str, object]) -> None:
    with pytest.raises(RefusedByStore):
        store.insert([report(1, **changes)])
    assert store.insert([report(2)]) == Inserted(stored=1)


# -- every way in which an insert can fail is heard ------------------------------------------------------------------


def test_too_many_parts_is_an_error_not_a_success(store: CallStore) -> None:
    store.insert([report(1)])
    statement(store, "SYSTEM STOP MERGES calls")
    statement(store, "ALTER TABLE calls MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1")
    with pytest.raises(StoreUnavailable, match="parts"):
        store.insert([report(2)])
    assert count(store) == 1


def test_a_failing_view_is_an_error_not_a_success(store: CallStore) -> None:
    statement(store, "CREATE TABLE beside (event_id String, one Int64) ENGINE = MergeTree ORDER BY event_id")
    statement(
        store, "CREATE MATERIALIZED VIEW view TO beside AS SELECT event_id, throwIf(event_id != '') AS one FROM calls"
    )
    with pytest.raises(StoreUnavailable):
        store.insert([report(1)])
    statement(store, "DROP VIEW view")
    again = store.insert([report(1)])
    assert again.stored + len(again.duplicates) == 1
    assert count(store) == 1


def test_a_missing_table_is_an_error_not_a_success(store: CallStore) -> None:
    statement(store, "DROP TABLE rejects")
    with pytest.raises(StoreUnavailable):
        store.insert_rejects([reject(1)])


def test_more_than_a_hundred_days_in_one_statement_would_be_an_error(store: CallStore) -> None:
    # Shows that the cut by days is needed, and that without it the sender would hear of it.
    days = [report(number, call_at=NOON - timedelta(days=number)) for number in range(120)]
    received = [1_764_000_000_000_000 + number for number in range(120)]
    with pytest.raises(DatabaseError, match="partitions"):
        store._put("calls", columns.STORED, columns.of_records(days, received))


def test_a_closed_store_says_so(store_url: str, database: str) -> None:
    store = CallStore.open(store_url, database=database)
    store.migrate()
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.insert([report(1)])


# -- settings that are off by default --------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["calls", "rejects", "migrations"])
def test_every_table_is_synced_to_disk_on_insert_and_after_merges(store: CallStore, table: str) -> None:
    with store.engine.client(store.database) as client:
        text = client.query(f"SHOW CREATE TABLE {table}").first_row[0]
    for setting in ("fsync_after_insert = 1", "fsync_part_directory = 1", "min_rows_to_fsync_after_merge = 1"):
        assert setting in text


def test_connections_have_a_memory_limit_and_insert_synchronously(store: CallStore) -> None:
    with store.engine.client() as client:
        held = dict(
            client.query(
                "SELECT name, value FROM system.settings WHERE name IN ('max_memory_usage', 'async_insert',"
                " 'max_execution_time')"
            ).result_rows
        )
        zone = client.query("SELECT timezone()").first_row[0]
    assert held["async_insert"] == "0"
    assert int(held["max_memory_usage"]) > 0
    assert float(held["max_execution_time"]) > 0
    assert zone == "UTC"


def test_every_time_column_declares_its_zone(store: CallStore) -> None:
    with store.engine.client(store.database) as client:
        types = client.query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND type LIKE '%Date%'"
        ).result_rows
    assert types
    assert all(type_ == "DateTime64(6, 'UTC')" for _, type_ in types)


def test_the_public_schema_has_no_unsigned_integers(store: CallStore) -> None:
    with store.engine.client(store.database) as client:
        names = client.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND type LIKE 'UInt%'"
        ).result_rows
    assert {name for (name,) in names} == {"version"}, "only the merge's own version, which the engine wants so"


# -- schema ----------------------------------------------------------------------------------------------------------


def test_migrating_twice_changes_nothing_and_is_recorded_once(store: CallStore) -> None:
    store.migrate()
    assert count(store, "migrations") == len(schema.MIGRATIONS)


def test_migrations_are_numbered_without_gaps() -> None:
    assert [one.version for one in schema.MIGRATIONS] == list(range(1, len(schema.MIGRATIONS) + 1))


@pytest.mark.parametrize("name", ["", "Headwater", "a-b", "a;DROP", "a b", "1a", "x" * 64, "ä"])
def test_only_plain_names_can_name_a_database(name: str) -> None:
    with pytest.raises(Invalid):
        schema.database_name(name)


def test_the_template_renders_for_a_cluster_with_the_same_columns() -> None:
    engines = schema.Engines(
        replacing="ReplicatedReplacingMergeTree('/t/{{shard}}', '{{replica}}')",
        plain="ReplicatedMergeTree",
        aggregating="ReplicatedAggregatingMergeTree",
        on_cluster="ON CLUSTER 'calls'",
    )
    for migration in schema.MIGRATIONS:
        for template in migration.statements:
            text = schema.render(template, database="headwater", engines=engines)
            assert "ON CLUSTER 'calls'" in text
            assert "Replicated" in text or "MATERIALIZED VIEW" in text


# -- several databases, one folder -----------------------------------------------------------------------------------


def test_several_carriers_share_a_folder_and_see_nothing_of_each_other(store_url: str, store: CallStore) -> None:
    other = CallStore.open(store_url, database=f"{store.database}_other")
    other.migrate()
    try:
        store.insert([report(1)])
        assert other.insert([report(1)]) == Inserted(stored=1)
        assert (count(store), count(other)) == (1, 1)
    finally:
        other.close()


def test_spellings_of_one_folder_share_one_engine(store_url: str) -> None:
    one, other = Engine.open(store_url), Engine.open(store_url + "/")
    assert one is other
    other.close()
    one.close()


@pytest.mark.parametrize("url", ["", "/folder", "postgres://x", "ftp://x"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        CallStore.open(url)


def test_a_server_that_does_not_answer_is_unavailable_and_its_secret_is_not_shown() -> None:
    with pytest.raises(StoreUnavailable) as raised:
        CallStore.open("http://reader:hunter2@127.0.0.1:9")
    assert "hunter2" not in str(raised.value)


# -- rejects ---------------------------------------------------------------------------------------------------------


def reject(number: int) -> Reject:
    return Reject(
        received_at=NOON,
        source_id="ORG-APP",
        door="feed",
        position=number,
        reason="the line is not JSON",
        raw=b"\x00\xff{",
        raw_length=3,
        raw_sha256=b"h" * 32,
    )


def test_rejected_octets_are_kept(store: CallStore) -> None:
    store.insert_rejects([reject(1), reject(2)])
    store.insert_rejects([])
    assert count(store, "rejects") == 2
    with store.engine.client(store.database) as client:
        row = client.query("SELECT raw FROM rejects LIMIT 1", query_formats={"String": "bytes"}).first_row
    assert row == (b"\x00\xff{",)
