"""Who is told again, and who is written to, is decided on values alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.alerts import letters, rules
from headwater.alerts.rules import Agency, may_subscribe, plan, wants, what_changed
from headwater.alerts.values import Cadence, News, Why, Wish

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


def facts(**changes: Any) -> dict[str, Any]:
    known = {
        "campaign": "C-1", "name": "Utility-30MinDisconnect", "name_status": "proposed", "family": "utility-energy",
        "state": "active", "calls": 40, "calls_in_state": 12, "states_hit": {"MI": 12, "TX": 28},
        "vantages": {"app": 40},
        "still_ringing": True, "last_call_at": NOW.isoformat(), "rate_per_minute": 1.2, "rate_low": 0.9,
        "rate_high": 1.6, "confidence": {"support": 0.97, "senders": 2, "vantages": 1},
        "origin": {"grade": "", "grade_words": "", "name": "", "confirmed": 0, "tracebacks": 1, "running": 1},
        "samples": [{"call_at": NOW.isoformat(), "called": "+1 313 *** ****", "called_state": "MI",
                     "transcript": "This is the electric company.", "recording": None}],
    }  # fmt: skip
    return {**known, **changes}


def news(number: int = 1, *, why: Why = Why.FIRST, state: str = "MI", known: Mapping[str, Any] | None = None) -> News:
    return News(
        alert_id=f"AL-{number}", version_id=number, number=1, why=why, made_at=NOW, state=state,
        facts=known or facts(), hour_by_state={"MI": 5, "TX": 9},
    )  # fmt: skip


def wish(**changes: Any) -> Wish:
    plain = Wish(
        id="SU-1", organisation_id="ORG", states=frozenset(), families=frozenset(), calls_an_hour=0,
        cadence=Cadence.AT_ONCE, email="a@ag.example", webhook=True, gathered_at=NOW - timedelta(minutes=5),
    )  # fmt: skip
    return replace(plain, **changes)


def test_a_states_agency_subscribes_to_its_own_state_and_a_federal_one_to_any() -> None:
    michigan, federal = Agency(organisation_id="O", state="MI"), Agency(organisation_id="F", state="")
    assert may_subscribe(["MI"], michigan)
    assert may_subscribe([], michigan)
    assert not may_subscribe(["MI", "OH"], michigan)
    assert may_subscribe(["MI", "OH"], federal)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"calls": 79}, None),
        ({"calls": 80}, Why.GREW),
        ({"state": "dormant"}, Why.QUIET),
        ({"name": "X-1", "name_status": "accepted"}, Why.RENAMED),
        ({"name": "X-1"}, None),
        ({"origin": {"grade": "entry_confirmed", "name": ""}}, Why.ORIGIN),
        ({"state": "dormant", "origin": {"grade": "origin_confirmed", "name": "Vega"}}, Why.ORIGIN),
    ],
)  # fmt: skip
def test_an_alert_says_more_when_something_matters(changes: dict[str, Any], why: Why | None) -> None:
    assert what_changed(facts(), facts(**changes), since=timedelta(hours=2)) is why


def test_a_campaign_that_rings_again_is_news_and_doubling_twice_an_hour_is_not() -> None:
    assert what_changed(facts(state="stopped"), facts(), since=timedelta(days=3)) is Why.RETURNED
    assert what_changed(facts(), facts(calls=900), since=timedelta(minutes=59)) is None


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"families": frozenset({"utility-energy"})}, True),
        ({"families": frozenset({"student-loan"})}, False),
        ({"states": frozenset({"OH"})}, False),
        ({"calls_an_hour": 5}, True),
        ({"calls_an_hour": 6}, False),
    ],
)
def test_state_family_and_rate_narrow_what_is_written_of(changes: dict[str, Any], *, asked: bool) -> None:
    assert wants(wish(**changes), news()) is asked


def test_a_federal_subscription_counts_the_states_that_it_watches() -> None:
    federal = news(state="")
    assert wants(wish(calls_an_hour=14), federal)
    assert not wants(wish(calls_an_hour=10, states=frozenset({"TX"})), federal)


def test_a_flood_of_alerts_is_six_mails_and_a_digest() -> None:
    flood = [news(number) for number in range(40)]
    now = plan(wish(), flood, now=NOW)
    assert len(now.alone) == rules.AT_ONCE_AN_HOUR
    assert now.digest == ()
    assert plan(wish(sent_lately=6), flood[6:], now=NOW).alone == ()
    later = plan(wish(sent_lately=6), flood[6:], now=NOW + timedelta(hours=1))
    assert len(later.digest) == 34
    assert later.gathered


def test_a_daily_digest_goes_out_once_after_noon_utc() -> None:
    daily = wish(cadence=Cadence.DAILY, gathered_at=NOW.replace(hour=11))
    assert plan(daily, [news()], now=NOW.replace(hour=11, minute=59)).digest == ()
    assert len(plan(daily, [news()], now=NOW.replace(hour=12)).digest) == 1
    assert plan(replace(daily, gathered_at=NOW.replace(hour=12)), [news()], now=NOW.replace(hour=23)).digest == ()


def test_what_is_no_news_for_a_mail_goes_to_machines_alone() -> None:
    told = plan(wish(), [news(why=Why.GREW)], now=NOW)
    assert told.alone == ()
    assert len(told.quietly) == 1
    assert len(plan(wish(email=""), [news()], now=NOW).quietly) == 1


@settings(max_examples=80)
@given(
    whys=st.lists(st.sampled_from(list(Why)), max_size=30), cadence=st.sampled_from(list(Cadence)),
    lately=st.integers(0, 10), hours=st.integers(0, 100), mail=st.booleans(),
)  # fmt: skip
def test_nothing_is_planned_twice_and_nothing_that_was_not_asked_for(
    whys: list[Why], cadence: Cadence, lately: int, hours: int, *, mail: bool
) -> None:
    waiting = [news(number, why=why) for number, why in enumerate(whys)]
    asked = wish(
        cadence=cadence, sent_lately=lately, gathered_at=NOW - timedelta(hours=hours), email="a@b.example" * mail
    )
    found = plan(asked, waiting, now=NOW)
    every = [*found.alone, *found.digest, *found.quietly]
    assert len({one.version_id for one in every}) == len(every)
    assert len(found.alone) <= rules.AT_ONCE_AN_HOUR
    assert not (found.alone or found.digest) or mail
    assert all(one.why in rules.MAILED for one in (*found.alone, *found.digest))


def test_a_mail_says_enough_to_open_an_investigation_and_how_to_end_it() -> None:
    known = facts(origin={"grade": "origin_confirmed", "grade_words": "Origin confirmed", "name": "Vega Voice",
                          "confirmed": 2, "tracebacks": 3, "running": 0})  # fmt: skip
    one = news(known=known)
    text = letters.alone(one, portal="https://portal.example", stop="https://portal.example/subscriptions/stop/x/")
    assert letters.subject(one) == "Utility-30MinDisconnect rings in MI: 12 calls"
    for said in (
        "40 calls known, 12 of them to MI; 2 states called", "Vega Voice, confirmed in 2 of 3 tracebacks",
        "mean probability 0.97, 2 senders, 1 vantage point", "This is the electric company.", "+1 313 *** ****",
        "https://portal.example/alerts/AL-1/", "https://portal.example/subscriptions/stop/x/", "may be spoofed",
    ):  # fmt: skip
        assert said in text


def test_a_digest_is_bounded_and_counts_what_it_leaves_out() -> None:
    many = [news(number) for number in range(60)]
    text = letters.digest(many, portal="https://p.example", stop="https://p.example/s/")
    assert letters.digest_subject(many) == "60 alerts on 1 campaign"
    assert text.count("https://p.example/alerts/") == letters.IN_A_DIGEST
    assert "And 35 more" in text
