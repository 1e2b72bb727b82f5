"""Who serves a call-back number, by the carrier's own records: what they show is said, and nothing of a customer."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from headwater.agent import numbers
from headwater.agent.policy import Policy
from headwater.calls.legs import legs
from headwater.wire.agents import Party
from headwater.wire.forward import ForwardCode, NumberQuestion
from tests.agent.scenes import CALLED, carrier_table, scene
from tests.calls.invites import ABROAD, CARRIER, DOWN, OTHER, OURS, PROFILE, RESELLER, SHOP, START, invite
from tests.intake.senders import run, until

ASKED = NumberQuestion(
    question_id="NQ-1",
    forward_id="TF-1",
    number=CALLED,
    sources=["the number block registry"],
    campaign="SSA-Suspended",
    reason="campaign",
    requester="consortium",
    asked_at="",
    legal_due_at="",
)
US = Party(spc="709J", name="Carrier 709J")


def said(*destinations: str) -> object:
    rows = [invite(OURS, to, at=number, call_id=f"c{number}") for number, to in enumerate(destinations)]
    handed = [leg for leg in legs(rows, PROFILE) if leg.peer is not None]
    return numbers.answer(ASKED, handed, reach=timedelta(hours=1), provider=US, now=START)


@pytest.mark.parametrize(
    ("to", "code", "names"),
    [
        (SHOP, ForwardCode.SERVES, None),
        (RESELLER, ForwardCode.RESOLD, Party(spc="555E", name="Resold")),
        (DOWN, ForwardCode.ROUTED, Party(spc="999D", name="Down")),
        (ABROAD, ForwardCode.ROUTED, Party(spc="", name="Abroad", country="IN")),
    ],
)
def test_the_neighbour_that_takes_the_calls_decides_the_answer(to: str, code: ForwardCode, names: Party | None) -> None:
    answer = said(to, to)
    assert isinstance(answer, numbers.NumberAnswer)
    assert (answer.code, answer.names) == (code, names)
    assert answer.basis[0].startswith("2 of 2 calls")


def test_of_several_carriers_the_one_that_takes_most_calls_is_named() -> None:
    answer = said(DOWN, OTHER, DOWN)
    assert isinstance(answer, numbers.NumberAnswer)
    assert answer.names == Party(spc="999D", name="Down")
    assert answer.basis[0].startswith("2 of 3 calls")


def test_records_that_show_several_kinds_of_neighbour_or_none_leave_it_to_people() -> None:
    assert said(SHOP, DOWN) is None
    assert said() is None


def test_of_a_customer_nothing_but_that_it_is_one_is_said() -> None:
    told = msgspec.json.encode(said(SHOP)).decode()
    assert "4711" not in told
    assert "10.4" not in told


def test_the_policy_decides_whether_the_agent_answers_at_all() -> None:
    assert not numbers.may_answer(ASKED, Policy()), "unless the carrier says so, its people answer"
    assert numbers.may_answer(ASKED, Policy(numbers=True))
    assert not numbers.may_answer(ASKED, Policy(numbers=True, campaigns=("Warranty-*",)))


def test_the_agent_answers_a_number_by_its_records_and_leaves_what_they_do_not_show(tmp_path: Path) -> None:
    table = carrier_table("709J", policy={"numbers": True, "settle_s": 0.5})

    async def play() -> None:
        async with scene(tmp_path, table) as on:
            on.ring("709J", CARRIER, SHOP)
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            unknown = msgspec.structs.replace(ASKED, question_id="NQ-2", number="18005550199")
            on.hub.numbers["709J"] = [unknown, ASKED]
            await until(lambda: "NQ-1" in on.hub.accepted)
            answer = on.hub.number_answer("NQ-1")
            assert (answer.code, answer.provider, answer.names) == (ForwardCode.SERVES, US, None)
            polls = on.hub.polls
            await until(lambda: on.hub.polls > polls + 1)
            assert "NQ-2" not in on.hub.accepted
            assert not on.hub.problems

    run(play())
