"""Tracing by itself: confirmed campaigns get the tracebacks that they lack, the most valuable first, in a budget."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db.models import Count

from headwater import clock
from headwater.accounts.actors import system
from headwater.campaigns import merged
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.states import CampaignState
from headwater.tracebacks import actions, rules
from headwater.tracebacks.models import Traceback
from headwater.tracebacks.rules import DEFAULT_BUDGET, Budget, Standing
from headwater.tracebacks.states import Grade, TracebackState

_OPENER = system("traceback-opener")


def turn(*, now: datetime | None = None, budget: Budget = DEFAULT_BUDGET) -> list[str]:
    """Open what confirmed campaigns lack; return the identifiers that were opened. Safe to run at any time."""
    now = now or clock.now()
    opened: list[str] = []
    for one in rules.queue(standing(now), now=now):
        left = budget.a_turn - len(opened)
        if left <= 0:
            break
        limit = min(rules.wanted(one.ended), len(one.ended) + left)
        opened += actions.open_for_campaign(_OPENER, one.campaign_id, limit=limit, budget=budget, now=now)
    return opened


def standing(now: datetime) -> list[Standing]:
    """Return the confirmed campaigns with a call less than ten days old, as the queue sees them."""
    campaigns = Campaign.objects.filter(
        state=CampaignState.CONFIRMED.value, last_call_at__gte=now - rules.FRESH, merged_into=None
    )
    identifiers = [one.id for one in campaigns]
    calls = dict(
        CampaignMember.objects.filter(campaign_id__in=identifiers, call_at__gte=now - timedelta(days=1))
        .values_list("campaign_id")
        .annotate(calls=Count("record_id"))
    )
    ended: dict[str, list[tuple[TracebackState, Grade]]] = defaultdict(list)
    rows = Traceback.objects.filter(campaign_id__in=merged.united(identifiers)).select_related("campaign")
    for row in rows:
        if row.campaign is not None:
            ended[merged.standing(row.campaign).id].append((TracebackState(row.state), Grade(row.grade)))
    return [
        Standing(
            campaign_id=one.id,
            calls=calls.get(one.id, 0),
            last_call_at=one.last_call_at,
            low=one.priority == "low",
            ended=tuple(ended[one.id]),
        )
        for one in campaigns
    ]
