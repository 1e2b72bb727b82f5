"""Which campaign a report without words speaks for: complaints and app tags, by number, block and hour. Pure.

A complaint or a tag says that a number rang, when, and perhaps what about. It is joined to a campaign as evidence,
never counted as one of its calls. Two things weigh, as natural logarithms of likelihood ratios against the prior of
.085:

* **Who called**: the very number, or its office code (NPA-NXX), within three days of a call of the campaign. Of the
  pairs of 668 traced calls with an ITG name that share an office code within three days 34 of 35 are of one campaign:
  5.5. The number itself repeats in none of them; it counts as much as its office code, which it implies. Both together
  count once.
* **What about**: the family of the source's category, where the category names one. Sources' categories are coarse and
  people choose them in a hurry: 1.5 for it, 1.5 against it, whatever a perfect one would prove.

An office code that the campaign used once may be chance: half its weight. What several campaigns have proves less: the
weight is divided by 1 + ln(how many have it). A report joins one campaign, at .90 and where no other reaches it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log
from typing import Any

from headwater.campaigns.fusion import PRIOR

JOINING_VERSION = "joining/1"

WITHIN = timedelta(days=3)
#: Closer than this counts as the same hour; it is shown, and decides between campaigns of equal weight.
HOUR = timedelta(hours=1)
CALLING = 5.5
ABOUT = 1.5
JOIN_AT = 0.90
#: A source's category -> families that it may mean. One that is not here says nothing.
FAMILIES: Mapping[str, frozenset[str]] = {
    "debt": frozenset({"credit-card-debt", "student-loan", "tax", "covid-relief"}),
    "energy": frozenset({"utility-energy"}),
    "impersonation": frozenset(
        {
            "cbp-impersonation",
            "financial-impersonation",
            "legal-threat",
            "order-impersonation",
            "relative",
            "ssa-impersonation",
            "tax",
            "tech-account-impersonation",
        }
    ),
    "medical": frozenset({"health-insurance"}),
    "tech_support": frozenset({"tech-account-impersonation"}),
    "travel": frozenset({"travel"}),
    "warranty": frozenset({"auto-warranty"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one campaign has in common with a report."""

    campaign_id: str
    family: str
    same_number: bool
    """A call of the campaign showed the report's very number; else its office code alone."""
    calls: int
    """Calls of the campaign with that number or office code."""
    campaigns: int
    """How many campaigns have that number or office code, this one included."""
    nearest_at: datetime
    """The nearest of these calls in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Where a report belongs, and why."""

    campaign_id: str
    probability: float
    reasons: dict[str, Any]


def weigh(trace: Trace, *, at: datetime, category: str, whole_day: bool) -> Joined:
    """Return what speaks for one campaign; ``whole_day`` where only the day is known, ``at`` being its noon."""
    gap = max(abs(trace.nearest_at - at) - (timedelta(hours=12) if whole_day else timedelta()), timedelta())
    calling = CALLING / (1 + log(max(trace.campaigns, 1)))
    if not trace.same_number and trace.calls < 2:
        calling /= 2
    if gap > WITHIN:
        calling = 0.0
    meant = FAMILIES.get(category)
    about = 0.0 if not meant or not trace.family else (ABOUT if trace.family in meant else -ABOUT)
    odds = PRIOR + calling + about
    return Joined(
        campaign_id=trace.campaign_id,
        probability=round(1 / (1 + exp(-odds)), 4),
        reasons={
            "rule": JOINING_VERSION,
            "by": "number" if trace.same_number else "office code",
            "calls": trace.calls,
            "campaigns": trace.campaigns,
            "gap_s": int(gap.total_seconds()),
            "same_hour": gap <= HOUR and not whole_day,
            "weights": {"prior": round(PRIOR, 3), "calling": round(calling, 3), "about": round(about, 3)},
        },
    )


def join(traces: Sequence[Trace], *, at: datetime, category: str, whole_day: bool) -> Joined | None:
    """Return the campaign that a report joins, or nothing where none is likely enough or two are."""
    found = [weigh(trace, at=at, category=category, whole_day=whole_day) for trace in traces]
    likely = [one for one in found if one.probability >= JOIN_AT]
    if len(likely) == 1:
        return likely[0]
    likely.sort(key=lambda one: (-one.probability, one.reasons["gap_s"], one.campaign_id))
    # Two campaigns of equal weight: the one that rang within the hour, where the other did not.
    if len(likely) > 1 and likely[0].reasons["same_hour"] and not any(o.reasons["same_hour"] for o in likely[1:]):
        return likely[0]
    return None
