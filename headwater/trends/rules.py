"""What is usual at this hour of the week, and what happened to a series. Pure; ``now`` is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import log
from typing import Any, Final

from headwater.trends import forecast
from headwater.trends.counts import BEYOND, SHOWN, dispersion, interval
from headwater.trends.series import DAY, HOUR, Series, by_day, floor, hours_of, midnight

RULE_VERSION: Final = "trends/1"

#: A baseline is taken from the weeks before the time that is looked at.
BASELINE_WEEKS: Final = 8
BASELINE_DAYS_NEEDED: Final = 14
#: An hour of the week counts as if so many weeks of the ordinary profile had been seen before.
_ORDINARY_WEEKS: Final = 2

#: Silence that what is usual explains with less than this probability is dormancy; never less than six hours, and no
#: weekend before the weekends of a series are known.
SILENCE_P: Final = 0.001
SILENCE_AT_LEAST: Final = timedelta(hours=6)
SILENCE_YOUNG: Final = timedelta(hours=72)
SILENCE_AT_MOST: Final = timedelta(days=7)
#: Growth: beyond the 99% interval, at least twice what was expected, and no handful.
GROWTH_FACTOR: Final = 2.0
GROWTH_CALLS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What is usual in one hour."""

    hour: datetime
    mean: float
    low: int
    high: int
    """Between them lie 90% of such hours."""


def baseline(series: Series, *, start: datetime, end: datetime) -> list[Usual]:
    """Return what is usual in each hour from ``start`` to ``end``, from the eight weeks before ``start`` alone.

    Empty where fewer than 14 days are known: one week is no pattern. The mean of an hour of the week is pulled towards
    the product of its hour of the day and its weekday, so that two weeks of a rare call do not make a profile.
    """
    if series.first is None:
        return []
    since = max(series.first.replace(hour=0), start - timedelta(weeks=BASELINE_WEEKS))
    if (start - since) < BASELINE_DAYS_NEEDED * DAY:
        return []
    known = hours_of(since, start)
    profile = _profile(series.hours, known)
    spread = dispersion((profile[_slot(hour)], float(series.hours.get(hour, 0))) for hour in known)
    return [
        Usual(hour=hour, mean=mean, low=low, high=high)
        for hour in hours_of(start, end)
        for mean in (profile[_slot(hour)],)
        for low, high in (interval(mean, spread, SHOWN),)
    ]


def _slot(hour: datetime) -> int:
    return hour.weekday() * 24 + hour.hour


