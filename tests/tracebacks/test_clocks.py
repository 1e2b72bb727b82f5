"""The 24-hour clock of 47 CFR 64.1200(n)(1): the worked examples of the domain reference, then every instant."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.tracebacks.clocks import (
    CLOSING,
    OPENING,
    AtClosing,
    BeforeOpening,
    ClockError,
    Readings,
    after_business_time,
    federal_holidays,
    is_business_day,
    legal_clock,
    next_business_day,
)

EASTERN, PACIFIC = "America/New_York", "America/Los_Angeles"
US_ZONES = (
    EASTERN,
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    PACIFIC,
    "America/Anchorage",
    "America/Adak",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
    "Pacific/Guam",
    "Pacific/Pago_Pago",
)


def local(text: str, zone: str = EASTERN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("number", "zone", "received", "deemed", "due"),
    [
        (1, EASTERN, "2026-06-09 10:00", "2026-06-09 10:00", "2026-06-10 10:00"),
        (2, EASTERN, "2026-06-12 15:00", "2026-06-12 15:00", "2026-06-15 15:00"),
        (3, EASTERN, "2026-06-12 18:00", "2026-06-15 08:00", "2026-06-16 08:00"),
        (4, EASTERN, "2026-06-13 12:00", "2026-06-15 08:00", "2026-06-16 08:00"),
        (5, EASTERN, "2026-06-09 06:15", "2026-06-09 08:00", "2026-06-10 08:00"),
        (6, EASTERN, "2026-05-22 15:00", "2026-05-22 15:00", "2026-05-26 15:00"),
        (7, EASTERN, "2026-05-22 17:45", "2026-05-26 08:00", "2026-05-27 08:00"),
        (8, EASTERN, "2026-11-25 15:00", "2026-11-25 15:00", "2026-11-27 15:00"),
        (9, EASTERN, "2026-11-25 18:00", "2026-11-27 08:00", "2026-11-30 08:00"),
        (10, PACIFIC, "2026-06-09 15:00", "2026-06-09 15:00", "2026-06-10 15:00"),
        (11, PACIFIC, "2026-06-09 05:30", "2026-06-09 08:00", "2026-06-10 08:00"),
        (12, EASTERN, "2026-03-06 15:00", "2026-03-06 15:00", "2026-03-09 15:00"),
    ],
)
def test_the_worked_examples(number: int, zone: str, received: str, deemed: str, due: str) -> None:
    clock = legal_clock(local(received, zone), zone)
    assert clock.deemed_received_at == local(deemed, zone)
    assert clock.due_at == local(due, zone)


def test_examples_10_to_12_in_utc_because_the_senders_zone_and_daylight_saving_do_not_matter() -> None:
    ten = legal_clock(local("2026-06-09 18:00", EASTERN), PACIFIC)
    assert ten.due_at == datetime(2026, 6, 10, 22, 0, tzinfo=UTC)
    eleven = legal_clock(local("2026-06-09 08:30", EASTERN), PACIFIC)
    assert eleven.due_at == datetime(2026, 6, 10, 15, 0, tzinfo=UTC)
    twelve = legal_clock(datetime(2026, 3, 6, 20, 0, tzinfo=UTC), EASTERN)
    assert twelve.due_at == datetime(2026, 3, 9, 19, 0, tzinfo=UTC)


def test_open_reading_before_opening_can_be_taken_literally() -> None:
    literal = Readings(before_opening=BeforeOpening.NEXT_BUSINESS_DAY)
    clock = legal_clock(local("2026-06-09 06:15"), EASTERN, literal)
    assert clock.deemed_received_at == local("2026-06-10 08:00")
    assert clock.due_at == local("2026-06-11 08:00")


def test_open_reading_at_closing_decides_over_exactly_half_past_five() -> None:
    closing = local("2026-06-09 17:30")
    assert legal_clock(closing, EASTERN).due_at == local("2026-06-10 17:30")
    outside = Readings(at_closing=AtClosing.OUTSIDE)
    assert legal_clock(closing, EASTERN, outside).due_at == local("2026-06-11 08:00")
    assert legal_clock(closing + timedelta(microseconds=1), EASTERN).due_at == local("2026-06-11 08:00")


def test_an_operator_can_add_holidays() -> None:
    day_after_thanksgiving = Readings(extra_holidays=frozenset({date(2026, 11, 27)}))
    assert legal_clock(local("2026-11-25 15:00"), EASTERN, day_after_thanksgiving).due_at == local("2026-11-30 15:00")


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2026, "01-01 01-19 02-16 05-25 06-19 07-03 07-04 09-07 10-12 11-11 11-26 12-25"),
        (2027, "01-01 01-18 02-15 05-31 06-18 06-19 07-04 07-05 09-06 10-11 11-11 11-25 12-24 12-25 12-31"),
        (2020, "01-01 01-20 02-17 05-25 07-03 07-04 09-07 10-12 11-11 11-26 12-25"),
        (2022, "01-01 01-17 02-21 05-30 06-19 06-20 07-04 09-05 10-10 11-11 11-24 12-25 12-26"),
    ],
)
def test_federal_holidays_with_the_days_observed_for_them(year: int, days: str) -> None:
    assert federal_holidays(year) == {date.fromisoformat(f"{year}-{day}") for day in days.split()}


def test_new_years_day_on_a_saturday_is_kept_in_the_year_before() -> None:
    assert not is_business_day(date(2021, 12, 31))
    assert next_business_day(date(2021, 12, 30)) == date(2022, 1, 3)


@pytest.mark.parametrize("zone", ["Nowhere/City", "", "../etc/passwd", "America"])
def test_a_zone_that_is_none_is_named(zone: str) -> None:
    with pytest.raises(ClockError, match="no time zone"):
        legal_clock(datetime(2026, 6, 9, tzinfo=UTC), zone)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ClockError, match="has no zone"):
        legal_clock(datetime(2026, 6, 9), EASTERN)  # noqa: DTZ001 - that is the point


instants = st.datetimes(datetime(2019, 1, 1), datetime(2045, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
readings = st.builds(
    Readings,
    before_opening=st.sampled_from(BeforeOpening),
    at_closing=st.sampled_from(AtClosing),
    extra_holidays=st.frozensets(st.dates(date(2019, 1, 1), date(2045, 1, 1)), max_size=5),
)


@given(received=instants, zone=st.sampled_from(US_ZONES), read=readings)
def test_what_holds_of_every_instant_in_every_us_zone(received: datetime, zone: str, read: Readings) -> None:
    clock = legal_clock(received, zone, read)
    deemed, due = (at.astimezone(ZoneInfo(zone)) for at in (clock.deemed_received_at, clock.due_at))
    assert received <= clock.deemed_received_at < clock.due_at
    for at in (deemed, due):
        assert is_business_day(at.date(), read)
        assert OPENING <= at.time() <= CLOSING
    assert deemed.time() == due.time()
    assert due.date() == next_business_day(deemed.date(), read)
    # Never less than a day but for the hour that daylight saving takes.
    assert clock.due_at - clock.deemed_received_at >= timedelta(hours=23)


@given(first=instants, gap=st.timedeltas(timedelta(0), timedelta(days=20)), zone=st.sampled_from(US_ZONES))
def test_who_is_asked_later_is_never_due_earlier(first: datetime, gap: timedelta, zone: str) -> None:
    assert legal_clock(first, zone).due_at <= legal_clock(first + gap, zone).due_at


@given(received=instants, zone=st.sampled_from(US_ZONES), minutes=st.integers(1, 3_000))
def test_the_platforms_target_runs_in_business_hours_alone(received: datetime, zone: str, minutes: int) -> None:
    due = after_business_time(received, zone, timedelta(minutes=minutes)).astimezone(ZoneInfo(zone))
    assert is_business_day(due.date())
    assert OPENING <= due.time() <= CLOSING
    begin = legal_clock(received, zone).deemed_received_at.astimezone(ZoneInfo(zone))
    assert _business_minutes(begin, due) == pytest.approx(minutes, abs=1e-6)


def _business_minutes(begin: datetime, end: datetime) -> float:
    """Count the business minutes between two local instants, day by day."""
    zone, day, total = begin.tzinfo, begin.date(), 0.0
    while day <= end.date():
        if is_business_day(day):
            opening = max(datetime.combine(day, OPENING, zone), begin)
            closing = min(datetime.combine(day, CLOSING, zone), end)
            total += max((closing.astimezone(UTC) - opening.astimezone(UTC)).total_seconds(), 0) / 60
        day += timedelta(days=1)
    return total


def test_a_target_of_four_hours_asked_in_the_afternoon_ends_next_morning() -> None:
    due = after_business_time(local("2026-06-12 15:30"), EASTERN, timedelta(hours=4))
    assert due == local("2026-06-15 10:00")
    assert time(10) == due.astimezone(ZoneInfo(EASTERN)).time()
