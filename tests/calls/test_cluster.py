"""The cluster form of the schema: every table has its pair, and what the embedded engine can make of it works.

Replication and ON CLUSTER need Keeper and are not tried here; ``make cluster-check`` tries them where they are.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import chdb
import pytest

from headwater.calls import cluster, schema
from headwater.calls.engine import Engine
from headwater.calls.keeping import Held, Policy, Span
from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore
from headwater.calls.sweep import Sweeper, Where
from headwater.errors import Invalid
from tests.calls.samples import NOON, report

#: A cluster of one shard, which is the engine itself: nothing is dialled.
CONFIG = """<clickhouse><tcp_port>9000</tcp_port><remote_servers><ours><shard><replica>
<host>127.0.0.1</host><port>9000</port></replica></shard></ours></remote_servers></clickhouse>"""
CREATED = re.compile(
    r"CREATE TABLE IF NOT EXISTS headwater\.(?P<name>\w+) (?P<where>ON CLUSTER 'us')?.*?ENGINE = (?P<engine>\w+)",
    re.DOTALL,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("cluster")
    config = folder / "config.xml"
    config.write_text(CONFIG)
    # The first to open a folder says with which configuration.
    with closing(chdb.connect(f"{folder}/data?config-file={config}")):  # type: ignore[no-untyped-call]  # chdb has no types
        engine = Engine.open(f"chdb://{folder}/data")
        with engine.client() as client:
            for statement in cluster.statements(
                database="headwater", cluster="ours", engines=schema.ONE_MACHINE, everywhere=False
            ):
                client.command(statement, use_database=False)
        yield engine
        engine.close()


def rendered() -> list[str]:
    return list(cluster.statements(database="headwater", cluster="us"))


def test_each_table_is_a_replicated_one_and_a_distributed_one_over_it() -> None:
    made = {found["name"]: found["engine"] for text in rendered() if (found := CREATED.match(text))}
    one_machine = {
        found["name"]
        for template in [*schema.FOUNDATION, *(one for step in schema.MIGRATIONS for one in step.statements)]
        if (found := CREATED.match(schema.render(template, database="headwater")))
    }
    assert len(one_machine) >= 6
    assert set(made) == one_machine | {f"{name}_local" for name in one_machine}
    for name in one_machine:
        assert made[name] == "Distributed"
        assert re.fullmatch(r"Replicated(Replacing|Aggregating)?MergeTree", made[f"{name}_local"])


def test_every_definition_goes_to_every_server() -> None:
    definitions = [text for text in rendered() if text.startswith("CREATE")]
    assert definitions
    assert all("ON CLUSTER 'us'" in text.partition("ENGINE")[0].partition(" TO ")[0] for text in definitions)


def test_calls_are_spread_by_the_last_ten_digits_of_the_called_number() -> None:
    key = "cityHash64(called_digits % 10000000000)"
    assert any(text.endswith(f"Distributed('us', 'headwater', 'calls_local', {key})") for text in rendered())


def test_views_read_and_write_within_a_shard() -> None:
    views = [text for text in rendered() if text.startswith("CREATE MATERIALIZED VIEW")]
    assert len(views) >= 2
    for text in views:
        named = re.findall(r"\bheadwater\.(\w+)", text.partition(" TO ")[2])
        assert named
        assert all(name.endswith("_local") for name in named)


@pytest.mark.parametrize("name", ["", "us'; DROP", "1st", "a" * 64])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        list(cluster.statements(database="headwater", cluster=name))


def test_the_store_works_through_the_distributed_tables(engine: Engine) -> None:
    store = CallStore(engine, "headwater")
    store.migrate()  # finds the migrations noted and makes nothing anew
    assert store.insert([report(number) for number in range(100)]).stored == 100
    again = store.insert([report(number) for number in range(90, 110)])
    assert (again.stored, again.duplicates) == (10, tuple(range(10)))

    # Another process that starts knows them too.
    assert CallStore(engine, "headwater").insert([report(5)]).duplicates == (0,)

    queries = CallQueries(engine, "headwater")
    assert queries.total() == 110
    assert queries.records([report(7).record_id])[0].event_id == "event-7"
    with engine.client("headwater") as client:
        assert client.query("SELECT count() FROM calls_local").first_row[0] == 110
        assert client.query("SELECT sum(calls) FROM hours").first_row[0] == 110


def test_what_is_printed_is_made_again_without_harm(engine: Engine) -> None:
    with engine.client() as client:
        for statement in cluster.statements(
            database="headwater", cluster="ours", engines=schema.ONE_MACHINE, everywhere=False
        ):
            client.command(statement, use_database=False)
        client.database = "headwater"
        assert client.query("SELECT count() FROM migrations FINAL").first_row[0] == len(schema.MIGRATIONS)


def test_what_is_past_its_time_goes_from_the_shards_and_what_is_held_stays(engine: Engine) -> None:
    later = NOON + timedelta(days=365)
    store, queries = CallStore(engine, "headwater"), CallQueries(engine, "headwater")
    records = [report(number, source_id="ORG-SPREAD") for number in range(2_000, 2_010)]
    store.insert(records)
    before = queries.total()
    policy = Policy(default={"rows_days": 30, "raw_days": 7, "rejects_days": 30})
    held = Held(
        record_ids=frozenset({records[3].record_id}),
        spans=(Span(source_id="ORG-SPREAD", start=records[5].call_at, end=records[7].call_at),),
    )
    sweeper = Sweeper(engine, "headwater")
    told = sweeper.run(policy, held, now=later, dry=True)
    assert sum(one.count for one in told if one.what == "rows") == before - 3
    sweeper.run(policy, held, now=later)
    assert {row[0] for row in queries.rows("SELECT event_id FROM calls")} == {"event-2003", "event-2005", "event-2006"}
    assert sweeper.run(policy, held, now=later) == []
    sweeper.run(policy, Held(), now=later)
    assert queries.rows("SELECT count() FROM calls_local")[0][0] == 0


def test_a_change_is_sent_to_every_server_where_there_are_several() -> None:
    spread = "Distributed('us', 'headwater', 'calls_local', cityHash64(x))"
    everywhere = Where.of(spread, servers=4)
    assert (everywhere.suffix, everywhere.on_cluster) == ("_local", " ON CLUSTER 'us'")
    assert "allow_nondeterministic_mutations = 1" in everywhere.more
    assert Where.of(spread, servers=1) == Where(suffix="_local")
    assert Where.of("ReplacingMergeTree(version) ORDER BY x", servers=0) == Where()
