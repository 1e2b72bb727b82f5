"""When a campaign changes state, and whether it still rings. Pure; ``now`` is an argument.

Counting calls is a Poisson observation: silence is surprising only against the campaign's own rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import log
from typing import Any

from scipy.stats import chi2

from headwater.campaigns.states import CampaignState
from headwater.errors import Conflict

RULE_VERSION = "campaign-state/2"

#: The third call of one script is a campaign; two may be one caller's redial.
CONFIRM_AT = 3
#: One sender alone confirms nothing: whoever holds one feed's credential could invent a campaign, or frame a number.
CONFIRM_SOURCES = 2
#: Probability below which silence is no longer explained by the campaign's rate.
_SILENCE_P = 0.001
#: Campaigns keep office hours: silence of some hours alone means nothing.
DORMANT_AFTER_AT_LEAST = timedelta(hours=6)
DORMANT_AFTER_AT_MOST = timedelta(days=7)
STOPPED_AFTER = timedelta(days=30)
#: A script seen once or twice is given up sooner, and is compared with no more.
SUSPECTED_STOPPED_AFTER = timedelta(days=14)
#: The calls that the present rate is taken from.
RATE_CALLS = 20

_RATE_WINDOW = timedelta(minutes=10)
_STILL_RINGING_P = 0.01
_STILL_RINGING_AT_LEAST = timedelta(minutes=1)
_STILL_RINGING_AT_MOST = timedelta(minutes=30)


class CampaignEvent(StrEnum):
    """What can happen to a campaign."""

    FOUNDED = "founded"
    """Its first call was seen."""
    REACHED = "reached"
    """As many calls as make a campaign."""
    RANG = "rang"
    """One more call."""
    QUIET = "quiet"
    """Silent for longer than its rate explains."""
    GONE = "gone"
    """Silent for so long that nobody expects it back."""


S, E = CampaignState, CampaignEvent

#: Everything that affects a campaign's state is in this table; any other pair is refused.
TRANSITIONS: dict[CampaignState | None, dict[CampaignEvent, CampaignState]] = {
    None: {E.FOUNDED: S.SUSPECTED},
    S.SUSPECTED: {E.RANG: S.SUSPECTED, E.REACHED: S.CONFIRMED, E.GONE: S.STOPPED},
    S.CONFIRMED: {E.RANG: S.ACTIVE, E.QUIET: S.DORMANT},
    S.ACTIVE: {E.RANG: S.ACTIVE, E.QUIET: S.DORMANT},
    S.DORMANT: {E.RANG: S.ACTIVE, E.GONE: S.STOPPED},
    S.STOPPED: {E.RANG: S.ACTIVE},
}


def next_state(state: CampaignState | None, event: CampaignEvent) -> CampaignState:
    """Return the state after ``event``; ``Conflict`` where it cannot happen in this state."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        message = f"A campaign that is {state or 'not founded'} cannot take the event {event}; nothing was changed."
        raise Conflict(message) from None


def event_of_call(calls: int, *, was_confirmed: bool, sources: int = CONFIRM_SOURCES) -> CampaignEvent:
    """Return what one more call is to a campaign of now ``calls`` calls by ``sources`` senders, this one included."""
    if calls == 1:
        return CampaignEvent.FOUNDED
    if not was_confirmed and calls >= CONFIRM_AT and sources >= CONFIRM_SOURCES:
        return CampaignEvent.REACHED
    return CampaignEvent.RANG


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """An event that time alone brings, with the figures that brought it."""

    event: CampaignEvent
    evidence: dict[str, Any]


def rate_per_minute(latest_calls: Sequence[datetime]) -> float:
    """Return calls a minute over the given latest calls, newest first; 0.0 where they span no time."""
    span = (latest_calls[0] - latest_calls[-1]).total_seconds() if len(latest_calls) > 1 else 0.0
    return (len(latest_calls) - 1) * 60.0 / span if span > 0 else 0.0


