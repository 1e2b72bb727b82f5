"""When a provider is asked, reminded and escalated to, and when the desk is told. Pure.

The clocks are those of the question: the platform's target and the legal due time (47 CFR 64.1200(n)(1)), in the
responding office's local time. Reminders come in its business hours, so that somebody reads them.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.labels import Labelled
from headwater.tracebacks.clocks import DEFAULT_READINGS, Readings, after_business_time, before_business_time

#: Business hours before a due time at which the provider is reminded, and after it at which the desk is told.
AHEAD = timedelta(hours=2)


class Step(Labelled):
    """One message about a question."""

    ASKED = "asked", "Question put by mail and webhook"
    TARGET = "target", "Reminder: the platform's target has passed"
    BEFORE_DUE = "before_due", "Reminder: two business hours until the legal due time"
    OVERDUE = "overdue", "Escalation: the legal due time has passed"
    DESK = "desk", "Told to the desk: two business hours overdue"
    LAST = "last", "Escalation: two business hours until the question counts as unanswered"


class Audience(Labelled):
    """Who is told by a step."""

    FIRST = "first", "The provider's contacts"
    ESCALATION = "escalation", "The provider's escalation contacts, and its contacts"
    DESK = "desk", "The consortium's desk"


AUDIENCES: dict[Step, Audience] = {
    Step.ASKED: Audience.FIRST,
    Step.TARGET: Audience.FIRST,
    Step.BEFORE_DUE: Audience.FIRST,
    Step.OVERDUE: Audience.ESCALATION,
    Step.DESK: Audience.DESK,
    Step.LAST: Audience.ESCALATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as its clocks see it."""

    asked_at: datetime
    platform_due_at: datetime
    legal_due_at: datetime
    final_due_at: datetime
    office_zone: str
    by_agent: bool
    agent_present: bool = False
    """The agent was seen a moment before: it will answer by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A step and its moment (UTC)."""

    step: Step
    at: datetime


def schedule(asked: Asked, readings: Readings = DEFAULT_READINGS) -> tuple[Due, ...]:
    """Return the steps of one question, as long as nobody answers, in the order of their moments.

    A question that an agent is there to answer is mailed only when the platform's target has passed: until then no
    person need be troubled.
    """
    found: list[Due] = []
    if asked.by_agent and asked.agent_present:
        found.append(Due(step=Step.ASKED, at=min(asked.platform_due_at, asked.legal_due_at)))
    else:
        found.append(Due(step=Step.ASKED, at=asked.asked_at))
        if asked.asked_at < asked.platform_due_at < asked.legal_due_at:
            found.append(Due(step=Step.TARGET, at=asked.platform_due_at))
    reminder = before_business_time(asked.legal_due_at, asked.office_zone, AHEAD, readings)
    if reminder > found[-1].at:
        found.append(Due(step=Step.BEFORE_DUE, at=reminder))
    found.append(Due(step=Step.OVERDUE, at=asked.legal_due_at))
    desk = after_business_time(asked.legal_due_at, asked.office_zone, AHEAD, readings)
    last = before_business_time(asked.final_due_at, asked.office_zone, AHEAD, readings)
    found += [Due(step=Step.DESK, at=desk), Due(step=Step.LAST, at=last)]
    return tuple(sorted(found, key=lambda one: one.at))


def pending(
    plan: Iterable[Due], *, told: AbstractSet[Step], now: datetime
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return which steps are to be told now, and which are passed over.

    Of several steps to one audience whose moments have all passed (a worker that stood still), the latest alone is
    told: three reminders at once remind of nothing. The question itself is never passed over by a reminder: the
    latest step carries all that the question says.
    """
    due = [one.step for one in plan if one.at <= now and one.step not in told]
    latest = {AUDIENCES[step]: step for step in due}
    return tuple(step for step in due if latest[AUDIENCES[step]] is step), tuple(
        step for step in due if latest[AUDIENCES[step]] is not step
    )


def next_at(plan: Iterable[Due], *, now: datetime) -> datetime | None:
    """Return when the next step is due after ``now``."""
    return min((one.at for one in plan if one.at > now), default=None)