def _profile(counts: Mapping[datetime, int], known: Sequence[datetime]) -> list[float]:
    sums, seen = [0.0] * 168, [0] * 168
    for hour in known:
        slot = _slot(hour)
        sums[slot] += counts.get(hour, 0)
        seen[slot] += 1
    total = sum(sums)
    mean = total / len(known)
    if not total:
        return [0.0] * 168
    of_hour = [_mean(sums[h::24], seen[h::24]) / mean for h in range(24)]
    of_day = [_mean(sums[d * 24 : d * 24 + 24], seen[d * 24 : d * 24 + 24]) / mean for d in range(7)]
    return [
        (sums[slot] + _ORDINARY_WEEKS * mean * of_hour[slot % 24] * of_day[slot // 24]) / (seen[slot] + _ORDINARY_WEEKS)
        for slot in range(168)
    ]


def _mean(sums: Sequence[float], seen: Sequence[int]) -> float:
    return sum(sums) / max(sum(seen), 1)


class Kind(StrEnum):
    """What can happen to a series."""

    BORN = "born"
    GREW = "grew"
    FELL = "fell"
    DORMANT = "dormant"
    RETURNED = "returned"

    @property
    def label(self) -> str:
        """The word on screen."""
        return self.value.capitalize()

    @property
    def status(self) -> str:
        """Its row in the table of statuses."""
        return f"trend_{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a series, with the figures that show it."""

    kind: Kind
    at: datetime
    vantage: str
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


def events(series: Series, *, now: datetime) -> list[Event]:
    """Return what happened to a series, the newest first."""
    if series.first is None:
        return []
    found = [
        Event(
            kind=Kind.BORN,
            at=series.first,
            vantage=series.vantage,
            sentence=f"First call seen; {series.hours[series.first]} in its first hour.",
            evidence={"rule": RULE_VERSION, "calls_in_hour": series.hours[series.first]},
        ),
        *_silences(series, now),
        *_jumps(series, now),
    ]
    return sorted(found, key=lambda event: (event.at, event.kind), reverse=True)


def _silences(series: Series, now: datetime) -> list[Event]:
    """Find the silences that what is usual in their hours does not explain, and the calls that ended them."""
    found = []
    rang = sorted(hour for hour, calls in series.hours.items() if calls)
    for here, following in zip(rang, [*rang[1:], None], strict=True):
        gap = (following or floor(now) + HOUR) - here
        if gap <= SILENCE_AT_LEAST:
            continue
        limit, words, evidence = _limit(series, rang, here)
        if gap <= limit:
            continue
        told = evidence | {
            "rule": RULE_VERSION,
            "limit_h": round(limit / HOUR, 1),
            "silent_h": round(gap / HOUR, 1),
            "last_hour": here.isoformat(),
        }
        sentence = f"No call after {here:%Y-%m-%d %H}:00 h; {words} {limit / HOUR:.0f} h of silence at most."
        found.append(
            Event(kind=Kind.DORMANT, at=here + limit, vantage=series.vantage, sentence=sentence, evidence=told)
        )
        if following is not None:
            again = f"Rings again after {gap / DAY:.1f} days of silence."
            found.append(
                Event(
                    kind=Kind.RETURNED,
                    at=following,
                    vantage=series.vantage,
                    sentence=again,
                    evidence=told | {"calls_in_hour": series.hours[following]},
                )
            )
    return found


def _limit(series: Series, rang: Sequence[datetime], here: datetime) -> tuple[timedelta, str, dict[str, Any]]:
    """Return the longest silence after ``here`` that is explained, by what, and with which figures.

    Where two weeks are known, by the hours of the week: nights and weekends are not silence. Before that by the mean
    rate, and then no weekend is.
    """
    since = max(rang[0].replace(hour=0), here - timedelta(weeks=BASELINE_WEEKS))
    calls_surprising = -log(SILENCE_P)
    if here - since >= BASELINE_DAYS_NEEDED * DAY:
        known = hours_of(since, here + HOUR)
        profile = _profile(series.hours, known)
        spread = dispersion((profile[_slot(hour)], float(series.hours.get(hour, 0))) for hour in known)
        hour, missed = here + HOUR, 0.0
        while hour - here < SILENCE_AT_MOST and missed < calls_surprising * spread:
            missed += profile[_slot(hour)]
            hour += HOUR
        figures: dict[str, Any] = {"calls_missed": round(missed, 1), "dispersion": round(spread, 2)}
        return max(SILENCE_AT_LEAST, hour - here), "what is usual in these hours explains", figures
    rate = _rate(series.hours, rang, here)
    limit = min(max(SILENCE_YOUNG, timedelta(hours=calls_surprising / rate)), SILENCE_AT_MOST)
    return limit, f"its rate, {rate:.2f} an hour, explains", {"rate_per_hour": round(rate, 3)}


def _rate(hours: Mapping[datetime, int], rang: Sequence[datetime], here: datetime) -> float:
    """Return calls an hour over the week that ends with ``here``, or since the first call where that is later.

    From the gaps between calls, so that a first call alone is no rate.
    """
    known = [hour for hour in rang if here - timedelta(days=7) <= hour <= here]
    calls = sum(hours[hour] for hour in known)
    return max((calls - 1) / max((here - known[0]) / HOUR, 1.0), 1e-6)


def _jumps(series: Series, now: datetime) -> list[Event]:
    """Find the days far above or below what the days before them let expect; of days in a row, the first."""
    days = by_day(series.hours)
    first, today = min(days), now.date()
    counts = series.over_days(first, today)
    found: list[Event] = []
    before: Kind | None = None
    for place in range(forecast.DAYS_NEEDED, len(counts)):
        day = first + DAY * place
        kind, event = _jump(series.vantage, counts[:place], first=first, day=day, came=counts[place])
        if event is not None and kind is not before:
            found.append(event)
        before = kind
    return found


def _jump(vantage: str, days: Sequence[int], *, first: date, day: date, came: int) -> tuple[Kind | None, Event | None]:
    said = forecast.forecast(days, first=first)
    if said is None:
        return None, None
    low, high = _beyond(said)
    if came > high and came >= GROWTH_CALLS and came >= GROWTH_FACTOR * said.expected:
        kind, word = Kind.GREW, "above"
    elif 0 < came < low and said.expected >= GROWTH_CALLS and came * GROWTH_FACTOR <= said.expected:
        kind, word = Kind.FELL, "below"
    else:
        return None, None
    sentence = f"{came} calls on {day:%Y-%m-%d}, {word} the {low} to {high} that the days before let expect (99%)."
    evidence = {
        "rule": RULE_VERSION,
        "calls": came,
        "expected": round(said.expected, 1),
        "low_99": low,
        "high_99": high,
        "model": said.model,
        "days": said.days,
    }
    return kind, Event(kind=kind, at=midnight(day), vantage=vantage, sentence=sentence, evidence=evidence)


def _beyond(said: forecast.Forecast) -> tuple[int, int]:
    """Return the 99% interval that belongs to the 90% one of a forecast."""
    # The width tells the dispersion: (high - low) spans 2 * 1.645 standard deviations.
    deviation = max((said.high - said.low) / 3.29, 0.5)
    return interval(said.expected, max(1.0, deviation**2 / max(said.expected, 0.5)), BEYOND)
