from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.campaigns import rules
from headwater.campaigns.rules import CampaignEvent, event_of_call, liveness, next_state, poisson_interval, silence
from headwater.campaigns.states import CampaignState
from headwater.errors import Conflict
from tests.campaigns.material import NOW

S, E = CampaignState, CampaignEvent


@given(st.integers(1, 200))
def test_any_number_of_calls_confirms_exactly_once_at_the_third(calls: int):
    state, confirmed_at = None, []
    for number in range(1, calls + 1):
        event = event_of_call(number, was_confirmed=bool(confirmed_at))
        state = next_state(state, event)
        if event is E.REACHED:
            confirmed_at.append(number)
    assert confirmed_at == ([3] if calls >= 3 else [])
    assert state == (S.SUSPECTED if calls < 3 else S.CONFIRMED if calls == 3 else S.ACTIVE)


@given(st.lists(st.sampled_from(list(CampaignEvent)), max_size=30))
def test_no_order_of_events_reaches_a_state_that_the_table_does_not_name(events):
    state = None
    for event in events:
        try:
            state = next_state(state, event)
        except Conflict:
            assert event not in rules.TRANSITIONS[state]
        assert state is None or state in CampaignState


def test_every_state_has_its_row_and_what_was_confirmed_is_never_suspected_again():
    assert set(rules.TRANSITIONS) == {None, *CampaignState}
    for state in (S.CONFIRMED, S.ACTIVE, S.DORMANT):
        assert S.SUSPECTED not in rules.TRANSITIONS[state].values()


def test_an_impossible_event_says_so_and_names_both():
    with pytest.raises(Conflict, match=r"suspected cannot take the event quiet"):
        next_state(S.SUSPECTED, E.QUIET)


@pytest.mark.parametrize(
    ("state", "hours", "expected"),
    [
        (S.ACTIVE, 5, None),
        (S.ACTIVE, 7, E.QUIET),
        (S.CONFIRMED, 7, E.QUIET),
        (S.DORMANT, 24 * 29, None),
        (S.DORMANT, 24 * 31, E.GONE),
        (S.SUSPECTED, 24 * 13, None),
        (S.SUSPECTED, 24 * 15, E.GONE),
        (S.STOPPED, 24 * 400, None),
    ],
)
def test_a_brisk_campaign_falls_silent(state: S, hours: int, expected: E | None):
    calls = [NOW - timedelta(minutes=i) for i in range(20)]
    found = silence(state, calls, NOW + timedelta(hours=hours))
    assert (found.event if found else None) == expected


def test_a_slow_campaign_is_given_more_time():
    # A call every three hours: nine hours of silence are nothing, five days are.
    calls = [NOW - timedelta(hours=3 * i) for i in range(20)]
    assert silence(S.ACTIVE, calls, NOW + timedelta(hours=9)) is None
    found = silence(S.ACTIVE, calls, NOW + timedelta(days=5))
    assert found is not None
    assert found.evidence["silent_s"] > found.evidence["limit_s"] == pytest.approx(3 * 3600 * 6.9078, abs=60)


@pytest.mark.parametrize(
    # Exact Poisson limits, Ulm 1990 (Am J Epidemiol 131), table of 95% limits.
    ("count", "low", "high"),
    [(0, 0.0, 3.69), (1, 0.025, 5.57), (5, 1.62, 11.67), (10, 4.80, 18.39), (100, 81.36, 121.63)],
)
def test_the_interval_is_the_exact_poisson_one(count: int, low: float, high: float):
    assert poisson_interval(count) == pytest.approx((low, high), abs=0.01)


def live(*seconds_ago: float, first: timedelta = timedelta(minutes=30)):
    calls = sorted((NOW - timedelta(seconds=s) for s in seconds_ago), reverse=True)
    return liveness(
        calls,
        first_call_at=NOW - first,
        in_last_minute=sum(s < 60 for s in seconds_ago),
        in_window=sum(s < 600 for s in seconds_ago),
        now=NOW,
    )


def test_a_campaign_that_just_rang_is_ringing():
    alive = live(5, 15, 25, 35, 45)
    assert alive.still_ringing
    assert alive.next_call_expected_at == NOW + timedelta(seconds=5)
    assert alive.rate_per_minute == pytest.approx(0.5)
    assert alive.rate_low < 0.5 < alive.rate_high


def test_silence_beyond_its_own_rate_is_quiet():
    # One call in ten seconds: a silence of 61 s is beyond 46 s, and beyond the minute that is always allowed.
    assert live(59, 69, 79, 89, 99).still_ringing
    quiet = live(61, 71, 81, 91, 101)
    assert not quiet.still_ringing
    assert quiet.next_call_expected_at is None


def test_a_slow_campaign_rings_on_through_minutes_of_silence():
    assert live(300, 600, 900).still_ringing
    assert not live(31 * 60, 40 * 60, 50 * 60).still_ringing


def test_a_young_campaign_has_its_rate_from_its_own_lifetime():
    alive = live(1, 30, 100, first=timedelta(seconds=120))
    assert alive.window_s == 120
    assert alive.rate_per_minute == pytest.approx(1.5)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_liveness_never_contradicts_itself(seconds_ago):
    alive = live(*seconds_ago)
    assert alive.rate_low <= alive.rate_per_minute <= alive.rate_high
    assert alive.still_ringing == (min(seconds_ago) <= alive.silence_allowed_s + 1) or not alive.still_ringing
    assert 60 <= alive.silence_allowed_s <= 1800
    assert alive.calls_last_minute <= alive.calls_in_window
