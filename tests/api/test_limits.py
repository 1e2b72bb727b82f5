"""Floods at the doors of machines: told to wait, in bounded memory, and nobody else is locked out by them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.accounts import credentials
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Scope
from headwater.api import limits
from headwater.api.limits import CARRIERS, WRONG_AT_ONCE, Door
from headwater.errors import TooMany
from headwater.metering import Meter, neighbourhood
from tests.conftest import Browser

FLOODER, OTHER = "198.51.100.7", "203.0.113.9"


def agency_alerts(token: str, address: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return Browser("portal").get("/api/agencies/v1/alerts", headers=headers, REMOTE_ADDR=address)


def taxii(token: str, address: str) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/taxii+json;version=2.1"}
    return Browser("portal").get("/taxii2/", headers=headers, REMOTE_ADDR=address)


@pytest.fixture
def token(operator: Actor, agency: Actor) -> str:
    scopes = [Scope.PROCESS, Scope.ALERTS]
    _, token = credentials.issue(operator, organisation_id=agency.organisation_id, scopes=scopes, name="system")
    return token


@pytest.mark.django_db
@pytest.mark.parametrize("ask", [agency_alerts, taxii])
def test_who_floods_with_wrong_tokens_is_told_to_wait_and_locks_out_nobody(ask: Any, token: str) -> None:
    known, fresh = token, token
    assert ask(known, FLOODER).status_code == 200
    for number in range(WRONG_AT_ONCE):
        assert ask(f"hwf_guess_{number}", FLOODER).status_code == 401
    refused = ask("hwf_guess_more", FLOODER)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    # Behind the same address, who proved themselves before goes on; from elsewhere everybody does.
    assert ask(known, FLOODER).status_code == 200
    assert ask(fresh, OTHER).status_code == 200
    assert ask("hwf_guess_more", OTHER).status_code == 401


@pytest.mark.django_db
def test_a_carriers_wrong_tokens_are_told_to_wait_before_anything_is_looked_up(
    django_assert_num_queries: Any,
) -> None:
    def ask() -> Any:
        headers = {"Authorization": "Bearer e30.e30.e30"}
        return Browser("carrier").get("/api/agents/v1/receipts/RC-1", headers=headers, REMOTE_ADDR=FLOODER)

    assert {ask().status_code for _ in range(WRONG_AT_ONCE)} == {401}
    with django_assert_num_queries(0):
        answer = ask()
    assert (answer.status_code, answer.headers["Content-Type"]) == (429, "application/problem+json")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_credential_that_asks_too_often_waits_and_others_do_not() -> None:
    door = Door("test", burst=3, per_minute=1)
    for _ in range(3):
        door.right(FLOODER, "a", credential="CR-A")
    with pytest.raises(TooMany) as refused:
        door.right(FLOODER, "a", credential="CR-A")
    assert 1 <= refused.value.retry_after_s <= 60
    door.right(FLOODER, "b", credential="CR-B")


def test_the_subscriber_of_an_ipv6_network_is_one_sender() -> None:
    assert neighbourhood("2001:db8:1:2::7") == neighbourhood("2001:db8:1:2:ffff::") != neighbourhood("2001:db8:1:3::7")
    assert neighbourhood("::ffff:198.51.100.7") != neighbourhood("::ffff:198.51.100.8")
    assert len(neighbourhood("x" * 9_000)) <= 45
    for number in range(WRONG_AT_ONCE):
        CARRIERS.wrong(f"2001:db8::{number:x}")
    with pytest.raises(TooMany):
        CARRIERS.check("2001:db8::ffff", "")


def test_a_million_senders_take_no_more_memory_than_the_bound() -> None:
    meter = Meter(burst=1, per_minute=1, most_keys=50)
    for number in range(5_000):
        meter.take(str(number), 0.0)
        assert len(meter) <= 50
    door = Door("test", burst=10, per_minute=10)
    for number in range(limits.KNOWN_MOST + 50):
        door.right(OTHER, str(number), credential=str(number))
    assert len(door._known) == limits.KNOWN_MOST


@given(
    st.integers(1, 20),
    st.floats(0.5, 600),
    st.lists(st.floats(0, 30), min_size=1, max_size=80),
)
def test_no_key_gets_more_than_its_burst_and_its_rate(burst: int, rate: float, gaps: list[float]) -> None:
    meter, now, taken = Meter(burst=burst, per_minute=rate), 0.0, 0
    for gap in gaps:
        now += gap
        wait = meter.take("key", now)
        taken += not wait
        assert taken <= burst + now * rate / 60 + 1e-4
        if wait:
            assert meter.wait("key", now + wait) == 0.0
        else:
            assert meter.wait("another", now) == 0.0
