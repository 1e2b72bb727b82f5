"""What is past its time goes, what is held stays, and a run that was cut off is made up for."""

import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import columns, keeping
from headwater.calls.bodies import LINES, pack
from headwater.calls.keeping import Held, Policy, Span
from headwater.calls.queries import CallQueries
from headwater.calls.records import Reject
from headwater.calls.store import CallStore
from headwater.calls.sweep import Expired, Sweeper
from headwater.errors import Invalid
from tests.calls.samples import NOON, invite, report

YEAR_ON = NOON + timedelta(days=365)
ALL = Policy(default={"rows_days": 30, "rejects_days": 30})


def kept(store: CallStore) -> set[str]:
    rows = CallQueries(store.engine, store.database).rows("SELECT event_id FROM calls")
    return {row[0] for row in rows}


def count(store: CallStore, table: str) -> int:
    return int(CallQueries(store.engine, store.database).rows(f"SELECT count() FROM {table}")[0][0])  # noqa: S608 - ours


def test_without_rules_nothing_of_a_call_goes(store: CallStore) -> None:
    store.insert([report(1)])
    assert Sweeper(store.engine, store.database).run(Policy(), Held(), now=YEAR_ON) == []
    assert kept(store) == {"event-1"}


def test_a_source_goes_before_a_class_and_that_before_the_default(store: CallStore) -> None:
    store.insert([report(1), report(2, source_id="ORG-SHORT"), report(3, source_id="ORG-EVER"), invite(4)])
    policy = keeping.read(
        "[default]\nrows_days = 400\n[class.sip]\nrows_days = 10\n"
        '[source."ORG-SHORT"]\nrows_days = 20\n[source."ORG-EVER"]\nrows_days = 0\n'
    )
    sweeper = Sweeper(store.engine, store.database)
    told = sweeper.run(policy, Held(), now=YEAR_ON, dry=True)
    assert [(one.what, one.source_id, one.record_kind, one.count) for one in told] == [
        ("rows", "ORG-CARRIER", "sip", 1),
        ("rows", "ORG-SHORT", "report", 1),
    ]
    assert count(store, "calls") == 4, "a dry run deleted something"
    assert sweeper.run(policy, Held(), now=YEAR_ON) == told
    assert kept(store) == {"event-1", "event-3"}
    assert sweeper.run(policy, Held(), now=YEAR_ON) == [], "the second run found something to do"
    sweeper.run(policy, Held(), now=YEAR_ON + timedelta(days=40))
    assert kept(store) == {"event-3"}


def test_octets_go_before_the_record_whose_hash_stays(store: CallStore) -> None:
    one, held = report(1), report(2)
    store.insert([one, held])
    policy = Policy(default={"rows_days": 1_000, "raw_days": 7})
    Sweeper(store.engine, store.database).run(policy, Held(record_ids=frozenset({held.record_id})), now=YEAR_ON)
    reads = CallQueries(store.engine, store.database)
    assert reads.raw([one.record_id, held.record_id]) == {held.record_id: held.raw}
    assert reads.record(one.record_id).raw_sha256 == sha256(one.raw).digest()


def test_what_is_held_by_name_or_by_source_and_time_survives(store: CallStore) -> None:
    store.insert([report(number) for number in range(10)] + [report(500, source_id="ORG-OTHER")])
    held = Held(
        record_ids=frozenset({report(3).record_id}),
        spans=(Span(source_id="ORG-APP", start=NOON + timedelta(seconds=5), end=NOON + timedelta(seconds=7)),),
    )
    sweeper = Sweeper(store.engine, store.database)
    sweeper.run(ALL, held, now=YEAR_ON)
    assert kept(store) == {"event-3", "event-5", "event-6"}
    sweeper.run(ALL, Held(), now=YEAR_ON)
    assert kept(store) == set(), "what was released goes"


