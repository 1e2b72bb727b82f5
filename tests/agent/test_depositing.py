"""A carrier that deposits instead of answering, and one that answers blind searches: before a hub of the tests."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.agent.config import BadConfig, checked
from headwater.agent.depositing import Depositor, rows_of
from headwater.agent.hub import HubAway
from headwater.agent.journal import Event, checked_lines
from headwater.agent.policy import Policy
from headwater.calls import blind, deposits
from headwater.calls.legs import passages
from headwater.errors import Conflict
from headwater.wire.deposits import DepositTerms
from tests.agent.fakehub import FakeHub, serving
from tests.agent.scenes import CALLED, Scene, agents, carrier_table, question, scene, tables, written
from tests.calls.invites import ABROAD, CARRIER, DOWN, OTHER, PROFILE, SHOP, START, invite
from tests.intake.senders import run, until

LATER = timedelta(seconds=120)


def depositor(on: Scene, spc: str = "709J") -> Depositor:
    found = on.agents[spc].parts.depositor
    assert found is not None
    return found


async def rung(on: Scene, spc: str = "709J", source: str = CARRIER, **members: Any) -> None:
    """Wait until the depositing has begun, and let one call pass."""
    await until(lambda: depositor(on, spc).status().until != "")
    before = on.agents[spc].parts.records.total()
    on.ring(spc, source, at=datetime.now(UTC) + timedelta(milliseconds=100), **members)
    await until(lambda: on.agents[spc].parts.records.total() == before + 2)


async def sealed(on: Scene, spc: str = "709J") -> None:
    own = depositor(on, spc)
    await asyncio.to_thread(own.seal, now=datetime.now(UTC) + LATER)


def test_calls_are_deposited_and_no_question_is_fetched(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path, carrier_table("709J", deposit={})) as on:
            await rung(on)
            on.hub.ask("709J", question("Q-1", at=on.at))
            await sealed(on)
            await depositor(on).send(on.agents["709J"].parts.hub)
            [row] = on.hub.opened("709J", called=CALLED, at=datetime.now(UTC))
            assert (row.upstream, row.downstream, deposits.CODES[row.kind]) == ("111A", "999D", "UPSTREAM_US")
            assert (row.lag_ms, row.call_id) == (100, deposits.short("c1"))
            assert on.hub.polls == 0
            assert depositor(on).status().waiting == 0
            assert on.agents["709J"].status().deposits is not None
            assert not on.hub.problems

    run(play())


def test_what_is_sealed_waits_for_a_hub_that_is_away_and_comes_once_after_a_restart(tmp_path: Path) -> None:
    async def play() -> None:
        hub = FakeHub()
        table = carrier_table("709J", deposit={})
        async with serving(hub) as port:
            config = written(tmp_path, port, [table], hub)
            async with agents(config) as running:
                on = Scene(hub=hub, agents=running, at=datetime.now(UTC))
                await rung(on)
                hub.errors = [(503, b"restarting")] * 1_000
                await sealed(on)
                with pytest.raises(HubAway):
                    await depositor(on).send(running["709J"].parts.hub)
                assert depositor(on).status().waiting == 1
            hub.errors.clear()
            async with agents(config) as running:
                on = Scene(hub=hub, agents=running, at=datetime.now(UTC))
                await until(lambda: len(hub.opened("709J", called=CALLED, at=datetime.now(UTC))) == 1)
                await until(lambda: depositor(on).status().waiting == 0)
                await sealed(on)
                assert depositor(on).status().waiting == 0, "no window is sealed twice"
            assert len(hub.deposits["709J"]) == 1
            assert not hub.problems

    run(play())


def test_two_carriers_of_one_process_deposit_strictly_apart(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path, carrier_table("709J", deposit={}), carrier_table("812K", deposit={})) as on:
            await rung(on)
            await rung(on, "812K", call_id="c2")
            for spc in ("709J", "812K"):
                await sealed(on, spc)
                await depositor(on, spc).send(on.agents[spc].parts.hub)
            [mine], [other] = (list(on.hub.deposits[spc].values()) for spc in ("709J", "812K"))
            keys = {deposits.unwrap(one.label_key, on.hub.approver) for one in (mine, other)}
            assert len(keys) == 2, "neither can look up the other's labels"
            assert mine.records[0].label != other.records[0].label
            [row] = on.hub.opened("709J", called=CALLED, at=datetime.now(UTC))
            assert row.call_id == deposits.short("c1")
            assert not on.hub.problems

    run(play())


def test_nothing_is_sealed_to_another_approver_than_the_carrier_named(tmp_path: Path) -> None:
    table = carrier_table("709J", deposit={"approver": "ab" * 32})
    config = checked(tables(1, [table]), folder=tmp_path)
    own = Depositor(tmp_path / "deposits", config.carriers[0], None, None)  # type: ignore[arg-type]  # neither is used
    with pytest.raises(Conflict, match="nothing is sealed"):
        own.agree(DepositTerms(approver="cd" * 32, most_records=1_000, kept_days=90), now=datetime.now(UTC))
    with pytest.raises(BadConfig):
        checked(tables(1, [carrier_table("709J", deposit={"approver": "short"})]), folder=tmp_path)


@pytest.mark.parametrize(
    ("source", "kind", "named"),
    [(CARRIER, "UPSTREAM_US", "111A"), (ABROAD, "UPSTREAM_FOREIGN", "Abroad"), (SHOP, "ORIGINATED", "")],
)
def test_a_row_names_who_handed_the_call_over_and_no_customer(source: str, kind: str, named: str) -> None:
    [passage] = passages([invite(source, "10.0.0.1"), invite("10.0.0.1", DOWN, at=0.1)], PROFILE)
    [row] = rows_of(passage, Policy())
    assert (deposits.CODES[row.kind], row.upstream or row.upstream_name) == (kind, named)
    assert "Shop" not in repr(row)


def test_what_cannot_be_said_surely_is_left_out() -> None:
    nameless = [invite("10.77.0.1", "10.0.0.1"), invite("10.0.0.1", DOWN, at=0.1)]
    only_out = [invite("10.0.0.1", DOWN)]
    for records in (nameless, only_out):
        assert [rows_of(one, Policy()) for one in passages(records, PROFILE)] == [[]]


def test_the_policys_fields_bind_deposits_too() -> None:
    [passage] = passages([invite(OTHER, "10.0.0.1"), invite("10.0.0.1", DOWN, at=0.1)], PROFILE)
    [row] = rows_of(passage, Policy(fields=()))
    assert (row.call_id, row.identity, row.record_id, row.record_sha256, row.duration_ms) == (b"", b"", b"", b"", -1)


# -- blind searches


def test_only_who_carried_the_call_proves_it_to_a_search_and_writes_down_that_it_did(tmp_path: Path) -> None:
    async def play() -> None:
        silent = carrier_table("555S", policy={"searches": False})
        async with scene(tmp_path, carrier_table("709J"), carrier_table("812K"), silent) as on:
            for spc in ("709J", "555S"):
                on.ring(spc)
                await until(lambda spc=spc: on.agents[spc].parts.records.total() == 2)  # type: ignore[misc]
            on.ring("812K", called="12125550151")
            await until(lambda: on.agents["812K"].parts.records.total() == 2)
            search = blind.new_search("SR-1", b"k" * 32, called=CALLED, call_at=on.at, closes_at=datetime.now(UTC))
            on.hub.searches.append(search)
            await until(lambda: all(on.agents[spc].parts.searcher.looked == 1 for spc in ("709J", "812K")))
            await until(lambda: len(on.hub.hits) == 1)
            [(spc, hit)] = on.hub.hits
            assert spc == "709J"
            assert blind.shows(hit, search, called=CALLED, receiver="999D")
            assert not blind.shows(hit, search, called=CALLED, receiver="222B")
            assert on.agents["555S"].parts.searcher.looked == 0
            assert not on.hub.problems
        lines = list(checked_lines(tmp_path / "data" / "709J" / "answers.jsonl"))
        assert [(one.event, one.question_id) for one in lines] == [(Event.PROVED, "SR-1")]

    run(play())


def test_the_label_in_the_store_is_the_one_of_the_code(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as on:
            on.ring("709J", called=f"011{CALLED}")
            records = on.agents["709J"].parts.records
            await until(lambda: records.total() == 2)
            key = bytes(range(32))
            about = {"begin": on.at - timedelta(seconds=60), "end": on.at + timedelta(seconds=60)}
            assert len(records.labelled(key=key, prefix=blind.label(key, CALLED)[:3], **about)) == 2
            assert records.labelled(key=key, prefix=blind.label(key, "12125550151")[:3], **about) == []
            assert on.at > START

    run(play())
