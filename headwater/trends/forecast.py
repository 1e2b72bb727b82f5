"""What the next days will bring, with an interval, and how forecasts are scored. Pure.

Two parts: the level, an exponential mean of the days with the weekday taken out; and the weekday's factor, pulled
towards 1 as far as the weekdays differ no more than by chance. The smoothing is the one that would have erred least on
the days seen. The interval comes from the errors that the same rule made on those days, one day ahead. Before two weeks
are seen no pattern of the week is known: the interval then holds an ordinary one, and the same weekday of the week
before, where there is one, counts as far as it erred less than the level did.

Beside it stands the simplest honest forecast: the same weekday a week before (before a week is full, the last day).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean, pvariance, variance
from typing import Final

from headwater.trends.counts import SHOWN, dispersion, interval

MODEL: Final = "days/1"
#: Whole days that must have passed before anything is said.
DAYS_NEEDED: Final = 3
#: By how much of its mean a weekday ordinarily differs, before that is known of a series: calls rest at weekends.
_ORDINARY_WEEK: Final = 0.45
#: Days that are looked back on: eight weeks.
DAYS_USED: Final = 56
_WEEK: Final = 7
_SMOOTHINGS: Final = (0.1, 0.2, 0.35, 0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The calls expected on one day."""

    day: date
    horizon: int
    """Days after the last whole day known: 1 is the next day."""
    expected: float
    low: int
    high: int
    """Between them with 90% probability, if the next days are like those seen."""
    naive: int
    """What the same weekday had a week before."""
    days: int
    """Whole days it was made from."""
    model: str = MODEL


def forecast(days: Sequence[int], *, first: date, horizon: int = 1) -> Forecast | None:
    """Return the forecast for ``horizon`` days after the last of ``days``; ``None`` where too few are known.

    Args:
        days: Calls of each whole day, the oldest first; ``first`` is the first of them.
        first: Its date.
        horizon: 1 for the next day, 2 for the one after.
    """
    if len(days) < DAYS_NEEDED:
        return None
    first, days = first + timedelta(days=max(0, len(days) - DAYS_USED)), days[-DAYS_USED:]
    target = first + timedelta(days=len(days) + horizon - 1)
    factors = _weekdays(days, first)
    smoothing, level, pairs = _best(days, first, factors)
    expected = level * factors[target.weekday()]
    # What was fitted on the days erred less on them than it will: so many figures were taken from them.
    spread = dispersion(pairs) * len(days) / max(len(days) - _fitted(factors), 1)
    # The level may move on each day that is skipped.
    spread *= 1 + (horizon - 1) * smoothing**2
    if len(days) < 2 * _WEEK:
        if len(days) >= _WEEK:
            trust = _trust_in_last_week(days, pairs)
            expected = (1 - trust) * expected + trust * naive(days, horizon)
        spread += expected * _ORDINARY_WEEK**2
    low, high = interval(expected, spread, SHOWN)
    return Forecast(
        day=target,
        horizon=horizon,
        expected=expected,
        low=low,
        high=high,
        naive=naive(days, horizon),
        days=len(days),
    )


def _fitted(factors: Sequence[float]) -> float:
    """Return how many figures were taken from the days: the level and its smoothing, and the weekdays in part."""
    return 2.0 + (_WEEK - 1 if any(factor != 1 for factor in factors) else 0)


def _trust_in_last_week(days: Sequence[int], pairs: Sequence[tuple[float, float]]) -> float:
    """Return how far the week before is trusted, from how it and the level erred so far; a half where nothing is known.

    ``pairs`` are the level's, from the second day on.
    """
    level, last_week = 1.0, 1.0
    for step in range(_WEEK, len(days)):
        expected, came = pairs[step - 1]
        level += (expected - came) ** 2
        last_week += (days[step - _WEEK] - came) ** 2
    return level / (level + last_week)


