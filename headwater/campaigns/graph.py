"""The evidence graph as it is kept and read: nodes of each campaign, and merges that they propose to a person."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q
from django.db.models.functions import Greatest

from headwater.accounts.actors import Actor
from headwater.campaigns.fusion import Node, Proposal, nodes_of, weigh
from headwater.campaigns.models import Campaign, CampaignEdit, CampaignMember, CampaignNode, RecordingTranscript
from headwater.campaigns.queries import visible_to
from headwater.campaigns.script import legible
from headwater.numbering.numbers import E164
from headwater.signers import queries as signers

if TYPE_CHECKING:
    from headwater.campaigns.growth import Call

#: Nodes of one campaign that a page shows, and that are compared.
_SHOWN = 40
#: A node that more campaigns have than this proposes nothing.
_COMMON = 30
_PROPOSALS = 50
#: Signers are looked up for campaigns that rang within this, by their latest calls.
_SIGNED_WITHIN = timedelta(minutes=10)
_SIGNED_CAMPAIGNS = 200
_SIGNED_CALLS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeProposal:
    """Two campaigns that a person may find to be one."""

    campaign_id: str
    campaign_name: str
    other_id: str
    other_name: str
    proposal: Proposal


def note(calls: "Iterable[Call]") -> None:
    """Add what these calls have to the nodes of their campaigns. Within the transaction that stores the calls."""
    counts: Counter[tuple[str, str, str]] = Counter()
    latest: dict[tuple[str, str, str], datetime] = {}
    for call in calls:
        for kind, value in nodes_of(call.record, call.text):
            key = (call.campaign_id, kind, legible(value))
            counts[key] += 1
            latest[key] = max(latest.get(key, call.rang_at), call.rang_at)
    campaigns = {campaign for campaign, _, _ in counts}
    values = {value for _, _, value in counts}
    rows = CampaignNode.objects.filter(campaign_id__in=campaigns, value__in=values)
    known = {(row.campaign_id, row.kind, row.value): row.pk for row in rows}
    for key, pk in known.items():
        if key in counts:
            CampaignNode.objects.filter(pk=pk).update(
                calls=F("calls") + counts[key], last_at=Greatest(F("last_at"), latest[key])
            )
    CampaignNode.objects.bulk_create(
        CampaignNode(
            campaign_id=key[0], kind=key[1], value=key[2], calls=count, first_at=latest[key], last_at=latest[key]
        )
        for key, count in counts.items()
        if key not in known
    )


def note_signers(*, now: datetime) -> int:
    """Add who signed the latest calls of campaigns that rang, by verified signatures alone; return how many nodes.

    Signatures are judged after their calls came in. What is counted are the latest calls, so that doing it again
    changes nothing; a signature that does not hold could frame anybody, and is no node.
    """
    rang = CampaignMember.objects.filter(joined_at__gte=now - _SIGNED_WITHIN).values("campaign_id").distinct()
    noted = 0
    for campaign in rang.values_list("campaign_id", flat=True)[:_SIGNED_CAMPAIGNS]:
        latest = CampaignMember.objects.filter(campaign_id=campaign).order_by("-call_at")[:_SIGNED_CALLS]
        moments = dict(latest.values_list("record_id", "call_at"))
        signed: dict[str, list[datetime]] = defaultdict(list)
        for record_id, one in signers.of_records(moments).items():
            if one.valid and one.spc:
                signed[one.spc].append(moments[record_id])
        for spc, at in signed.items():
            node, _ = CampaignNode.objects.get_or_create(
                campaign_id=campaign,
                kind="signer",
                value=spc,
                defaults={"calls": 0, "first_at": min(at), "last_at": max(at)},
            )
            node.calls, node.last_at = max(node.calls, len(at)), max(node.last_at, *at)
            node.save(update_fields=["calls", "last_at"])
            noted += 1
    return noted


def recordings(limit: int = 2_000) -> tuple[str, ...]:
    """Return recordings that campaigns have or that are turned into words, the latest first. For Headwater itself."""
    rows = CampaignNode.objects.filter(kind="recording").order_by("-last_at").values_list("value", flat=True)
    listened = RecordingTranscript.objects.order_by("-asked_at").values_list("recording", flat=True)
    return tuple(dict.fromkeys([*listened[:limit], *rows[:limit]]))


def nodes(actor: Actor, campaign_id: str) -> tuple[Node, ...]:
    """Return what calls of a campaign have, what proves most first."""
    if not visible_to(actor).filter(id=campaign_id).exists():
        return ()
    rows = list(CampaignNode.objects.filter(campaign_id=campaign_id).order_by("-calls", "kind", "value")[:500])
    spread = _spread(rows)
    found = [
        Node(kind=row.kind, value=row.value, calls=row.calls, campaigns=spread[row.kind, row.value]) for row in rows
    ]
    return tuple(sorted(found, key=lambda node: (-node.weight, -node.calls, node.value))[:_SHOWN])


def callbacks(actor: Actor, campaign_id: str) -> tuple[tuple[E164, int], ...]:
    """Return the numbers that calls of a campaign ask to be called back on, with how many calls say each."""
    if not visible_to(actor).filter(id=campaign_id).exists():
        return ()
    rows = CampaignNode.objects.filter(campaign_id=campaign_id, kind="callback").order_by("-calls", "value")
    return tuple((E164(value), calls) for value, calls in rows.values_list("value", "calls")[:_SHOWN])


def _spread(rows: Iterable[CampaignNode]) -> dict[tuple[str, str], int]:
    values = {row.value for row in rows}
    counted = (
        CampaignNode.objects.filter(value__in=values, campaign__merged_into__isnull=True)
        .values_list("kind", "value")
        .annotate(Count("campaign_id", distinct=True))
    )
    return defaultdict(lambda: 1, {(kind, value): max(count, 1) for kind, value, count in counted})


def merge_proposals(actor: Actor) -> tuple[MergeProposal, ...]:
    """Return pairs of campaigns that share enough, the likeliest first; those that a person settled are left out."""
    standing = visible_to(actor).filter(merged_into__isnull=True, confirmed_at__isnull=False)
    names = dict(standing.values_list("id", "name"))
    telling = (
        CampaignNode.objects.filter(campaign_id__in=names)
        .values("kind", "value")
        .annotate(having=Count("campaign_id", distinct=True))
        .filter(having__gt=1, having__lte=_COMMON)
    )
    spread = {(row["kind"], row["value"]): row["having"] for row in telling}
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    rows = CampaignNode.objects.filter(campaign_id__in=names, value__in={value for _, value in spread})
    for row in rows.order_by("campaign_id"):
        if (row.kind, row.value) in spread:
            holders[row.kind, row.value].append(row.campaign_id)
    shared: dict[tuple[str, str], list[Node]] = defaultdict(list)
    for (kind, value), campaigns in holders.items():
        node = Node(kind=kind, value=value, calls=0, campaigns=spread[kind, value])
        for at, one in enumerate(campaigns):
            for other in campaigns[at + 1 :]:
                shared[one, other].append(node)
    settled = _settled()
    found = [
        MergeProposal(
            campaign_id=one, campaign_name=names[one], other_id=other, other_name=names[other], proposal=proposal
        )
        for (one, other), both in shared.items()
        if frozenset((one, other)) not in settled and (proposal := weigh(both)).proposed
    ]
    return tuple(sorted(found, key=lambda one: (-one.proposal.probability, one.campaign_id))[:_PROPOSALS])


def _settled() -> set[frozenset[str]]:
    edits = CampaignEdit.objects.filter(other__isnull=False).filter(Q(refused=""))
    return {frozenset((edit.campaign_id, str(edit.other_id))) for edit in edits}


def unnamed(actor: Actor) -> tuple[Campaign, ...]:
    """Return confirmed campaigns whose name no person accepted yet, the busiest first."""
    waiting = visible_to(actor).filter(name_status="proposed", confirmed_at__isnull=False, merged_into__isnull=True)
    return tuple(waiting.order_by("-calls")[:_PROPOSALS])
