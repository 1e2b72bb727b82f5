"""Leads of a campaign as they are read: its tracebacks combined. Never a finding, a flag or part of a package."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import prod
from typing import Any

from django.db import transaction
from django.db.models import Max

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign
from headwater.errors import NotFound
from headwater.providers import queries as providers
from headwater.tracebacks import projection
from headwater.tracebacks.leads import Bearing, Traced, bearings, leads, seen_elsewhere, signed_beyond
from headwater.tracebacks.models import Hop, Traceback
from headwater.tracebacks.states import OPEN_STATES, Grade

#: Tracebacks of one campaign that are combined at most, newest first.
MOST_TRACES = 25
#: Less likely providers are not shown.
LEAST = 0.001
#: Campaigns that are looked through for one provider, those traced last first.
MOST_CAMPAIGNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTrace:
    """One traceback that says something of a lead."""

    id: str
    bearing: Bearing
    grade: Grade
    call_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadView:
    """One provider that calls of the campaign may originate at."""

    provider_id: str
    spc: str
    name: str
    probability: float
    traces: int
    """Tracebacks that ended at it."""
    of: int
    """Tracebacks that were combined."""
    behind: tuple[LeadTrace, ...] = ()
    """The tracebacks that say something of it: those that end at it first."""

    @property
    def sentence(self) -> str:
        """Return it in words that claim no more than it is."""
        signed = sum(one.bearing is Bearing.SIGNED for one in self.behind)
        beyond = f" and {signed} at a provider beyond which {self.name} signed calls of it" if signed else ""
        return (
            f"Lead, not a finding: {self.traces} of {self.of} tracebacks of this campaign end at {self.name}{beyond}; "
            f"the probability that its calls originate there is {self.likely}. Whom to ask next, no more."
        )

    @property
    def likely(self) -> str:
        """Return the probability in words: a lead is never sure."""
        return "over 99%" if self.probability > 0.99 else f"{self.probability:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLeads:
    """Where the calls of one campaign may originate."""

    campaign_id: str
    campaign_name: str
    leads: tuple[LeadView, ...]
    """The likeliest first."""
    combined: int
    """Tracebacks that were combined."""
    going: int
    """Tracebacks of the campaign that still run, and are not among them."""

    @property
    def unknown(self) -> float:
        """Return the probability that its calls originate at none of these; a campaign may have several origins."""
        return prod(1.0 - one.probability for one in self.leads)


def leads_of(actor: Actor, campaign_id: str) -> CampaignLeads:
    """Return where the calls of a campaign may originate; the look is audited.

    Raises:
        NotFound: there is no such campaign, or the actor may read no tracebacks.
    """
    campaign = Campaign.objects.filter(id=campaign_id).first() if actor.may(Permission.TRACEBACK_READ) else None
    if campaign is None:
        raise NotFound(f"There is no campaign {campaign_id[:32]}.")
    with transaction.atomic():
        found = _combined(campaign, _hands_to(), _history())
        shown = [one.spc for one in found.leads]
        audit.record(actor, Tag.CAMPAIGN_LEADS_VIEWED, campaign.id, {"leads": shown, "tracebacks": found.combined})
    return found


def leads_at(actor: Actor, provider_id: str) -> list[tuple[CampaignLeads, LeadView]]:
    """Return the campaigns whose tracebacks make one provider a lead, the likeliest first; none who may not see."""
    if not actor.may(Permission.TRACEBACK_READ):
        return []
    stands = Hop.objects.filter(withdrawn_at=None, provider_id=provider_id).exclude(traceback__campaign_id=None)
    latest = stands.values("traceback__campaign_id").annotate(last=Max("traceback__opened_at")).order_by("-last")
    ids = list(latest.values_list("traceback__campaign_id", flat=True)[:MOST_CAMPAIGNS])
    hands_to, history = (_hands_to(), _history()) if ids else ({}, {})
    found = []
    for campaign in Campaign.objects.filter(id__in=ids):
        whole = _combined(campaign, hands_to, history)
        found += [(whole, one) for one in whole.leads if one.provider_id == provider_id]
    return sorted(found, key=lambda pair: (-pair[1].probability, pair[0].campaign_id))


def document(found: CampaignLeads) -> dict[str, Any]:
    """Return leads as files and programs have them."""
    return {
        "what": "leads, not findings: whom to ask next",
        "campaign": found.campaign_id,
        "tracebacks_combined": found.combined,
        "tracebacks_going": found.going,
        "probability_of_none_of_these": round(found.unknown, 6),
        "leads": [
            {
                "spc": one.spc,
                "name": one.name,
                "probability": round(one.probability, 6),
                "tracebacks_ended_at_it": one.traces,
                "tracebacks": [
                    {"id": trace.id, "says": trace.bearing.value, "grade": trace.grade.value} for trace in one.behind
                ],
            }
            for one in found.leads
        ],
    }


def _combined(
    campaign: Campaign, hands_to: dict[str, frozenset[str]], history: dict[str, frozenset[str]]
) -> CampaignLeads:
    rows = Traceback.objects.filter(campaign=campaign)
    going = rows.filter(state__in=[state.value for state in OPEN_STATES])
    ended = list(rows.exclude(id__in=going.values("id")).order_by("-opened_at")[:MOST_TRACES])
    traced = [_traced(row) for row in ended]
    behind = _behind(traced, {row.id: row.call_at for row in ended}, hands_to)
    views = []
    for one in leads(traced, hands_to=hands_to, prior=seen_elsewhere(history, campaign.id)):
        provider = providers.by_id(one.provider) if one.probability >= LEAST else None
        if provider is not None:
            views.append(
                LeadView(
                    provider_id=provider.id,
                    spc=provider.spc,
                    name=provider.name,
                    probability=one.probability,
                    traces=one.traces,
                    of=len(traced),
                    behind=tuple(behind[provider.id]),
                )
            )
    return CampaignLeads(
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        leads=tuple(views),
        combined=len(traced),
        going=going.count(),
    )


def _behind(
    traced: Sequence[Traced], call_at: dict[str, datetime], hands_to: dict[str, frozenset[str]]
) -> defaultdict[str, list[LeadTrace]]:
    """Return provider -> the tracebacks that say something of it, those that end at it first."""
    found: defaultdict[str, list[LeadTrace]] = defaultdict(list)
    beyond = signed_beyond(traced)
    for one in traced:
        for provider_id, bearing in bearings(one, hands_to, beyond):
            found[provider_id].append(LeadTrace(id=one.id, bearing=bearing, grade=one.grade, call_at=call_at[one.id]))
    for rows in found.values():
        rows.sort(key=lambda row: list(Bearing).index(row.bearing))
    return found


def _traced(row: Traceback) -> Traced:
    trace = projection.load(row).trace
    path = tuple(hop.respondent.provider_id for hop in trace.path)
    signer = trace.signer
    return Traced(
        id=row.id,
        grade=trace.grade,
        path=path,
        signer=signer.respondent.provider_id if signer else "",
        attest=signer.attest if signer else "",
    )


def _history() -> dict[str, frozenset[str]]:
    """Return in which campaigns' tracebacks each provider stands."""
    seen: dict[str, set[str]] = defaultdict(set)
    rows = Hop.objects.filter(withdrawn_at=None).exclude(traceback__campaign_id=None)
    for provider_id, campaign_id in rows.values_list("provider_id", "traceback__campaign_id").distinct():
        seen[provider_id].add(campaign_id)
    return {provider: frozenset(campaigns) for provider, campaigns in seen.items()}


def _hands_to() -> dict[str, frozenset[str]]:
    """Return who has been named as handing calls to each provider."""
    known: dict[str, set[str]] = defaultdict(set)
    rows = Hop.objects.exclude(upstream_id=None).values_list("provider_id", "upstream_id").distinct()
    for provider_id, upstream_id in rows:
        known[provider_id].add(upstream_id)
    return {provider: frozenset(upstream) for provider, upstream in known.items()}
