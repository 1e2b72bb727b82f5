"""When providers are reminded: a property over years of instants and every zone of the United States."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.tracebacks.clocks import (
    CLOSING,
    OPENING,
    after_business_time,
    before_business_time,
    is_business_day,
    legal_clock,
)
from headwater.tracebacks.reminders import AHEAD, AUDIENCES, Asked, Audience, Step, next_at, pending, schedule

ZONES = (
    "America/New_York", "America/Detroit", "America/Kentucky/Louisville", "America/Indiana/Indianapolis",
    "America/Chicago", "America/Denver", "America/Boise", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "America/Adak", "Pacific/Honolulu", "America/Puerto_Rico", "Pacific/Guam",
    "Pacific/Pago_Pago", "America/St_Thomas", "Pacific/Saipan",
)  # fmt: skip
INSTANTS = st.datetimes(datetime(2024, 1, 8), datetime(2031, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - zoned beside


def asked(at: datetime, zone: str, *, by_agent: bool = False, present: bool = False) -> Asked:
    legal = legal_clock(at, zone).due_at
    platform = at + timedelta(seconds=60) if by_agent else after_business_time(at, zone, timedelta(hours=4))
    return Asked(
        asked_at=at,
        platform_due_at=platform,
        legal_due_at=legal,
        final_due_at=legal_clock(legal, zone).due_at,
        office_zone=zone,
        by_agent=by_agent,
        agent_present=present,
    )


def in_office(at: datetime, zone: str) -> bool:
    local = at.astimezone(ZoneInfo(zone))
    return is_business_day(local.date()) and OPENING <= local.time() <= CLOSING


@settings(max_examples=400)
@given(at=INSTANTS, zone=st.sampled_from(ZONES), by_agent=st.booleans(), present=st.booleans())
def test_reminders_come_before_the_due_time_in_office_hours_and_escalations_after_it(
    *, at: datetime, zone: str, by_agent: bool, present: bool
) -> None:
    question = asked(at, zone, by_agent=by_agent, present=present)
    plan = schedule(question)
    moments = {one.step: one.at for one in plan}
    assert [one.at for one in plan] == sorted(one.at for one in plan)
    assert len(moments) == len(plan)
    assert plan[0].step is Step.ASKED
    assert question.asked_at <= moments[Step.ASKED] < question.legal_due_at
    assert question.asked_at < moments[Step.BEFORE_DUE] < question.legal_due_at
    assert in_office(moments[Step.BEFORE_DUE], zone)
    assert moments[Step.OVERDUE] == question.legal_due_at
    assert question.legal_due_at < moments[Step.DESK]
    assert question.legal_due_at <= moments[Step.LAST] < question.final_due_at
    assert in_office(moments[Step.DESK], zone)
    assert in_office(moments[Step.LAST], zone)
    assert (moments[Step.ASKED] > question.asked_at) == (by_agent and present)


@settings(max_examples=300)
@given(at=INSTANTS, zone=st.sampled_from(ZONES), minutes=st.integers(1, 1_200))
def test_business_time_backwards_undoes_business_time_forwards(at: datetime, zone: str, minutes: int) -> None:
    running = timedelta(minutes=minutes)
    end = after_business_time(at, zone, running)
    begin = before_business_time(end, zone, running)
    assert in_office(begin, zone)
    assert after_business_time(begin, zone, running) == end


@settings(max_examples=200)
@given(at=INSTANTS, zone=st.sampled_from(ZONES), hours=st.lists(st.floats(0, 200), max_size=12))
def test_each_step_is_told_once_or_passed_over_and_never_twice(at: datetime, zone: str, hours: list[float]) -> None:
    """A worker looks at any moments at all, in order, with gaps of any length."""
    plan = schedule(asked(at, zone))
    told: set[Step] = set()
    sent: list[Step] = []
    for later in sorted(hours):
        now = at + timedelta(hours=later)
        due, passed = pending(plan, told=told, now=now)
        assert len({AUDIENCES[step] for step in due}) == len(due)  # one message an audience and look
        assert not told & {*due, *passed}
        told |= {*due, *passed}
        sent += due
        assert told == {one.step for one in plan if one.at <= now}
        coming = next_at(plan, now=now)
        assert coming is None or coming > now
    assert len(sent) == len(set(sent))


def test_a_worker_that_stood_still_over_the_weekend_sends_one_mail_and_not_three() -> None:
    at = datetime(2026, 6, 12, 19, 0, tzinfo=UTC)  # Friday 3 p.m. in New York; due Monday 3 p.m.
    plan = schedule(asked(at, "America/New_York"))
    due, passed = pending(plan, told=set(), now=at + timedelta(days=4))
    assert {AUDIENCES[step] for step in due} == {Audience.FIRST, Audience.ESCALATION, Audience.DESK}
    assert len(due) == 3
    assert Step.ASKED in passed


def test_two_business_hours_before_nine_in_the_morning_is_the_evening_before() -> None:
    zone = "America/Chicago"
    due = datetime.combine(datetime(2026, 6, 15).date(), time(9, 0), tzinfo=ZoneInfo(zone))  # noqa: DTZ001 - a Monday
    begin = before_business_time(due, zone, AHEAD).astimezone(ZoneInfo(zone))
    assert (begin.date().isoformat(), begin.time()) == ("2026-06-12", time(16, 30))  # Friday
