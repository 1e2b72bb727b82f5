"""Before and after: judged on calls whose true course the test made itself."""

import math
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.relief import rules
from headwater.relief.rules import Sources, effect, sentence
from headwater.relief.states import Verdict

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOURS = timedelta(hours=3)
START, NOW = AT - HOURS, AT + HOURS


def ringing(rng: random.Random, an_hour: float, start: datetime, end: datetime) -> list[datetime]:
    """Calls of one steady rate."""
    at, found = start, []
    while True:
        at += timedelta(seconds=rng.expovariate(an_hour / 3_600))
        if at >= end:
            return found
        found.append(at)


def verdicts(before: float, after: float, *, runs: int = 100) -> list[Verdict]:
    found = []
    for seed in range(runs):
        rng = random.Random(seed)
        calls = ringing(rng, before, START, AT) + (ringing(rng, after, AT, NOW) if after else [])
        found.append(effect(calls, AT, NOW, first_call_at=START).verdict)
    return found


@pytest.mark.parametrize(
    ("before", "after", "verdict", "least"),
    [
        (60, 60, Verdict.SAME, 0.9),
        (60, 20, Verdict.FEWER, 0.98),
        (30, 90, Verdict.MORE, 0.98),
        (60, 0, Verdict.STOPPED, 1.0),
        (8, 0, Verdict.STOPPED, 0.98),
    ],
)
def test_the_verdict_is_the_true_course_of_the_calls(before: float, after: float, verdict: Verdict, least: float):
    found = verdicts(before, after)
    assert found.count(verdict) >= least * len(found)
    # What is wrong now and then is never the claim that the calls died.
    if verdict is not Verdict.STOPPED:
        assert Verdict.STOPPED not in found


def test_calls_that_were_silent_for_an_hour_and_came_back_have_returned():
    for seed in range(50):
        rng = random.Random(seed)
        back = AT + timedelta(hours=1)
        calls = ringing(rng, 60, START, AT) + ringing(rng, 50, back, NOW)
        found = effect(calls, AT, NOW, first_call_at=START)
        assert found.verdict is Verdict.RETURNED
        assert found.returned_at is not None
        assert found.returned_at >= back


def test_waves_are_not_taken_for_an_effect():
    for seed in range(50):
        rng, calls = random.Random(seed), []
        for wave in range(-9, 9, 2):
            calls += ringing(rng, 200, AT + timedelta(minutes=20 * wave), AT + timedelta(minutes=20 * wave + 20))
        found = effect([c for c in calls if c >= START], AT, NOW, first_call_at=START)
        assert found.verdict is Verdict.SAME
        assert found.before.variation > 3


def test_a_silence_shorter_than_chance_leaves_is_too_early_to_tell():
    calls = ringing(random.Random(1), 6, START, AT)
    now = AT + timedelta(minutes=9)
    found = effect(calls, AT, now, first_call_at=START)
    assert found.verdict is Verdict.TOO_EARLY
    assert found.silence_that_counts_s > 9 * 60
    assert "Too little time" in sentence(found)


def test_calls_that_go_on_from_another_origin_alone_have_moved():
    rng = random.Random(1)
    calls = ringing(rng, 60, START, AT) + ringing(rng, 60, AT, NOW)
    for before, after, verdict in (
        ({"709A"}, {"709B"}, Verdict.MOVED),
        ({"709A"}, {"709A", "709B"}, Verdict.SAME),
        ({"709A"}, set(), Verdict.SAME),
        (set(), {"709B"}, Verdict.SAME),
    ):
        sources = Sources(before=frozenset(before), after=frozenset(after))
        assert effect(calls, AT, NOW, first_call_at=START, sources=sources).verdict is verdict


def test_without_calls_before_nothing_is_claimed():
    calls = ringing(random.Random(1), 60, AT, NOW)
    found = effect(calls, AT, NOW, first_call_at=AT)
    assert found.verdict is Verdict.NOTHING_BEFORE
    assert (found.ratio, found.silence_that_counts_s) == (None, math.inf)
    assert effect([], AT, NOW, first_call_at=AT).verdict is Verdict.NOTHING_BEFORE


def test_the_intervals_hold_the_true_rate_about_as_often_as_they_say():
    held = 0
    for seed in range(300):
        calls = ringing(random.Random(seed), 40, START, AT)
        before = effect(calls, AT, NOW, first_call_at=START).before
        held += before.low <= 40 <= before.high
    assert held >= 0.93 * 300


def test_an_exact_interval_is_the_one_of_the_tables():
    # Garwood's limits for 10 events: 4.795 to 18.39.
    calls = [AT - timedelta(seconds=340 * n) for n in range(10, 0, -1)]
    before = effect(calls, AT, NOW, first_call_at=AT - timedelta(hours=1)).before
    assert (before.calls, before.variation) == (10, 1.0)
    assert before.low == pytest.approx(4.795, abs=0.01)
    assert before.high == pytest.approx(18.39, abs=0.01)


