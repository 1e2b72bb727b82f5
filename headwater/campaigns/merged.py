"""What a merge means to whoever named a campaign: one rule for scopes, alerts, cases, relief and tracebacks.

A campaign's number stands for what that campaign is now. One that went into another leads there, with its calls; what
names the old number (a scope, an alert, a traceback, a notice) stays as it was written and belongs to both. Once the
merge is undone each number stands for itself again. What was split off is another campaign, which nobody named.
"""

from collections.abc import Iterable

from django.db.models import Q

from headwater.campaigns.models import Campaign


def united(campaigns: Iterable[str]) -> frozenset[str]:
    """Return ``campaigns`` with every number that stands for one of them now: where they went, what went there."""
    found = frozenset(campaigns)
    frontier = found
    while frontier:
        joined = Q(id__in=frontier, merged_into__isnull=False) | Q(merged_into__in=frontier)
        pairs = Campaign.objects.filter(joined).values_list("id", "merged_into_id")
        frontier = frozenset(one for pair in pairs for one in pair if one) - found
        found |= frontier
    return found


def standing(campaign: Campaign) -> Campaign:
    """Return the campaign that holds the calls of ``campaign`` now: itself, where it went into no other."""
    while campaign.merged_into is not None:
        campaign = campaign.merged_into
    return campaign