def naive(days: Sequence[int], horizon: int = 1) -> int:
    """Return the count of the same weekday a week before, or of the last day where no week is full."""
    back = _WEEK - horizon + 1
    return days[-back] if len(days) >= back else days[-1]


def _weekdays(days: Sequence[int], first: date) -> list[float]:
    """Return each weekday's factor; all 1 before two weeks were seen, since one week is no pattern."""
    if len(days) < 2 * _WEEK:
        return [1.0] * _WEEK
    mean = sum(days) / len(days)
    if not mean:
        return [1.0] * _WEEK
    of_day: list[list[int]] = [[] for _ in range(_WEEK)]
    for step, calls in enumerate(days):
        of_day[(first + timedelta(days=step)).weekday()].append(calls)
    seen = [fmean(counts) / mean for counts in of_day]
    # How far a weekday's mean may lie from its true one, as its own days scatter; what the weekdays differ beyond
    # that is the pattern, and each is believed as far as the pattern is larger than the scatter (empirical Bayes).
    scatter = fmean(variance(counts) for counts in of_day) / mean**2
    pattern = max(pvariance(seen) - fmean(scatter / len(counts) for counts in of_day), 0.0)
    if not pattern:
        return [1.0] * _WEEK
    return [
        1 + (factor - 1) * pattern / (pattern + scatter / len(counts))
        for factor, counts in zip(seen, of_day, strict=True)
    ]


def _best(days: Sequence[int], first: date, factors: Sequence[float]) -> tuple[float, float, list[tuple[float, float]]]:
    """Return the smoothing that erred least, the level that it leads to, and its (expected, came) pairs."""
    tried = [(smoothing, *_run(days, first, factors, smoothing)) for smoothing in _SMOOTHINGS]
    return min(tried, key=lambda one: sum((expected - came) ** 2 for expected, came in one[2]))


def _run(
    days: Sequence[int], first: date, factors: Sequence[float], smoothing: float
) -> tuple[float, list[tuple[float, float]]]:
    level, pairs = 0.0, []
    for step, calls in enumerate(days):
        factor = max(factors[(first + timedelta(days=step)).weekday()], 0.01)
        if step:
            pairs.append((level * factor, float(calls)))
        # At first the mean of what was seen, so that the first day alone does not set the level. A quiet weekday
        # tells less of it: its count scatters more for its size.
        weight = max(smoothing, 1 / (step + 1)) * min(factor, 1.0)
        level = calls / factor if not step else level + weight * (calls / factor - level)
    return level, pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How forecasts fared against what came."""

    forecasts: int
    covered: int
    """Where what came lay between low and high; 90% should."""
    error: float
    """Mean of how far what was expected lay from what came, in calls a day."""
    naive_error: float
    """The same for the naive forecast."""

    @property
    def coverage(self) -> float | None:
        """Share of those that were covered; ``None`` before there is one."""
        return self.covered / self.forecasts if self.forecasts else None

    @property
    def skill(self) -> float | None:
        """Error over the naive one's: below 1 is better than it; ``None`` where that one never erred."""
        return self.error / self.naive_error if self.naive_error > 0 else None


def score(scored: Sequence[tuple[Forecast, int]]) -> Score:
    """Score forecasts against the counts that came."""
    number = len(scored)
    return Score(
        forecasts=number,
        covered=sum(one.low <= came <= one.high for one, came in scored),
        error=sum(abs(one.expected - came) for one, came in scored) / number if number else 0.0,
        naive_error=sum(abs(one.naive - came) for one, came in scored) / number if number else 0.0,
    )


def walk_forward(days: Sequence[int], *, first: date, most: int = 28) -> list[tuple[Forecast, int]]:
    """Return what the rule would have said of each of the last ``most`` days from the days before it alone."""
    found = []
    for place in range(max(DAYS_NEEDED, len(days) - most), len(days)):
        one = forecast(days[:place], first=first)
        if one is not None:
            found.append((one, days[place]))
    return found
