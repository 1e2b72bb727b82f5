"""What is usual, and what happened, is found by rule and shown with its figures."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.trends import rules
from headwater.trends.rules import Kind
from headwater.trends.series import DAY, HOUR, Series, by_day, days_of, floor, hours_of, together, whole_days

START = datetime(2026, 9, 7, tzinfo=UTC)  # a Monday


def of(hours: dict[datetime, int], vantage: str = "app") -> Series:
    return Series(vantage=vantage, hours=hours)


def office_hours(weeks: int, calls: int = 6) -> dict[datetime, int]:
    """Calls from 14 to 22 h UTC on weekdays alone."""
    return {
        hour: calls
        for hour in hours_of(START, START + timedelta(weeks=weeks))
        if 14 <= hour.hour < 22 and hour.weekday() < 5
    }


def test_an_hour_of_the_week_is_held_against_its_own_past() -> None:
    one = of(office_hours(6))
    monday = START + timedelta(weeks=6)
    usual = rules.baseline(one, start=monday, end=monday + DAY)
    assert [round(each.mean) for each in usual[14:22]] == [6] * 8
    assert max(each.mean for each in usual[:14]) < 0.5
    assert usual[15].low <= 6 <= usual[15].high
    saturday = rules.baseline(one, start=monday + 5 * DAY, end=monday + 6 * DAY)
    assert max(each.mean for each in saturday) < 1


def test_the_days_that_are_shown_do_not_make_their_own_baseline() -> None:
    quiet = office_hours(6)
    monday = START + timedelta(weeks=6)
    burst = quiet | {monday + 15 * HOUR: 900}
    assert rules.baseline(of(quiet), start=monday, end=monday + DAY) == rules.baseline(
        of(burst), start=monday, end=monday + DAY
    )


def test_one_week_is_no_pattern() -> None:
    assert rules.baseline(of(office_hours(1)), start=START + timedelta(weeks=1), end=START + timedelta(weeks=2)) == []
    assert rules.baseline(of({}), start=START, end=START + DAY) == []


def kinds(hours: dict[datetime, int], now: datetime) -> list[tuple[Kind, datetime]]:
    return [(event.kind, event.at) for event in reversed(rules.events(of(hours), now=now))]


def test_birth_dormancy_and_return_are_found_in_their_hours() -> None:
    ring = {START + HOUR * step: 12 for step in range(48)}
    again = {START + 10 * DAY + HOUR * step: 12 for step in range(3)}
    found = kinds(ring | again, START + 10 * DAY + 3 * HOUR)
    assert found[0] == (Kind.BORN, START)
    assert (Kind.RETURNED, START + 10 * DAY) in found
    (dormant,) = [at for kind, at in found if kind is Kind.DORMANT]
    # Twelve an hour explain no silence; but two days tell nothing of how it keeps its weekends.
    assert dormant == START + 47 * HOUR + rules.SILENCE_YOUNG


def test_nights_and_weekends_are_no_silence_once_they_are_known() -> None:
    hours = office_hours(6)
    last = max(hours)
    assert [kind for kind, _ in kinds(hours, last + HOUR)] == [Kind.BORN]
    # Friday 22 h to Monday evening: a working day has passed without a call.
    (dormant,) = [at for kind, at in kinds(hours, last + 5 * DAY) if kind is Kind.DORMANT]
    assert last + 2 * DAY < dormant < last + 3 * DAY


def test_a_rare_caller_is_not_called_dormant_over_a_weekend() -> None:
    rare = {START + DAY * step: 1 for step in range(5)}
    assert Kind.DORMANT not in [kind for kind, _ in kinds(rare, START + 7 * DAY)]


def test_growth_is_a_day_beyond_what_the_days_before_let_expect_and_is_told_once() -> None:
    steady = {START + DAY * step + 15 * HOUR: 20 for step in range(20)}
    burst = {START + DAY * step + 15 * HOUR: 150 for step in (20, 21)}
    found = rules.events(of(steady | burst), now=START + 22 * DAY)
    grew = [event for event in found if event.kind is Kind.GREW]
    assert [event.at for event in grew] == [START + 20 * DAY]
    assert grew[0].evidence["calls"] == 150
    assert grew[0].evidence["high_99"] < 150
    assert "150 calls on 2026-09-27" in grew[0].sentence
    assert not [event for event in rules.events(of(steady), now=START + 20 * DAY) if event.kind is Kind.GREW]


def test_today_is_not_judged_before_it_is_over() -> None:
    steady = {START + DAY * step + 15 * HOUR: 20 for step in range(20)}
    burst = steady | {START + 20 * DAY + HOUR: 500}
    assert Kind.GREW not in [kind for kind, _ in kinds(burst, START + 20 * DAY + 2 * HOUR)]


def test_vantage_points_are_added_up_with_themselves_alone() -> None:
    parts = [of({START: 2}), of({START: 3, START + HOUR: 1}), of({START: 5}, "honeypot")]
    assert together(parts) == [of({START: 5, START + HOUR: 1}), of({START: 5}, "honeypot")]


def test_days_without_calls_count_as_nothing_and_not_as_missing() -> None:
    one = of({START + HOUR: 4, START + 3 * DAY: 1})
    assert whole_days(one, (START + 5 * DAY).date()) == [4, 0, 0, 1, 0]
    assert whole_days(one, (START + 5 * DAY).date(), most=2) == [1, 0]
    assert one.calls == 5


@settings(max_examples=60)
@given(st.dictionaries(st.integers(0, 24 * 60), st.integers(1, 5_000), max_size=80), st.integers(0, 24 * 20))
def test_any_series_is_judged_and_begins_with_its_birth(steps: dict[int, int], later: int) -> None:
    hours = {START + HOUR * step: calls for step, calls in steps.items()}
    now = START + HOUR * (max(steps, default=0) + later)
    found = rules.events(of(hours), now=now)
    assert bool(found) == bool(steps)
    if found:
        assert found[-1].kind is Kind.BORN or found[-1].at == min(hours)
        assert sum(event.kind is Kind.RETURNED for event in found) <= sum(e.kind is Kind.DORMANT for e in found)
        assert all(event.evidence["rule"] == rules.RULE_VERSION for event in found)
    assert sum(by_day(hours).values()) == sum(hours.values())
    assert days_of(START.date(), START.date()) == []
    assert floor(START + HOUR * 0.5) == START
