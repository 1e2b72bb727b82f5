"""Gathers what is known of every campaign that the acceptance opened, or that holds a call of the scope."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from headwater.campaigns import rules
from headwater.campaigns.merged import standing
from headwater.campaigns.models import Campaign
from headwater.campaigns.queries import liveness
from headwater.campaigns.rules import Liveness
from headwater.evidence.calls_in_scope import CallsInScope
from headwater.evidence.material import CampaignFacts, Counted, Ringing
from headwater.evidence.scope import Scope
from headwater.legal.models import LegalProcess


def gather(process: LegalProcess, scope: Scope, calls: CallsInScope, now: datetime) -> tuple[CampaignFacts, ...]:
    """Return the campaigns, the process's own first, then those of the most calls.

    Where a process opened numbers that no campaign shows, its own campaign is told with no call of it.
    """
    main = standing(process.campaign)
    opened = Campaign.objects.filter(id__in={*scope.opened.campaigns, *calls.by_campaign})
    rows = {row.id: row for row in opened if row.merged_into_id is None} or {main.id: main}
    found = [_facts(row, scope, calls, now) for row in rows.values()]
    return tuple(sorted(found, key=lambda one: (one.id != main.id, -one.in_scope.calls, one.id)))


def _facts(row: Campaign, scope: Scope, calls: CallsInScope, now: datetime) -> CampaignFacts:
    counted, times = calls.by_campaign.get(row.id, Counted()), calls.times.get(row.id, ())
    whole = row.id in scope.opened.campaigns
    merged = Campaign.objects.filter(id__in=scope.opened.campaigns, merged_into__isnull=False)
    return CampaignFacts(
        id=row.id,
        name=row.name,
        whole=whole,
        went_into_it=tuple(sorted(one.id for one in merged if standing(one).id == row.id)),
        name_is_new=row.name_is_new,
        state=row.state,
        first_call_at=row.first_call_at if whole or not times else times[-1],
        last_call_at=row.last_call_at if whole or not times else times[0],
        detected_at=row.detected_at,
        confirmed_at=row.confirmed_at,
        rule_version=row.rule_version,
        name_basis=row.name_basis,
        calls_known=row.calls if whole else counted.calls,
        in_scope=counted,
        ringing=_ringing(liveness(row.id, now) if whole else of_times(times, now), now),
    )


def of_times(times: Sequence[datetime], now: datetime) -> Liveness | None:
    """Return whether calls ring, by the rule of campaigns, from their times, newest first; None of no calls."""
    if not times:
        return None
    window = rules.rate_window(times[-1], now)
    return rules.liveness(
        times[: rules.RATE_CALLS],
        first_call_at=times[-1],
        in_last_minute=sum(at > now - timedelta(minutes=1) for at in times),
        in_window=sum(at > now - window for at in times),
        now=now,
    )


def _ringing(alive: Liveness | None, now: datetime) -> Ringing:
    if alive is None:
        return Ringing(
            at=now, last_call_at=None, calls_last_minute=0, rate_per_minute=0.0, rate_low=0.0, rate_high=0.0,
            window_s=0, still_ringing=False, next_call_expected_at=None,
        )  # fmt: skip
    return Ringing(
        at=now,
        last_call_at=alive.last_call_at,
        calls_last_minute=alive.calls_last_minute,
        rate_per_minute=round(alive.rate_per_minute, 3),
        rate_low=round(alive.rate_low, 3),
        rate_high=round(alive.rate_high, 3),
        window_s=alive.window_s,
        still_ringing=alive.still_ringing,
        next_call_expected_at=alive.next_call_expected_at,
    )


def limits(campaigns: Sequence[CampaignFacts]) -> list[str]:
    """Return what a reader must know of the campaigns: who named them, what was merged, what is not of the whole."""
    found = []
    new = [campaign.id for campaign in campaigns if campaign.name_is_new]
    if new:
        named = "The name of a campaign was" if len(new) == 1 else "The names of campaigns were"
        found.append(f"{named} made by Headwater, as no campaign of the reference is near enough: {', '.join(new)}.")
    for campaign in campaigns:
        if campaign.went_into_it:
            merged = ", ".join(campaign.went_into_it)
            found.append(f"People decided that {merged} and {campaign.id} are one campaign; the custody log says when.")
        if not campaign.whole:
            found.append(
                f"Campaign {campaign.id} was not opened as a whole: its figures are of those calls alone that a number "
                "or a traceback of the process opened."
            )
    return found
