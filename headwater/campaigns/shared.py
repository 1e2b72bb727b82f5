"""Which other campaigns have what a campaign's calls have: the neighbours in the evidence graph."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from headwater.accounts.actors import Actor
from headwater.campaigns.fusion import Node
from headwater.campaigns.models import CampaignNode
from headwater.campaigns.queries import visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Another campaign that has some of the same things."""

    campaign_id: str
    campaign_name: str
    nodes: tuple[tuple[str, str], ...]
    """(kind, value) of each."""


def sharing(actor: Actor, campaign_id: str, nodes: Sequence[Node], *, limit: int = 6) -> tuple[Sharing, ...]:
    """Return the campaigns that share most of ``nodes`` with this one, at most ``limit``."""
    wanted = Q()
    for node in nodes:
        if node.campaigns > 1:
            wanted |= Q(kind=node.kind, value=node.value)
    if not wanted:
        return ()
    rows = CampaignNode.objects.filter(wanted, campaign__in=visible_to(actor), campaign__merged_into__isnull=True)
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for row in rows.exclude(campaign_id=campaign_id).select_related("campaign").order_by("campaign_id")[:500]:
        found.setdefault(row.campaign_id, (row.campaign.name, []))[1].append((row.kind, row.value))
    most = sorted(found.items(), key=lambda one: (-len(one[1][1]), one[0]))[:limit]
    return tuple(Sharing(campaign_id=key, campaign_name=name, nodes=tuple(pairs)) for key, (name, pairs) in most)
