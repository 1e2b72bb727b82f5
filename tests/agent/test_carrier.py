import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from headwater.agent.journal import Event, Journal
from headwater.agent.keys import BadKey
from headwater.wire.agents import AnswerCode, Party
from tests.agent.fakehub import FakeHub, serving
from tests.agent.scenes import Scene, agents, carrier_table, question, scene, written
from tests.calls.invites import ABROAD, OTHER, SHOP
from tests.intake.senders import run, until


def test_a_question_is_answered_with_the_upstream_and_the_hashes_of_the_record(tmp_path):
    async def play() -> None:
        async with scene(tmp_path) as on:
            on.ring("709J")
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            began = asyncio.get_running_loop().time()
            on.hub.ask("709J", question("Q-1", at=on.at, call_id="c1"))
            await until(lambda: "Q-1" in on.hub.accepted)
            took = asyncio.get_running_loop().time() - began
            answer = on.hub.answer("Q-1")
            assert answer.code is AnswerCode.UPSTREAM_US
            assert answer.upstream == Party(spc="111A", name="Upper")
            assert answer.provider == Party(spc="709J", name="Carrier 709J")
            assert answer.ingress is not None
            assert answer.egress is not None
            assert (answer.ingress.source_ip, answer.egress.destination_ip) == ("10.1.0.1", "10.9.0.1")
            records = {str(one.record_id): one for one in on.agents["709J"].parts.records.latest(10)}
            assert records[answer.ingress.record_id].raw_sha256.hex() == answer.ingress.record_sha256
            assert took < 1.0
            assert not on.hub.problems

    run(play())


def test_a_record_that_comes_a_moment_after_the_question_is_still_found(tmp_path):
    async def play() -> None:
        async with scene(tmp_path) as on:
            now = datetime.now(UTC)
            on.hub.ask("709J", question("Q-1", at=now))
            await asyncio.sleep(0.4)
            assert not on.hub.accepted
            on.ring("709J", ABROAD, at=now)
            await until(lambda: "Q-1" in on.hub.accepted)
            assert on.hub.answer("Q-1").code is AnswerCode.UPSTREAM_FOREIGN

    run(play())


def test_what_has_no_record_is_answered_so_and_an_old_call_as_expired(tmp_path):
    async def play() -> None:
        async with scene(tmp_path) as on:
            on.hub.ask("709J", question("Q-1", at=on.at))
            on.hub.ask("709J", question("Q-2", at=on.at - timedelta(days=600)))
            await until(lambda: len(on.hub.accepted) == 2)
            assert on.hub.answer("Q-1").code is AnswerCode.RECORD_NOT_FOUND
            assert on.hub.answer("Q-2").code is AnswerCode.RECORD_EXPIRED

    run(play())


def test_of_a_customer_nothing_leaves(tmp_path):
    async def play() -> None:
        async with scene(tmp_path) as on:
            on.ring("709J", SHOP, call_id="1@shop-4711.example")
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            on.hub.ask("709J", question("Q-1", at=on.at))
            await until(lambda: "Q-1" in on.hub.accepted)
            answer = on.hub.answer("Q-1")
            assert answer.code is AnswerCode.ORIGINATED
            assert answer.upstream is None
            assert answer.ingress is not None
            assert (answer.ingress.source_ip, answer.ingress.call_id) == ("", "")
            assert answer.ingress.record_sha256
            assert "10.4.0.1" not in repr(answer)
            assert "Shop" not in repr(answer)

    run(play())


def test_two_carriers_of_one_process_see_nothing_of_each_other(tmp_path):
    async def play() -> None:
        async with scene(tmp_path, carrier_table("709J"), carrier_table("812K")) as on:
            on.ring("709J")
            on.ring("812K", key="key-709J")  # the other's key opens no door
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            for spc in ("709J", "812K"):
                on.hub.ask(spc, question(f"Q-{spc}", at=on.at))
            await until(lambda: len(on.hub.accepted) == 2)
            assert on.hub.answer("Q-709J").code is AnswerCode.UPSTREAM_US
            assert on.hub.answer("Q-812K").code is AnswerCode.RECORD_NOT_FOUND
            assert on.agents["812K"].parts.records.total() == 0
            assert {spc for spc, _ in on.hub.posts} == {"709J", "812K"}
            assert not on.hub.problems

    run(play())


def test_a_reason_that_the_policy_excludes_is_declined_without_a_look(tmp_path):
    policy = {"reasons": ["campaign", "court-*"], "settle_s": 0}

    async def play() -> None:
        async with scene(tmp_path, carrier_table("709J", policy=policy)) as on:
            on.ring("709J")
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            for number, reason in enumerate(["campaign", "court-order", "curiosity"]):
                on.hub.ask("709J", question(f"Q-{number}", at=on.at, reason=reason))
            await until(lambda: len(on.hub.accepted) == 3)
            codes = [on.hub.answer(f"Q-{number}").code for number in range(3)]
            assert codes == [AnswerCode.UPSTREAM_US, AnswerCode.UPSTREAM_US, AnswerCode.DECLINED]

    run(play())


