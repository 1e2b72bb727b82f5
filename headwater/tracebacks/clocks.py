"""When an answer is due: the legal time of 47 CFR 64.1200(n)(1), and the platform's own target. Pure.

Everything is computed in the local clock time of the responding office and turned into UTC last. Where the
rule leaves a reading open, ``Readings`` names it and an operator can choose; the defaults are the project's.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

from headwater.errors import Invalid

#: 47 CFR 64.1200(n)(1): business hours, local time of the responding office.
OPENING = time(8, 0)
CLOSING = time(17, 30)
ONE_DAY = timedelta(days=1)
SATURDAY = 5
_MONDAY, _THURSDAY = 0, 3
#: 5 U.S.C. 6103(a), as amended by Pub. L. 117-17: Juneteenth is a legal holiday since June 17, 2021.
_JUNETEENTH_SINCE = 2021


class ClockError(Invalid):
    """A time without a zone, or an office zone that is none."""


class BeforeOpening(StrEnum):
    """Open reading (i): when a request is deemed received that comes before 8 a.m. on a business day."""

    SAME_MORNING = "same_morning"
    """At 8:00 of that very morning (the project's reading)."""
    NEXT_BUSINESS_DAY = "next_business_day"
    """At 8:00 of the next business day (the literal words)."""


class AtClosing(StrEnum):
    """Open reading (ii): whether exactly 5:30 p.m. is inside business hours."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """How the open points of the rule are read; kept with every traceback that was clocked by them."""

    before_opening: BeforeOpening = BeforeOpening.SAME_MORNING
    at_closing: AtClosing = AtClosing.INSIDE
    extra_holidays: frozenset[date] = field(default_factory=frozenset)
    """Open reading (iii): days that an operator adds to the federal legal holidays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalClock:
    """The two instants of the rule, aware UTC."""

    deemed_received_at: datetime
    due_at: datetime


DEFAULT_READINGS = Readings()


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    """Return the ``n``-th ``weekday`` (Monday 0) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last_monday(year: int, month: int) -> date:
    end = date(year + month // 12, month % 12 + 1, 1) - ONE_DAY
    return end - timedelta(days=end.weekday())


def _observed(day: date) -> date:
    """Return the weekday on which a holiday is kept: Friday for a Saturday, Monday for a Sunday.

    5 U.S.C. 6103(b)(1) and Executive Order 11582 section 3.
    """
    return day + {5: -ONE_DAY, 6: ONE_DAY}.get(day.weekday(), timedelta())


@cache
def federal_holidays(year: int) -> frozenset[date]:
    """Return the federal legal holidays kept in ``year``: the days themselves and the days observed for them.

    5 U.S.C. 6103(a). Inauguration Day binds federal employees around Washington alone and is left out.
    New Year's Day of the following year is kept on December 31 where it falls on a Saturday.
    """
    days = {
        date(year, 1, 1),
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _last_monday(year, 5),
        date(year, 7, 4),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 10, _MONDAY, 2),
        date(year, 11, 11),
        _nth(year, 11, _THURSDAY, 4),
        date(year, 12, 25),
    }
    if year >= _JUNETEENTH_SINCE:
        days.add(date(year, 6, 19))
    kept = days | {_observed(day) for day in days} | {_observed(date(year + 1, 1, 1))}
    return frozenset(day for day in kept if day.year == year)


def is_business_day(day: date, readings: Readings = DEFAULT_READINGS) -> bool:
    """Tell whether ``day`` is Monday to Friday and no holiday."""
    return day.weekday() < SATURDAY and day not in federal_holidays(day.year) and day not in readings.extra_holidays


def next_business_day(day: date, readings: Readings = DEFAULT_READINGS) -> date:
    """Return the first business day after ``day``."""
    day += ONE_DAY
    while not is_business_day(day, readings):
        day += ONE_DAY
    return day


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ClockError(f"{name!r} is no time zone of the tz database: correct the provider's office zone") from error


def _local(instant: datetime, office_zone: str) -> datetime:
    if instant.tzinfo is None:
        raise ClockError(f"{instant.isoformat()} has no zone: pass an aware time")
    return instant.astimezone(_zone(office_zone))


def _utc(day: date, clock: time, office_zone: str) -> datetime:
    return datetime.combine(day, clock, tzinfo=_zone(office_zone)).astimezone(UTC)


def _deemed(local: datetime, readings: Readings) -> tuple[date, time]:
    """Return the local day and clock time at which a request of ``local`` is deemed received."""
    day, clock = local.date(), local.time()
    if not is_business_day(day, readings):
        return next_business_day(day, readings), OPENING
    if clock < OPENING:
        same_morning = readings.before_opening is BeforeOpening.SAME_MORNING
        return (day if same_morning else next_business_day(day, readings)), OPENING
    if clock > CLOSING or (clock == CLOSING and readings.at_closing is AtClosing.OUTSIDE):
        return next_business_day(day, readings), OPENING
    return day, clock


def legal_clock(received_at: datetime, office_zone: str, readings: Readings = DEFAULT_READINGS) -> LegalClock:
    """Return when a request is deemed received and when the full answer is due.

    47 CFR 64.1200(n)(1): 24 hours in local time of the responding office; the clock does not start outside
    business hours; weekends and federal legal holidays do not run. Deemed receipt always lies in business
    hours, so the answer is due at the same local clock time on the next business day.

    Raises:
        ClockError: ``received_at`` has no zone, or ``office_zone`` is none.
    """
    day, clock = _deemed(_local(received_at, office_zone), readings)
    return LegalClock(
        deemed_received_at=_utc(day, clock, office_zone),
        due_at=_utc(next_business_day(day, readings), clock, office_zone),
    )


def before_business_time(
    at: datetime, office_zone: str, running: timedelta, readings: Readings = DEFAULT_READINGS
) -> datetime:
    """Return the instant from which ``running`` of business hours pass until ``at`` (UTC).

    ``at`` outside business hours counts as the closing before it: a reminder so long before a due time finds
    somebody in the office.

    Raises:
        ClockError: ``at`` has no zone, or ``office_zone`` is none.
    """
    local = _local(at, office_zone)
    day, clock = local.date(), min(local.time(), CLOSING)
    while True:
        if is_business_day(day, readings) and clock > OPENING:
            begin, end = _utc(day, OPENING, office_zone), _utc(day, clock, office_zone)
            if end - running >= begin:
                return end - running
            running -= end - begin
        day, clock = day - ONE_DAY, CLOSING


def after_business_time(
    received_at: datetime, office_zone: str, running: timedelta, readings: Readings = DEFAULT_READINGS
) -> datetime:
    """Return the instant at which ``running`` of business hours have passed since ``received_at`` (UTC).

    The platform's target for an answer by a person: it runs in the office's business hours only.
    """
    day, clock = _deemed(_local(received_at, office_zone), readings)
    while True:
        begin, end = _utc(day, clock, office_zone), _utc(day, CLOSING, office_zone)
        if begin + running <= end:
            return begin + running
        running -= end - begin
        day, clock = next_business_day(day, readings), OPENING
