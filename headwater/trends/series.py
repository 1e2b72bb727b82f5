"""Counts over time as frozen values: hours, folded to days. Pure. Every time is UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The calls of one thing as one vantage point saw them, hour by hour. Several vantage points are never summed."""

    vantage: str
    """``app``, ``honeypot``, ``complaint`` or ``carrier``: ``calls.records.SourceKind``."""
    hours: Mapping[datetime, int]
    """Start of the hour -> calls; hours without a call are left out."""

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(self.hours.values())

    @property
    def first(self) -> datetime | None:
        """Start of the first hour with a call."""
        return min((hour for hour, calls in self.hours.items() if calls), default=None)

    @property
    def last(self) -> datetime | None:
        """Start of the last hour with a call."""
        return max((hour for hour, calls in self.hours.items() if calls), default=None)

    def over_hours(self, start: datetime, end: datetime) -> list[int]:
        """Return the calls of each hour from ``start`` to before ``end`` (whole hours)."""
        return [self.hours.get(hour, 0) for hour in hours_of(start, end)]

    def over_days(self, start: date, end: date) -> list[int]:
        """Return the calls of each day from ``start`` to before ``end``."""
        days = by_day(self.hours)
        return [days.get(day, 0) for day in days_of(start, end)]


def floor(at: datetime) -> datetime:
    """Return the start of the hour of ``at``."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def midnight(day: date) -> datetime:
    """Return the start of a day."""
    return datetime.combine(day, time(), UTC)


def hours_of(start: datetime, end: datetime) -> list[datetime]:
    """Return the start of each hour from ``start`` to before ``end``."""
    return [start + HOUR * step for step in range(max(0, -((start - end) // HOUR)))]


def days_of(start: date, end: date) -> list[date]:
    """Return each day from ``start`` to before ``end``."""
    return [start + DAY * step for step in range(max(0, (end - start).days))]


def by_day(hours: Mapping[datetime, int]) -> dict[date, int]:
    """Fold hours to days."""
    days: dict[date, int] = {}
    for hour, calls in hours.items():
        day = hour.date()
        days[day] = days.get(day, 0) + calls
    return days


def whole_days(series: Series, until: date, *, most: int = 10_000) -> list[int]:
    """Return the days from the first with a call to before ``until``, at most the latest ``most`` of them."""
    if series.first is None:
        return []
    start = max(series.first.date(), until - DAY * most)
    return series.over_days(start, until)


def together(parts: Sequence[Series]) -> list[Series]:
    """Add up series of the SAME vantage point, as a family's are its campaigns'; vantage points stay apart."""
    sums: dict[str, dict[datetime, int]] = {}
    for part in parts:
        into = sums.setdefault(part.vantage, {})
        for hour, calls in part.hours.items():
            into[hour] = into.get(hour, 0) + calls
    return [Series(vantage=vantage, hours=hours) for vantage, hours in sorted(sums.items())]