def test_only_the_fields_of_the_policy_leave(tmp_path):
    async def play() -> None:
        async with scene(tmp_path, carrier_table("709J", policy={"fields": ["record"]})) as on:
            on.ring("709J")
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            on.hub.ask("709J", question("Q-1", at=on.at))
            await until(lambda: "Q-1" in on.hub.accepted)
            leg = on.hub.answer("Q-1").ingress
            assert leg is not None
            assert (leg.source_ip, leg.destination_ip, leg.call_id) == ("", "", "")
            assert leg.record_id

    run(play())


def test_a_hub_that_is_away_gets_the_same_octets_when_it_is_back(tmp_path):
    async def play() -> None:
        hub = FakeHub(
            errors=[(503, b"restarting"), (502, b""), (200, b"no receipt")], poll_errors=[(503, b""), (200, b"[]")]
        )
        async with scene(tmp_path, hub=hub) as on:
            on.ring("709J", OTHER)
            hub.ask("709J", question("Q-1", at=on.at))
            await until(lambda: "Q-1" in hub.accepted)
            assert len({octets for _, octets in hub.posts}) == 1
            assert len(hub.posts) == 4
            assert not hub.problems

    run(play())


def test_an_answer_that_never_arrived_is_handed_in_after_a_restart_with_the_same_octets(tmp_path):
    async def play() -> None:
        hub = FakeHub(errors=[(503, b"")] * 1_000)
        async with serving(hub) as port:
            config = written(tmp_path, port, [carrier_table("709J")], hub)
            async with agents(config):
                hub.ask("709J", question("Q-1", at=datetime.now(UTC) - timedelta(seconds=30)))
                await until(lambda: len(hub.posts) > 0)
            hub.errors.clear()
            hub.open.clear()  # not even the question needs to come again
            async with agents(config):
                await until(lambda: "Q-1" in hub.accepted)
            assert len({octets for _, octets in hub.posts}) == 1
            journal = Journal(tmp_path / "data" / "709J" / "answers.jsonl")
            assert journal.unsettled() == []
            journal.close()

    run(play())


def test_a_hub_that_forgot_an_answer_gets_the_same_octets_again(tmp_path):
    async def play() -> None:
        hub = FakeHub(keeps_open=True)
        async with scene(tmp_path, hub=hub) as on:
            hub.ask("709J", question("Q-1", at=on.at))
            await until(lambda: len(hub.posts) == 2, within_s=20)
            assert len({octets for _, octets in hub.posts}) == 1
            assert hub.polls < 40
            assert not hub.problems

    run(play())


def test_an_answer_that_the_hub_refuses_is_noted_and_not_sent_for_ever(tmp_path):
    async def play() -> None:
        hub = FakeHub(errors=[(409, b"answered by hand")])
        async with scene(tmp_path, hub=hub) as on:
            hub.ask("709J", question("Q-1", at=on.at))
            await until(lambda: on.agents["709J"].health.refused == 1)
            assert on.agents["709J"].parts.journal.is_settled("Q-1")
        lines = (tmp_path / "data" / "709J" / "answers.jsonl").read_text().splitlines()
        assert Event.REFUSED.value in lines[-1]
        assert "answered by hand" in lines[-1]

    run(play())


@pytest.mark.parametrize("broken", [{"call_at": "yesterday"}, {"window_s": 0}, {"call_at": "2026-11-24T15:00:00"}])
def test_a_question_that_cannot_be_understood_does_not_stop_the_others(tmp_path, broken):
    async def play() -> None:
        async with scene(tmp_path) as on:
            on.hub.ask("709J", msgspec.structs.replace(question("Q-bad", at=on.at), **broken))
            on.hub.ask("709J", question("Q-1", at=on.at))
            await until(lambda: "Q-1" in on.hub.accepted)
            assert on.agents["709J"].health.failed >= 1
            assert "Q-bad" not in on.hub.accepted

    run(play())


def test_what_the_door_took_is_kept_when_the_agent_is_told_to_stop(tmp_path):
    async def play() -> None:
        hub = FakeHub()
        async with serving(hub) as port:
            config = written(tmp_path, port, [carrier_table("709J")], hub)
            async with agents(config) as running:
                on = Scene(hub=hub, agents=running, at=datetime.now(UTC))
                for number in range(200):
                    on.ring("709J", call_id=f"c{number}")
                door = running["709J"].parts.doors[0]
                await until(lambda: sum(door.counters.summary().values()) == 400)
            async with agents(config) as running:
                assert running["709J"].parts.records.total() == 400

    run(play())


def test_a_carrier_that_cannot_start_leaves_nothing_open(tmp_path):
    async def play() -> None:
        hub = FakeHub()
        async with serving(hub) as port:
            config = written(tmp_path, port, [carrier_table("709J")], hub)
            (tmp_path / "709J.pem").chmod(0o644)
            with pytest.raises(BadKey, match="chmod 600"):
                async with agents(config):
                    pass
            (tmp_path / "709J.pem").chmod(0o600)
            async with agents(config):
                pass

    run(play())