def test_what_is_compared_after_is_no_longer_than_a_day():
    calls = ringing(random.Random(1), 60, START, AT) + ringing(random.Random(2), 60, AT, AT + timedelta(hours=20))
    found = effect(calls, AT, AT + timedelta(days=300), first_call_at=START)
    assert found.verdict is Verdict.STOPPED
    assert found.after.seconds == 86_400


MOMENTS = st.lists(st.integers(-400_000, 400_000), max_size=60)


@settings(max_examples=300)
@given(MOMENTS, st.integers(0, 400_000), st.integers(0, 400_000))
def test_any_calls_at_any_time_give_a_verdict_with_ordered_limits(moments: list[int], since: int, life: int):
    calls = sorted(AT + timedelta(seconds=second) for second in moments)
    found = effect(calls, AT, AT + timedelta(seconds=since), first_call_at=AT - timedelta(seconds=life))
    for rate in (found.before, found.after):
        assert 0 <= rate.low <= rate.an_hour + 0.01
        assert rate.an_hour <= rate.high + 0.01
    if found.ratio is not None and found.ratio_low is not None and found.ratio_high is not None:
        assert found.ratio_low <= found.ratio + 0.01
        assert found.ratio <= found.ratio_high + 0.01
    assert sentence(found)
    if found.verdict is Verdict.STOPPED:
        last = max((call for call in calls if call <= AT + timedelta(seconds=since)), default=AT)
        assert since - max((last - AT).total_seconds(), 0) >= found.silence_that_counts_s


def test_each_sentence_claims_what_its_figures_show_and_no_cause():
    assert "does not show that it caused it" in rules.CAUTION
    stopped = effect(ringing(random.Random(1), 60, START, AT), AT, NOW, first_call_at=START)
    assert sentence(stopped).startswith(f"No call was reported since {stopped.last_call_at:%Y-%m-%d %H:%M:%S} UTC")


def test_the_gaps_that_are_looked_at_are_those_after_the_measure():
    quiet_before = [*ringing(random.Random(1), 60, START, START + timedelta(hours=1)), AT - timedelta(seconds=1)]
    calls = [*quiet_before, *ringing(random.Random(2), 60, AT, NOW)]
    found = effect(calls, AT, NOW, first_call_at=START)
    assert max(b - a for a, b in pairwise(quiet_before)) > timedelta(hours=1)
    assert found.returned_at is None


@pytest.mark.parametrize("an_hour", [60, 600])
def test_a_busy_campaign_whose_reports_come_late_is_not_called_stopped(an_hour: int):
    """The calls never stop; their sender posts them a quarter of an hour later, so the newest minutes are empty."""
    stopped, fooled = 0, 0
    for seed in range(100):
        rng = random.Random(seed)
        calls = ringing(rng, an_hour, START, NOW)
        delays = [900 + rng.expovariate(1 / 300) for _ in calls]
        known = [call for call, delay in zip(calls, delays, strict=True) if call + timedelta(seconds=delay) <= NOW]
        found = effect(known, AT, NOW, first_call_at=START, delays=rules.reporting(delays))
        stopped += found.verdict is Verdict.STOPPED
        fooled += effect(known, AT, NOW, first_call_at=START).verdict is Verdict.STOPPED
    # The silence would count if reports were taken to come at once.
    assert fooled == 100
    assert stopped == 0


def test_a_campaign_that_did_stop_is_called_so_once_its_late_reports_must_have_come():
    for seed in range(50):
        rng = random.Random(seed)
        calls = ringing(rng, 60, START, AT)
        delays = rules.reporting(rng.expovariate(1 / 600) for _ in calls)
        soon = effect(calls, AT, AT + timedelta(minutes=8), first_call_at=START, delays=delays)
        late = effect(calls, AT, NOW, first_call_at=START, delays=delays)
        assert (soon.verdict, late.verdict) == (Verdict.TOO_EARLY, Verdict.STOPPED)
        assert "95% came within" in sentence(soon)


def test_the_time_that_is_told_of_grows_with_its_age_up_to_its_own_length():
    delays = rules.reporting([0.0, 600.0, 1_200.0])
    start, end = AT, AT + timedelta(minutes=10)
    seen = [delays.seen(start, end, end + timedelta(minutes=after)).total_seconds() for after in (0, 10, 20, 30)]
    # One report in four, that of which nothing is known yet, is not counted on.
    assert seen == pytest.approx([150.0, 300.0, 450.0, 450.0])
    assert rules.AT_ONCE.seen(start, end, end) == end - start
    assert delays.within(0.95) == 1_200.0


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1e6), max_size=20), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_told_of_is_never_more_than_the_time_itself(delays: list[float], length: int, more: int, age: int):
    known = rules.reporting(delays)
    middle, end = AT + timedelta(seconds=length), AT + timedelta(seconds=length + more)
    now = end + timedelta(seconds=age)
    whole = known.seen(AT, end, now)
    assert timedelta(0) <= whole <= end - AT + timedelta(milliseconds=1)
    parts = known.seen(AT, middle, now) + known.seen(middle, end, now)
    assert abs(whole - parts) < timedelta(milliseconds=10)