def test_rejects_and_bodies_go_by_their_own_rules_and_are_held_with_their_records(store: CallStore) -> None:
    lines = [b'{"event_id":"event-1"}', b'{"event_id":"event-2"}']
    body = pack(b"\n".join(lines), source_id="ORG-APP", received_at=NOON, media_type=LINES)
    reject = Reject(
        received_at=NOON,
        source_id="ORG-APP",
        door="feed",
        position=1,
        reason="no JSON",
        raw=b"{",
        raw_length=1,
        raw_sha256=sha256(b"{").digest(),
    )
    made = [report(number, received_at=NOON, raw=b"") for number in (1, 2)]
    table = columns.table_of(made, [1_000_000 * int(NOON.timestamp())] * 2).drop_columns(["raw", "raw_sha256"])
    store.insert_table(table.append_column("line", pa.array(lines, pa.binary())), whole=[body])
    store.insert_rejects([reject])
    reads = CallQueries(store.engine, store.database)
    ids = [one.record_id for one in made]
    assert reads.raw(ids) == dict(zip(ids, lines, strict=True))
    sweeper = Sweeper(store.engine, store.database)
    sweeper.run(ALL, Held(record_ids=frozenset({ids[0]})), now=YEAR_ON)
    assert (count(store, "calls"), count(store, "bodies"), count(store, "rejects")) == (1, 1, 0)
    assert reads.raw(ids) == {ids[0]: lines[0]}
    sweeper.run(Policy(default={"raw_days": 30}), Held(), now=YEAR_ON)
    assert (count(store, "calls"), count(store, "bodies")) == (1, 0), "the octets go before the record"
    assert reads.raw(ids) == {}
    assert reads.record(ids[0]).raw_sha256 == sha256(lines[0]).digest()


def test_a_body_never_outlives_the_records_that_were_made_of_it(store: CallStore) -> None:
    body = pack(b"{}", source_id="ORG-APP", received_at=NOON, media_type=LINES)
    table = columns.table_of([report(1, received_at=NOON, raw=b"")], [1_000_000 * int(NOON.timestamp())])
    store.insert_table(table, whole=[body])
    policy = keeping.read("[default]\nrows_days = 0\n[class.report]\nrows_days = 30\nraw_days = 4000\n")
    Sweeper(store.engine, store.database).run(policy, Held(), now=YEAR_ON)
    assert (count(store, "calls"), count(store, "bodies")) == (0, 0)


def test_a_step_that_cannot_be_told_is_not_taken(store: CallStore) -> None:
    store.insert([report(1)])

    def tell(_stage: str, _expired: list[Expired]) -> None:
        raise ConnectionError("the audit is away")

    with pytest.raises(ConnectionError):
        Sweeper(store.engine, store.database).run(ALL, Held(), now=YEAR_ON, tell=tell)
    assert kept(store) == {"event-1"}


#: Says which step it begins, and is killed there; with ``done``, after it.
KILLED = """
import os, signal, sys
from headwater.calls.keeping import Held
from headwater.calls.store import CallStore
from headwater.calls.sweep import Sweeper
from tests.calls.samples import report
from tests.calls.test_sweep import ALL, YEAR_ON
store = CallStore.open(sys.argv[1])
store.migrate()
store.insert([report(number) for number in range(200)])
def tell(stage, expired):
    if stage == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
Sweeper(store.engine, "headwater").run(ALL, Held(record_ids=frozenset({report(7).record_id})), now=YEAR_ON, tell=tell)
"""
AFTER = """
import sys
from headwater.calls.keeping import Held
from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore
from headwater.calls.sweep import Sweeper
from tests.calls.samples import report
from tests.calls.test_sweep import ALL, YEAR_ON
store = CallStore.open(sys.argv[1])
store.migrate()
Sweeper(store.engine, "headwater").run(ALL, Held(record_ids=frozenset({report(7).record_id})), now=YEAR_ON)
print([row[0] for row in CallQueries(store.engine, "headwater").rows("SELECT event_id FROM calls")])
store.close()
"""


@pytest.mark.parametrize("stage", ["begun", "done"])
def test_a_run_that_is_killed_is_made_up_for_and_the_held_record_survives(tmp_path: Path, stage: str) -> None:
    root, url = Path(__file__).resolve().parents[2], f"chdb://{tmp_path}"
    first = subprocess.run([sys.executable, "-c", KILLED, url, stage], cwd=root, check=False)
    assert first.returncode == -9
    second = subprocess.run([sys.executable, "-c", AFTER, url], cwd=root, check=True, capture_output=True, text=True)
    assert second.stdout.strip() == "['event-7']"


@pytest.mark.parametrize(
    "text",
    [
        "default = 5",
        "[default]\nrows_days = -1",
        "[default]\nrows_days = true",
        "[default]\nrow_days = 5",
        "[class.fax]\nrows_days = 5",
        "[class.cdr]\nrejects_days = 5",
        '[source."x\' OR 1"]\nrows_days = 5',
        "[other]\n",
        "nonsense",
    ],
)
def test_a_rule_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid):
        keeping.read(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(keeping.read(text), Policy)
    except Invalid:
        return
