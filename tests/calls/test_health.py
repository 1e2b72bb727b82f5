"""What the doctor of the call store asks, and what it makes of the answers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater import clock
from headwater.calls import health, rights, schema, statements
from headwater.calls.health import Facts, Level
from headwater.calls.records import Reject
from headwater.calls.store import REMEMBERED, CallStore
from tests.calls.samples import report

WELL = Facts(
    version="26.9.1.1",
    migration=schema.MIGRATIONS[-1].version,
    skew_s=0.01,
    not_durable=(),
    most_parts=("calls", "20261124", 12),
    disks=(("default", 50_000_000_000, 100_000_000_000),),
    records=1_000,
    recent=100,
    lag_s=0.2,
    came=1_000,
    refused=(("feed", 1),),
)


def test_a_store_that_is_well_has_nothing_to_do() -> None:
    assert [one for one in health.judge(WELL) if one.level is not Level.OK or one.todo] == []


@pytest.mark.parametrize(
    ("changes", "subject", "level"),
    [
        ({"version": "24.8.1"}, "Version", Level.WARN),
        ({"migration": 0}, "Migrations", Level.FAIL),
        ({"migration": 99}, "Migrations", Level.FAIL),
        ({"not_durable": ("calls",)}, "Durability", Level.FAIL),
        ({"skew_s": -2.0}, "Clock", Level.WARN),
        ({"most_parts": ("calls", "20261124", 1_000)}, "Parts", Level.WARN),
        ({"disks": (("default", 10, 100),)}, "Disk", Level.WARN),
        ({"disks": (("default", 1, 100),)}, "Disk", Level.FAIL),
        ({"recent": 0}, "Lag", Level.WARN),
        ({"lag_s": 2.5}, "Lag", Level.WARN),
        ({"records": REMEMBERED + 1}, "Duplicates", Level.WARN),
        ({"refused": (("feed", 500),)}, "Refused", Level.WARN),
    ],
)
def test_what_is_not_well_says_what_to_do(changes: dict[str, object], subject: str, level: Level) -> None:
    unwell = [one for one in health.judge(replace(WELL, **changes)) if one.level is not Level.OK]  # type: ignore[arg-type]  # a few fields of many types
    assert [(one.subject, one.level) for one in unwell] == [(subject, level)]
    assert unwell[0].todo


def test_the_facts_are_those_of_the_store(store: CallStore) -> None:
    now = clock.now()
    store.insert([report(number, received_at=now, call_at=now) for number in range(10)])
    store.insert_rejects(
        [
            Reject(
                received_at=now,
                source_id="ORG-APP",
                door="feed",
                position=1,
                reason="no number",
                raw=b"{}",
                raw_length=2,
                raw_sha256=b"\0" * 32,
            )
        ]
    )
    facts = health.look(store.engine, store.database, now=now + timedelta(seconds=1))
    assert (facts.records, facts.recent, facts.came) == (10, 10, 10)
    assert facts.refused == (("feed", 1),)
    assert facts.migration == schema.MIGRATIONS[-1].version
    assert facts.not_durable == ()
    assert abs(facts.skew_s) < 60
    assert facts.most_parts[2] >= 1
    assert all(0 < free <= total for _name, free, total in facts.disks)
    assert facts.disks


def test_a_table_that_lost_its_durability_is_named(store: CallStore) -> None:
    with store.engine.client(store.database) as client:
        client.command("ALTER TABLE bodies MODIFY SETTING fsync_after_insert = 0")
    assert health.look(store.engine, store.database, now=clock.now()).not_durable == ("bodies",)


def test_only_a_reader_of_everything_sees_how_the_store_stands() -> None:
    statement = "SELECT name, free_space FROM system.disks"
    assert not statements.check(statement, database="headwater", rights=rights.of("admin"))
    for reader in ("desk", "portal", "carrier", "somebody"):
        with pytest.raises(statements.RefusedStatement):
            statements.check(statement, database="headwater", rights=rights.of(reader))
