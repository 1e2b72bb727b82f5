"""A carrier ends its customer's account: that customer's calls are no longer placed, all others are."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headwater.simulator import accounts, traffic
from headwater.simulator.accounts import Accounts, Named, Order
from headwater.simulator.network import MAIN, SECOND, Network, build
from headwater.simulator.octets import Call

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
NOTICE = "RN-0000000001"


@pytest.fixture
def network() -> Network:
    return build(1)


@pytest.fixture
def calls(network: Network) -> list[Call]:
    return [placed.call for placed in itertools.islice(traffic.plan(network, START), 400)]


def of(network: Network, calls: list[Call], head: str) -> list[Call]:
    return [call for call in calls if call.customer == network.heads[head].customer]


def named(call: Call, *, late_s: float = 0.0) -> Named:
    return Named(calling=call.calling, at=call.at + timedelta(seconds=late_s))


def end(folder: Path, network: Network, recent: list[Call], head: str, **changes: object) -> Accounts:
    """Return the accounts after an order that names one call of the customer at ``head``."""
    switch = Accounts(folder, recent)
    values = {
        "number": NOTICE,
        "spc": network.heads[head].carriers[0],
        "calls": [named(of(network, recent, head)[0], late_s=2.4)],
        **changes,
    }
    accounts.order(folder, Order(**values))
    assert switch.look() == ""
    return switch


def test_only_the_calls_of_the_ended_customer_are_no_longer_taken(tmp_path, network, calls):
    switch = end(tmp_path, network, calls, MAIN)
    refused = [call for call in calls if not switch.takes(call)]
    assert refused == of(network, calls, MAIN) != []
    others = Counter(call.campaign for call in calls if switch.takes(call))
    assert len(others) == 5
    told = accounts.done(tmp_path, NOTICE)
    assert told is not None
    assert told.accounts == 1


def test_another_customer_of_the_same_carrier_rings_on(tmp_path, network, calls):
    spc = network.heads[SECOND].carriers[0]
    switch = end(tmp_path, network, calls, SECOND)
    same = [call for call in calls if call.path[0] == spc and call.customer != network.heads[SECOND].customer]
    assert same
    assert all(switch.takes(call) for call in same)


def test_a_carrier_ends_no_customer_of_another_carrier(tmp_path, network, calls):
    switch = end(tmp_path, network, calls, MAIN, spc=network.heads[SECOND].carriers[0])
    assert all(switch.takes(call) for call in calls)
    told = accounts.done(tmp_path, NOTICE)
    assert told is not None
    assert told.accounts == 0


def test_a_call_at_another_time_from_the_same_number_is_not_the_one_that_is_meant(tmp_path, network, calls):
    call = of(network, calls, MAIN)[0]
    switch = end(tmp_path, network, calls, MAIN, calls=[named(call, late_s=-3600)])
    assert all(switch.takes(one) for one in calls)


def test_before_an_order_comes_every_call_is_taken_and_nothing_is_answered(tmp_path, calls):
    switch = Accounts(tmp_path, calls)
    assert switch.look() == ""
    assert all(switch.takes(call) for call in calls)
    assert accounts.done(tmp_path, NOTICE) is None


def test_the_answer_to_one_order_is_not_taken_for_that_to_another(tmp_path, network, calls):
    end(tmp_path, network, calls, MAIN)
    assert accounts.done(tmp_path, "RN-0000000002") is None


def test_an_order_to_an_earlier_run_ends_nothing_in_the_next(tmp_path, network, calls):
    end(tmp_path, network, calls, MAIN)
    again = Accounts(tmp_path, calls)
    assert again.look() == ""
    assert all(again.takes(call) for call in calls)
    assert accounts.done(tmp_path, NOTICE) is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"number": "RN-1", "spc": "X010", "calls": [{"calling": "1", "at": "x"}]}']
)
def test_a_damaged_order_is_said_and_ends_nothing(tmp_path, calls, text):
    switch = Accounts(tmp_path, calls)
    (tmp_path / accounts.ORDER).write_text(text)
    assert "is not an order" in switch.look()
    assert all(switch.takes(call) for call in calls)
