"""What the next day brings: said from the past alone, with an interval that holds, and scored."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.trends import forecast
from headwater.trends.counts import dispersion, interval

MONDAY = date(2026, 9, 7)
SHAPE = (1.2, 1.3, 1.2, 1.1, 1.0, 0.3, 0.2)


def weeks(number: int, *, mean: float = 200, seed: int = 7, over: float = 3.0) -> list[int]:
    """Days whose weekdays differ; negative binomial counts with a variance of ``over`` times their mean."""
    rng = np.random.default_rng(seed)
    means = mean * np.array(SHAPE * number)
    return [int(count) for count in rng.negative_binomial(means / (over - 1), 1 / over)]


def test_nothing_is_said_before_three_whole_days_are_known() -> None:
    assert forecast.forecast([5, 6], first=MONDAY) is None
    assert forecast.forecast([5, 6, 7], first=MONDAY) is not None


def test_the_weekday_is_learnt_and_saturday_is_not_forecast_as_a_friday() -> None:
    days = weeks(8)
    friday, saturday = days[:-3], days[:-2]
    on_friday = forecast.forecast(friday, first=MONDAY)
    on_saturday = forecast.forecast(saturday, first=MONDAY)
    assert on_friday is not None
    assert on_saturday is not None
    assert on_friday.day.weekday() == 4
    assert on_saturday.day.weekday() == 5
    assert on_saturday.expected < on_friday.expected / 2


def test_the_interval_covers_what_it_says_and_the_error_is_below_the_naive_one() -> None:
    scored = [pair for seed in range(12) for pair in forecast.walk_forward(weeks(9, seed=seed), first=MONDAY)]
    found = forecast.score(scored)
    assert found.forecasts == 12 * 28
    assert found.coverage is not None
    assert 0.84 <= found.coverage <= 0.97
    assert found.skill is not None
    assert found.skill < 0.95


def test_a_forecast_knows_nothing_of_the_day_and_of_what_came_later() -> None:
    days = weeks(6)
    for one, _came in forecast.walk_forward(days, first=MONDAY):
        place = (one.day - MONDAY).days
        assert one == forecast.forecast(days[:place], first=MONDAY)


def test_the_naive_forecast_is_the_same_weekday_a_week_before() -> None:
    days = list(range(1, 15))
    assert forecast.naive(days, 1) == 8
    assert forecast.naive(days, 2) == 9
    assert forecast.naive([4, 5], 1) == 5


def test_a_series_that_ended_is_forecast_to_stay_silent() -> None:
    said = forecast.forecast([40, 50, 45] + [0] * 30, first=MONDAY)
    assert said is not None
    assert said.expected < 1


@settings(max_examples=60)
@given(st.lists(st.integers(0, 100_000), min_size=3, max_size=70), st.sampled_from([1, 2]))
def test_any_series_gives_an_interval_around_what_is_expected(days: list[int], horizon: int) -> None:
    said = forecast.forecast(days, first=MONDAY, horizon=horizon)
    assert said is not None
    assert 0 <= said.low <= said.expected + 1
    assert said.high + 1 >= said.expected
    assert said.day == MONDAY + timedelta(days=len(days) + horizon - 1)
    assert said.days <= forecast.DAYS_USED


@pytest.mark.parametrize("mean", [0.5, 4, 90, 5_000])
def test_more_scatter_widens_the_interval(mean: float) -> None:
    narrow, wide = interval(mean, 1.0), interval(mean, 6.0)
    assert wide[1] - wide[0] >= narrow[1] - narrow[0]
    assert interval(mean, 3.0, 0.99)[1] >= interval(mean, 3.0, 0.9)[1]


def test_the_scatter_is_measured_and_never_below_poissons() -> None:
    assert dispersion([(10, 10)] * 500) == 1.0
    assert dispersion([(10, 20), (10, 0)] * 100) == pytest.approx(9.8, abs=0.3)
    assert dispersion([]) == 2.0
