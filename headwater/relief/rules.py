"""Before and after: what the calls of a campaign did at a measure, with the interval of each figure. Pure.

The calls that are counted are those reported to Headwater. A change after a measure does not show that the measure
caused it, and each statement says so. Calls of a campaign come in waves, so their counts vary more than a Poisson
process of one rate would: the variation before the measure is measured and every interval widened by it.

A report comes some time after its call: that of a call placed a minute ago may still be on its way, so the newest
minutes are not silent for certain. Each length of time counts by the share of its reports that must have come in by
now, as the delays of earlier reports tell (``Reporting``).
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from scipy.stats import beta, gamma

from headwater.relief.states import Verdict

VERSION = "effect/2"
#: The longest time that is compared before and after.
LONGEST = timedelta(hours=24)
#: The shortest: what is compared must have room for more than one wave.
SHORTEST = timedelta(minutes=10)
#: Calls before with which a rate is known well enough.
ENOUGH = 30
#: Steps into which the time before is cut to measure how the counts vary.
STEPS = 20
#: A silence counts where the rate before would leave one as long with at most this probability.
CHANCE = 0.001
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Calls reported in a time, as a rate an hour with its 95% interval."""

    calls: int
    seconds: float
    an_hour: float
    low: float
    high: float
    variation: float
    """Variance of the counts before, divided by their mean, at least 1: how far from one steady rate they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the calls did at one measure."""

    verdict: Verdict
    before: Rate
    after: Rate
    ratio: float | None
    """Rate after divided by rate before; None where there were no calls before."""
    ratio_low: float | None
    ratio_high: float | None
    last_call_at: datetime | None
    silent_since: datetime | None
    """Since when no call was reported, where that silence counts."""
    returned_at: datetime | None
    silence_that_counts_s: float
    """Seconds of silence that the rate before would leave with a probability of ``CHANCE``."""
    reporting_s: float = 0.0
    """Seconds within which 95% of the reports came in: what is newer is allowed for."""
    traced_since: int = 0
    """Traced calls since the measure whose source is known."""
    rule_version: str = VERSION

    @property
    def told(self) -> bool:
        """Tell whether the figures after say anything yet."""
        return self.verdict not in {Verdict.TOO_EARLY, Verdict.NOTHING_BEFORE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where traced calls came from, before and after: codes of confirmed origins and points of entry."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    traced_since: int = 0
    """Calls behind ``after``."""

    @property
    def moved(self) -> bool:
        """Tell whether the calls after came from elsewhere alone."""
        return bool(self.before and self.after) and not self.before & self.after


@dataclass(frozen=True, slots=True)
class Reporting:
    """How long reports take from the call to Headwater; made by ``reporting``."""

    delays: tuple[float, ...] = ()
    """Seconds, the shortest first; infinite for a report that takes longer than any so far."""
    sums: tuple[float, ...] = ()

    def seen(self, start: datetime, end: datetime, now: datetime) -> timedelta:
        """Return how much of the time from ``start`` to ``end`` is told of at ``now``, each moment by its share."""
        told = self._told((now - start).total_seconds()) - self._told((now - end).total_seconds())
        return timedelta(seconds=max(told, 0.0))

    def _told(self, age: float) -> float:
        """Return the mean over all delays of what is left of ``age`` seconds after each."""
        if age <= 0:
            return 0.0
        if not self.delays:
            return age
        come = bisect_right(self.delays, age)
        return (come * age - (self.sums[come - 1] if come else 0.0)) / len(self.delays)

    def within(self, share: float) -> float:
        """Return the seconds within which ``share`` of the reports came in."""
        known = self.delays[:-1]
        return known[min(int(share * len(known)), len(known) - 1)] if known else 0.0


def reporting(delays: Iterable[float]) -> Reporting:
    """Return what ``delays`` of earlier reports, in seconds, say of later ones.

    One more is added that never ends (Laplace's rule of succession): of few reports the slowest is not yet known.
    """
    known = sorted(max(delay, 0.0) for delay in delays)
    if not known:
        return Reporting()
    return Reporting(delays=(*known, math.inf), sums=tuple(accumulate(known)))


AT_ONCE = Reporting()


def effect(  # noqa: PLR0913 - the calls and all that bears on how they are read
    calls: Sequence[datetime],
    at: datetime,
    now: datetime,
    *,
    first_call_at: datetime,
    sources: Sources | None = None,
    delays: Reporting = AT_ONCE,
) -> Effect:
    """Compare the calls before and after ``at``.

    Args:
        calls: When the calls were placed, in order; those before ``at`` minus ``LONGEST`` do not matter.
        at: When the measure was taken.
        now: Until when calls are known.
        first_call_at: The campaign's first call: no time before it is compared.
        sources: Where traced calls came from.
        delays: How long reports of this campaign took.
    """
    start = _start(calls, at, now, first_call_at=min(first_call_at, at))
    known = [call for call in calls if start <= call <= now]
    cut = bisect_left(known, at)
    before, after = known[:cut], known[cut:]
    variation = _variation(before, start, at)
    old = _rate(len(before), delays.seen(start, at, now).total_seconds(), variation)
    # After: the same length at most, so that a campaign that died is not diluted by the years that followed.
    until = min(now, at + LONGEST)
    new = _rate(bisect_right(after, until), delays.seen(at, until, now).total_seconds(), variation)
    last = known[-1] if known else None
    quiet_from = max(last, at) if last is not None else at
    silent = _counts(delays.seen(quiet_from, now, now), old, since=(len(after), quiet_from - at))
    returned_at = _return(at, after, old, seen=lambda start, end: delays.seen(start, end, now))
    ratio, low, high = _ratio(old, new)
    early = low is None or high is None or new.seconds < SHORTEST.total_seconds()
    verdicts = (
        (not before, Verdict.NOTHING_BEFORE),
        (silent, Verdict.STOPPED),
        (returned_at is not None, Verdict.RETURNED),
        (early, Verdict.TOO_EARLY),
        (bool(after) and sources is not None and sources.moved, Verdict.MOVED),
        (high is not None and high < 1, Verdict.FEWER),
        (low is not None and low > 1, Verdict.MORE),
    )
    return Effect(
        verdict=next((verdict for holds, verdict in verdicts if holds), Verdict.SAME),
        before=old,
        after=new,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        last_call_at=last,
        silent_since=last if silent else None,
        returned_at=returned_at,
        silence_that_counts_s=_silence_that_counts(old),
        reporting_s=delays.within(_CONFIDENCE),
        traced_since=sources.traced_since if sources is not None else 0,
    )


def _start(calls: Sequence[datetime], at: datetime, now: datetime, *, first_call_at: datetime) -> datetime:
    """Return from when calls before are compared: as long as the time since, longer where that holds few calls."""
    length = min(max(now - at, SHORTEST), LONGEST)
    end = bisect_left(calls, at)
    while length < LONGEST and end - bisect_left(calls, at - length) < ENOUGH:
        length = min(length * 2, LONGEST)
    return max(at - length, first_call_at)


def _variation(calls: Sequence[datetime], start: datetime, end: datetime) -> float:
    """Return variance over mean of the counts in equal steps, at least 1 (a quasi-Poisson scale)."""
    length = (end - start).total_seconds()
    if len(calls) < 2 or length <= 0:
        return 1.0
    counts = [0] * STEPS
    for call in calls:
        counts[min(int((call - start).total_seconds() / length * STEPS), STEPS - 1)] += 1
    mean = len(calls) / STEPS
    return max(1.0, sum((count - mean) ** 2 for count in counts) / (STEPS - 1) / mean)


def _rate(calls: int, seconds: float, variation: float) -> Rate:
    """Return a rate with its interval: exact Poisson (Garwood 1936) on counts scaled by their variation."""
    if seconds <= 0:
        return Rate(calls=calls, seconds=0.0, an_hour=0.0, low=0.0, high=0.0, variation=variation)
    tail = (1 - _CONFIDENCE) / 2
    scaled, hours = calls / variation, seconds / 3_600
    low = float(gamma.ppf(tail, scaled)) * variation if calls else 0.0
    high = float(gamma.ppf(1 - tail, scaled + 1)) * variation
    return Rate(
        calls=calls,
        seconds=round(seconds, 3),
        an_hour=round(calls / hours, 2),
        low=round(low / hours, 2),
        high=round(high / hours, 2),
        variation=round(variation, 2),
    )


def _silence_that_counts(rate: Rate, *, looks: int = 1) -> float:
    """Return the seconds of silence that chance leaves seldom at a rate; infinite without calls.

    ``looks``: at how many places a silence was looked for. One of many is longer by chance than a single one.
    """
    if not rate.calls or not rate.seconds:
        return math.inf
    return -math.log(CHANCE / looks) * rate.variation * rate.seconds / rate.calls


def _counts(silence: timedelta, before: Rate, *, since: tuple[int, timedelta], looks: int = 1) -> bool:
    """Tell whether a silence is one of calls that stopped: too long for the rate before, and for the rate since.

    Calls that only became fewer leave longer gaps all along; measured by their own new rate those are nothing.
    ``since``: how many calls came since the measure beside the silence, and in what time.
    """
    least = _silence_that_counts(before, looks=looks)
    calls, over = since
    if silence.total_seconds() >= least and calls > 1:
        least = max(least, _silence_that_counts(_rate(calls, over.total_seconds(), before.variation), looks=looks))
    return silence.total_seconds() >= least


def _return(
    at: datetime, after: Sequence[datetime], before: Rate, *, seen: Callable[[datetime, datetime], timedelta]
) -> datetime | None:
    """Return when calls came back after a silence that counts, None where there was none."""
    for start, end in pairwise([at, *after]):
        # The rate since, without this gap: what came before it and after it.
        since = len(after) - 1, after[-1] - at - (end - start)
        if _counts(seen(start, end), before, since=since, looks=len(after)):
            return end
    return None


def _ratio(before: Rate, after: Rate) -> tuple[float | None, float | None, float | None]:
    """Return the ratio of the rates with its interval (Clopper-Pearson on the share of calls that came after)."""
    if not before.calls or not after.seconds:
        return None, None, None
    tail = (1 - _CONFIDENCE) / 2
    a, b = after.calls / before.variation, before.calls / before.variation
    share_low = float(beta.ppf(tail, a, b + 1)) if after.calls else 0.0
    share_high = float(beta.ppf(1 - tail, a + 1, b))
    odds = before.seconds / after.seconds
    ratio = after.calls / before.calls * odds
    return (
        round(ratio, 3),
        round(share_low / (1 - share_low) * odds, 3),
        round(share_high / (1 - share_high) * odds, 3),
    )


def _spoken_rate(rate: Rate, *, when: str) -> str:
    """Return a rate with its interval, in as many digits as the interval lets anybody believe."""
    at, low, high = (f"{one:,.0f}" if one >= 100 else f"{one:.3g}" for one in (rate.an_hour, rate.low, rate.high))
    return f"{at} {when} ({low} to {high})"


def sentence(found: Effect) -> str:
    """Return what an effect says, in words that claim no more than the figures."""
    before = _spoken_rate(found.before, when="an hour before")
    rates = f"Reports came at {before} and at {_spoken_rate(found.after, when='after')}."
    match found.verdict:
        case Verdict.NOTHING_BEFORE:
            return "No call was reported in the time before, so there is nothing to compare with."
        case Verdict.STOPPED:
            since = _spoken(found.silent_since)
            chance = "at the rate before, chance leaves such a silence once in 1,000"
            return f"No call was reported since {since}; {chance}. Reports came at {before}.{_allowed_for(found)}"
        case Verdict.RETURNED:
            return f"The calls were silent and came back at {_spoken(found.returned_at)}. {rates}"
        case Verdict.MOVED:
            each = "the one call" if found.traced_since == 1 else f"each of the {found.traced_since} calls"
            return f"The calls go on, and {each} traced since came from a source that none came from before. {rates}"
        case Verdict.TOO_EARLY:
            return f"Too little time has passed to tell. Reports came at {before}.{_allowed_for(found)}"
        case Verdict.FEWER | Verdict.MORE | Verdict.SAME:
            limits = f"95% interval {found.ratio_low:g} to {found.ratio_high:g}"
            return f"{rates} The rate after is {found.ratio:g} times that before ({limits})."


#: Stands beside every statement.
CAUTION = "That one thing came after another does not show that it caused it. Counted are reports, not all calls."


def _allowed_for(found: Effect) -> str:
    """Return the sentence on the delay of reports, where it is long enough to matter."""
    if found.reporting_s < 60:
        return ""
    return (
        f" Of earlier reports 95% came within {found.reporting_s / 60:,.0f} minutes of their call; this is allowed for."
    )


def _spoken(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "the measure"