def silence(state: CampaignState, latest_calls: Sequence[datetime], now: datetime) -> Silence | None:
    """Tell what the time since the last call means for a campaign in ``state``; ``None`` where nothing changes.

    *Dormant*: P(no call in this time | its rate) < 0.001, and at least 6 hours; after 7 days in any case.
    *Stopped*: dormant, and no call for 30 days; a suspected one after 14 days.
    """
    quiet = now - latest_calls[0]
    rate = rate_per_minute(latest_calls)
    evidence = {
        "rule": RULE_VERSION,
        "last_call_at": latest_calls[0].isoformat(),
        "silent_s": int(quiet.total_seconds()),
        "rate_per_minute": round(rate, 4),
    }
    if state in (CampaignState.CONFIRMED, CampaignState.ACTIVE):
        limit = min(max(DORMANT_AFTER_AT_LEAST, _explained(rate, _SILENCE_P)), DORMANT_AFTER_AT_MOST)
        if quiet > limit:
            return Silence(event=CampaignEvent.QUIET, evidence=evidence | {"limit_s": int(limit.total_seconds())})
    given_up = {CampaignState.DORMANT: STOPPED_AFTER, CampaignState.SUSPECTED: SUSPECTED_STOPPED_AFTER}.get(state)
    if given_up is not None and quiet > given_up:
        return Silence(event=CampaignEvent.GONE, evidence=evidence | {"limit_s": int(given_up.total_seconds())})
    return None


def _explained(rate: float, probability: float) -> timedelta:
    """Return the longest silence that a Poisson process of ``rate`` a minute has with at least ``probability``."""
    minutes = -log(probability) / rate if rate > 0 else float("inf")
    return timedelta(minutes=min(minutes, DORMANT_AFTER_AT_MOST.total_seconds() / 60))


def poisson_interval(count: int) -> tuple[float, float]:
    """Return the exact 95% interval (Garwood, 1936) of a Poisson mean after ``count`` events."""
    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(0.975, 2 * count + 2)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """Whether a campaign rings at this moment, and how sure that is. Rates are calls a minute as seen here."""

    last_call_at: datetime
    calls_last_minute: int
    window_s: int
    """Seconds that the rate is taken over: the last 10 minutes, less where the campaign is younger."""
    calls_in_window: int
    rate_per_minute: float
    rate_low: float
    rate_high: float
    """95% Poisson interval of the rate."""
    still_ringing: bool
    """The silence since the last call is explained (P >= 0.01) by the rate of its latest calls.

    At least one minute and at most 30 minutes of silence are allowed.
    """
    silence_allowed_s: int
    next_call_expected_at: datetime | None
    """Last call + mean interval, where it still rings."""


def rate_window(first_call_at: datetime, now: datetime) -> timedelta:
    """Return the time that the present rate is taken over."""
    return min(_RATE_WINDOW, max(now - first_call_at, timedelta(minutes=1)))


def liveness(
    latest_calls: Sequence[datetime], *, first_call_at: datetime, in_last_minute: int, in_window: int, now: datetime
) -> Liveness:
    """Return the liveness at ``now`` from the latest calls, newest first, and the calls counted."""
    last = latest_calls[0]
    window = rate_window(first_call_at, now)
    minutes = window.total_seconds() / 60
    low, high = poisson_interval(in_window)
    recent = rate_per_minute(latest_calls[:RATE_CALLS])
    allowed = min(max(_STILL_RINGING_AT_LEAST, _explained(recent, _STILL_RINGING_P)), _STILL_RINGING_AT_MOST)
    ringing = now - last <= allowed
    expected = last + timedelta(minutes=1 / recent) if ringing and recent > 0 else None
    return Liveness(
        last_call_at=last,
        calls_last_minute=in_last_minute,
        window_s=int(window.total_seconds()),
        calls_in_window=in_window,
        rate_per_minute=in_window / minutes,
        rate_low=low / minutes,
        rate_high=high / minutes,
        still_ringing=ringing,
        silence_allowed_s=int(allowed.total_seconds()),
        next_call_expected_at=expected,
    )
