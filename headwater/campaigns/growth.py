"""How calls make campaigns grow, inside the transaction of ``actions.observe``: members, states, names."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from headwater.calls.records import CallRecord
from headwater.campaigns import rules
from headwater.campaigns.engine import RULE_VERSION, reasons
from headwater.campaigns.exemplars import Placement
from headwater.campaigns.fusion import TRANSCRIBED
from headwater.campaigns.memory import Memory
from headwater.campaigns.models import Campaign, CampaignMember, CampaignStateChange
from headwater.campaigns.naming import unique
from headwater.campaigns.script import Script, legible
from headwater.campaigns.states import CampaignState, NameStatus
from headwater.numbering.numbers import masked, state


@dataclass(slots=True)
class Call:
    """One call on its way into a campaign."""

    record: CallRecord
    script: Script
    text: str
    placement: Placement
    campaign_id: str
    clock: int
    """The detector's clock once the call was kept."""

    @property
    def rang_at(self) -> datetime:
        """When it rang, at the latest when it was received."""
        # A sender's clock that runs ahead must not keep a campaign alive.
        return min(self.record.call_at, self.record.received_at)


@dataclass(slots=True)
class Growth:
    """What one campaign gains in this transaction."""

    campaign: Campaign
    calls: list[Call] = field(default_factory=list)
    changes: list[CampaignStateChange] = field(default_factory=list)
    founded: bool = False
    confirmed: bool = False
    new_states: list[str] = field(default_factory=list)
    renamed_from: str = ""


def grow(known: Memory, calls: list[Call], *, now: datetime) -> list[Growth]:
    """Store the calls as members and bring their campaigns up to date."""
    wanted = {call.campaign_id for call in calls}
    rows = Campaign.objects.select_for_update(no_key=True).filter(id__in=wanted).order_by("id")
    growths = {row.id: Growth(campaign=row) for row in rows}
    names: set[str] = set()
    for call in calls:
        growth = growths.get(call.campaign_id)
        if growth is None:
            growth = growths[call.campaign_id] = Growth(campaign=_founded(known, call, now=now), founded=True)
        _take(known, growth, call, names=names, now=now)
    Campaign.objects.bulk_create([g.campaign for g in growths.values() if g.founded])
    Campaign.objects.bulk_update(
        [g.campaign for g in growths.values() if not g.founded],
        [
            "calls",
            "confirmed_at",
            "family",
            "first_call_at",
            "last_call_at",
            "name",
            "name_basis",
            "name_is_new",
            "sources",
            "state",
            "states_hit",
        ],
        batch_size=500,
    )
    CampaignMember.objects.bulk_create([_member(call, now=now) for call in calls], batch_size=1_000)
    CampaignStateChange.objects.bulk_create([change for g in growths.values() for change in g.changes])
    return list(growths.values())


def _founded(known: Memory, call: Call, *, now: datetime) -> Campaign:
    proposal = known.namer.propose([call.script])
    return Campaign(
        id=call.campaign_id,
        name=proposal.name,
        name_is_new=proposal.is_new,
        name_basis=proposal.basis,
        family=proposal.family,
        first_call_at=call.rang_at,
        last_call_at=call.rang_at,
        detected_at=now,
        rule_version=RULE_VERSION,
    )


def _take(known: Memory, growth: Growth, call: Call, *, names: set[str], now: datetime) -> None:
    """Let one call change its campaign, in memory."""
    campaign = growth.campaign
    growth.calls.append(call)
    campaign.calls += 1
    campaign.first_call_at = min(campaign.first_call_at, call.rang_at)
    campaign.last_call_at = max(campaign.last_call_at, call.rang_at)
    hit = state(call.record.called)
    if hit and hit not in campaign.states_hit:
        growth.new_states.append(hit)
    campaign.states_hit[hit] = campaign.states_hit.get(hit, 0) + 1
    source = legible(call.record.source_id)[:64]
    campaign.sources[source] = campaign.sources.get(source, 0) + 1
    event = rules.event_of_call(
        campaign.calls, was_confirmed=campaign.confirmed_at is not None, sources=len(campaign.sources)
    )
    before = None if campaign.calls == 1 else CampaignState(campaign.state)
    after = rules.next_state(before, event)
    if after != before:
        evidence = {
            "event": event.value,
            "rule": rules.RULE_VERSION,
            "calls": campaign.calls,
            "sources": len(campaign.sources),
            "record_id": str(call.record.record_id),
        }
        growth.changes.append(change_of_state(campaign, before, after, evidence, now=now))
        campaign.state = after
    if event is rules.CampaignEvent.REACHED:
        growth.confirmed = True
        _settle_name(known, growth, call, names=names)
        campaign.confirmed_at = now


def change_of_state(
    campaign: Campaign,
    before: CampaignState | None,
    after: CampaignState,
    evidence: dict[str, Any],
    *,
    now: datetime,
) -> CampaignStateChange:
    """Return the row that tells of one change of state; the caller saves it."""
    return CampaignStateChange(
        campaign_id=campaign.id, from_state=before or "", to_state=after, at=now, evidence=evidence
    )


def _settle_name(known: Memory, growth: Growth, call: Call, *, names: set[str]) -> None:
    """Name a campaign that ``call`` confirms from its exemplars so far; a name that a person accepted stays.

    ``names`` are those given in this transaction: the database does not know them yet.
    """
    campaign = growth.campaign
    if campaign.name_status == NameStatus.ACCEPTED:
        return
    # Calls later in the same batch are in the matcher already: they must not speak, or batches would change names.
    exemplars = [e for e in known.matcher.exemplars_of(campaign.id) if e.added <= call.clock]
    proposal = known.namer.propose([exemplar.script for exemplar in exemplars])
    taken = named().filter(name__startswith=proposal.name)
    growth.renamed_from = campaign.name
    campaign.name = unique(proposal.name, {*taken.values_list("name", flat=True), *names})
    campaign.name_is_new = proposal.is_new
    campaign.name_basis = proposal.basis | {"exemplars": len(exemplars)}
    campaign.family = proposal.family
    names.add(campaign.name)


def named() -> QuerySet[Campaign]:
    """Return the campaigns whose names are their own: confirmed, or named by a person."""
    return Campaign.objects.filter(Q(confirmed_at__isnull=False) | Q(name_status=NameStatus.ACCEPTED))


def _beside(call: Call) -> dict[str, Any]:
    """Return what is kept with a membership beside the matcher's reasons."""
    beside: dict[str, Any] = {"founded": call.campaign_id} if call.placement.campaign_id is None else {}
    if call.record.headers.get(TRANSCRIBED):
        beside["words"] = json.loads(call.record.headers[TRANSCRIBED])
    return beside


def _member(call: Call, *, now: datetime) -> CampaignMember:
    record, placement = call.record, call.placement
    return CampaignMember(
        record_id=record.record_id,
        campaign_id=call.campaign_id,
        call_at=call.rang_at,
        joined_at=now,
        source_id=legible(record.source_id)[:64],
        source_kind=record.source_kind.value,
        calling=record.calling,
        called_masked=masked(record.called),
        called_state=state(record.called),
        terminating_spc=legible(record.terminating_spc)[:16],
        score=placement.score,
        nearest_record_id=placement.nearest,
        rule_version=placement.rule_version,
        reasons=reasons(placement) | _beside(call),
    )
