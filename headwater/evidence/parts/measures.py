"""The figures of a package that are more than a count: each with its method and its 95% interval. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from scipy.stats import beta, chi2

from headwater.evidence.material import CampaignFacts, Material, origins

_TAIL = 0.025
_HOUR = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One figure with its 95% interval."""

    value: float
    low: float
    high: float


def poisson(count: int) -> Estimate:
    """Return ``count`` with the exact interval of a Poisson mean (Garwood 1936)."""
    low = float(chi2.ppf(_TAIL, 2 * count)) / 2 if count else 0.0
    return Estimate(value=count, low=low, high=float(chi2.ppf(1 - _TAIL, 2 * count + 2)) / 2)


def share(part: int, whole: int) -> Estimate:
    """Return the share ``part`` of ``whole`` with the exact interval of a proportion (Clopper and Pearson 1934)."""
    if not whole:
        return Estimate(value=0.0, low=0.0, high=1.0)
    low = float(beta.ppf(_TAIL, part, whole - part + 1)) if part else 0.0
    high = float(beta.ppf(1 - _TAIL, part + 1, whole - part)) if part < whole else 1.0
    return Estimate(value=part / whole, low=low, high=high)


def an_hour(material: Material, campaign: CampaignFacts) -> Estimate | None:
    """Return a campaign's reports an hour from its first to its last call in the scope; None where that is no time."""
    rows = [row for row in material.members if row.get("campaign") == campaign.id and row.get("call_at")]
    times = [datetime.fromisoformat(row["call_at"]) for row in rows]
    if len(times) < 2 or len(times) < campaign.in_scope.calls:
        return None
    hours = (max(times) - min(times)).total_seconds() / _HOUR
    if not hours:
        return None
    # The first call begins the time: what is counted in it are the others.
    found = poisson(len(times) - 1)
    return Estimate(value=found.value / hours, low=found.low / hours, high=found.high / hours)


def ahead(campaign: CampaignFacts, hours: float) -> Estimate:
    """Return how many reports would come in ``hours`` if the campaign's rate at sealing went on."""
    minutes, ringing = hours * 60, campaign.ringing
    return Estimate(
        value=ringing.rate_per_minute * minutes, low=ringing.rate_low * minutes, high=ringing.rate_high * minutes
    )


def table(material: Material) -> list[dict[str, Any]]:
    """Return every such figure of the package, with its method, its interval and what it is not."""
    found = [row for campaign in material.campaigns for row in _of_campaign(material, campaign)]
    total = len(material.tracebacks)
    for spc, (name, count) in sorted(origins(material).items()):
        what = f"share of tracebacks that ended at {name} ({spc})"
        is_not = "the share of all calls: the traced calls were chosen, not drawn at random"
        found.append(
            _row("", what, share(count, total), f"exact interval (Clopper-Pearson) of {count} of {total}", is_not)
        )
    return [row for row in found if row]


def _of_campaign(material: Material, campaign: CampaignFacts) -> list[dict[str, Any]]:
    ringing = campaign.ringing
    now = Estimate(value=ringing.rate_per_minute, low=ringing.rate_low, high=ringing.rate_high)
    sample, ahead_of = (
        "all calls of the campaign: reports are a sample of them",
        "a forecast of what the campaign will do",
    )
    carried = "rate at sealing and its interval, carried forward"
    over = "exact Poisson interval (Garwood) of the count over the time from the first call to the last"
    last = f"exact Poisson interval of the count of the last {ringing.window_s} seconds"
    return [
        _row(campaign.id, "reports in the scope, an hour", an_hour(material, campaign), over, sample),
        _row(campaign.id, "reports a minute at sealing", now, last, sample),
        _row(campaign.id, "further reports in 24 hours", ahead(campaign, 24), carried, ahead_of),
        _row(campaign.id, "further reports in 14 days", ahead(campaign, 14 * 24), carried, ahead_of),
    ]


def _row(campaign: str, what: str, found: Estimate | None, method: str, is_not: str) -> dict[str, Any]:
    if found is None:
        return {}
    value, low, high = (round(number, 4) for number in (found.value, found.low, found.high))
    return {
        "campaign": campaign,
        "what": what,
        "value": value,
        "low_95": low,
        "high_95": high,
        "method": method,
        "it_is_not": is_not,
    }


COLUMNS = ("campaign", "what", "value", "low_95", "high_95", "method", "it_is_not")


def told(material: Material) -> list[dict[str, Any]]:
    """Return what each provider was told in these tracebacks and what it answered: what it could know, and when."""
    providers = defaultdict[str, list[Mapping[str, Any]]](list)
    for notice in material.notices:
        providers[notice["provider_spc"]].append(notice)
    took = {row["question_id"]: row["took_seconds"] for row in material.path}
    return [
        {
            "provider": notices[0]["provider"],
            "provider_spc": spc,
            "notices": len(notices),
            "first_at": min(notice["sent_at"] for notice in notices),
            "last_at": max(notice["sent_at"] for notice in notices),
            "seen": sum(bool(notice["seen_at"]) for notice in notices),
            "in_time": sum(notice["in_time"] == "yes" for notice in notices),
            "late": sum(notice["in_time"] == "no" for notice in notices),
            "unanswered": sum(not notice["answered_at"] for notice in notices),
            "answers": dict(sorted(Counter(notice["answer"] or "none" for notice in notices).items())),
            "median_seconds": _median([took.get(notice["notice_id"]) for notice in notices]),
        }
        for spc, notices in sorted(providers.items())
    ]


def _median(seconds: list[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return round(median(known), 3) if known else None
