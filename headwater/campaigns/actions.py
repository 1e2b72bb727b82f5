"""What is done to campaigns: calls are placed, states change, people name. Each in one transaction, audited."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.calls.records import CallRecord, RecordKind
from headwater.campaigns import graph, joined, memory, rules
from headwater.campaigns.engine import RULE_VERSION
from headwater.campaigns.growth import Call, Growth, change_of_state, grow, named
from headwater.campaigns.memory import Memory
from headwater.campaigns.models import (
    Campaign,
    CampaignExemplar,
    CampaignMember,
    CampaignStateChange,
    DetectorCheckpoint,
    SetAsideCall,
)
from headwater.campaigns.script import legible, read
from headwater.campaigns.states import CampaignState, NameStatus
from headwater.errors import Conflict, Invalid, NotFound
from headwater.identifiers import new_id
from headwater.jobs import Job, defer

DETECTOR = system("detector")

#: Exemplars that one detector compares with. Beyond, the scripts seen once or twice longest ago are given up.
MAX_EXEMPLARS = 50_000
_REVIEWED_AT_ONCE = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 %&'/+().-]{1,98}[A-Za-z0-9%)+]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What became of some records."""

    placed: int
    """Calls that joined or founded a campaign."""
    founded: tuple[str, ...]
    confirmed: tuple[str, ...]
    known: int
    """Records that were placed before: taking them again changed nothing."""
    without_text: int
    too_short: int


@transaction.atomic
def observe(known: Memory, records: Sequence[CallRecord], *, now: datetime) -> Observed:
    """Place reported calls into campaigns, in the order given, and store each membership with its reasons.

    Taking a record again changes nothing. On any error ``known`` is out of step: load it again.

    Raises:
        Conflict: Another detector has moved on since ``known`` was loaded.
    """
    checkpoint = memory.checkpoint_for_update()
    if checkpoint.clock != known.matcher.clock:
        raise Conflict("Another detector placed calls since this one loaded its memory; load it again.")
    reports = {r.record_id: r for r in records if r.record_kind is RecordKind.REPORT}
    placed_before = set(CampaignMember.objects.filter(record_id__in=reports.keys()).values_list("record_id", flat=True))
    passed_over = set(SetAsideCall.objects.filter(record_id__in=reports.keys()).values_list("record_id", flat=True))
    fresh = [report for record_id, report in reports.items() if record_id not in placed_before | passed_over]
    calls: list[Call] = []
    changes = []
    wordless = []
    skipped = {"without_text": 0, "too_short": 0}
    for report in fresh:
        text = legible(report.transcript)
        script = read(text)
        if not script.is_comparable:
            wordless.append(report)
            # Reports read again in the overlap were counted the first time.
            if report.received_at > checkpoint.received_at:
                skipped["too_short" if script.words else "without_text"] += 1
            continue
        placement = known.matcher.place(script)
        campaign_id = placement.campaign_id or new_id("C")
        learnt = known.matcher.keep(report.record_id, campaign_id, script, placement)
        changes.append(learnt)
        calls.append(
            Call(
                record=report,
                script=script,
                text=text,
                placement=placement,
                campaign_id=campaign_id,
                clock=learnt.clock,
            )
        )
    grown = grow(known, calls, now=now)
    graph.note(calls)
    joined.note(wordless)
    memory.store(changes, {str(call.record.record_id): call.text for call in calls}, now=now)
    checkpoint.placed += len(calls)
    checkpoint.without_text += skipped["without_text"]
    checkpoint.too_short += skipped["too_short"]
    _move(checkpoint, known, records)
    _ask_for_work(grown)
    _audit(grown)
    return Observed(
        placed=len(calls),
        founded=tuple(g.campaign.id for g in grown if g.founded),
        confirmed=tuple(g.campaign.id for g in grown if g.confirmed),
        known=len(placed_before),
        **skipped,
    )


def _move(checkpoint: DetectorCheckpoint, known: Memory, records: Sequence[CallRecord]) -> None:
    checkpoint.received_at = max([checkpoint.received_at, *(record.received_at for record in records)])
    checkpoint.clock = known.matcher.clock
    checkpoint.epoch = known.matcher.epoch
    checkpoint.save()


def _ask_for_work(grown: Iterable[Growth]) -> None:
    """Ask for tracebacks once, on confirmation; for alerts then and whenever another state is hit."""
    for growth in grown:
        campaign_id = growth.campaign.id
        if growth.confirmed:
            defer(Job.OPEN_TRACEBACKS, once=f"{Job.OPEN_TRACEBACKS}:{campaign_id}", campaign_id=campaign_id)
        if growth.confirmed or (growth.campaign.confirmed_at is not None and growth.new_states):
            defer(Job.SEND_ALERTS, once=f"{Job.SEND_ALERTS}:{campaign_id}", campaign_id=campaign_id)


def _audit(grown: Iterable[Growth]) -> None:
    for growth in grown:
        campaign = growth.campaign
        if growth.founded:
            audit(
                DETECTOR,
                Tag.CAMPAIGN_CREATED,
                campaign.id,
                {"rule": RULE_VERSION, "record_id": growth.calls[0].record.record_id},
            )
        audit(
            DETECTOR,
            Tag.CAMPAIGN_GREW,
            campaign.id,
            {"calls": len(growth.calls), "total": campaign.calls, "last_record_id": growth.calls[-1].record.record_id},
        )
        _audit_changes(growth.changes)
        if growth.renamed_from:
            detail = {"from": growth.renamed_from, "to": campaign.name, "status": campaign.name_status}
            audit(DETECTOR, Tag.CAMPAIGN_NAMED, campaign.id, detail)


def _audit_changes(changes: Iterable[CampaignStateChange]) -> None:
    for change in changes:
        evidence = {key: str(value) for key, value in change.evidence.items()}
        detail = {"from": change.from_state, "to": str(change.to_state), "evidence": evidence}
        audit(DETECTOR, Tag.CAMPAIGN_STATE_CHANGED, change.campaign_id, detail)


@transaction.atomic
def set_aside(record: CallRecord, error: Exception, *, now: datetime) -> None:
    """Go on without a record that cannot be placed: keep its identifier and the error, and let the audit name it."""
    said = legible(f"{type(error).__name__}: {error}")[:500]
    _, is_new = SetAsideCall.objects.get_or_create(record_id=record.record_id, defaults={"at": now, "error": said})
    if is_new:
        # The error's own words may repeat what was reported: the audit has its kind alone.
        audit(DETECTOR, Tag.CALL_SET_ASIDE, str(record.record_id), {"error": type(error).__name__})


@transaction.atomic
def review_states(known: Memory, *, now: datetime) -> int:
    """Let time change states: campaigns fall silent; scripts seen once or twice are given up. Return how many changed.

    On any error ``known`` is out of step: load it again.
    """
    checkpoint = memory.checkpoint_for_update()
    if checkpoint.clock != known.matcher.clock:
        raise Conflict("Another detector placed calls since this one loaded its memory; load it again.")
    quiet = (
        Campaign.objects.select_for_update(no_key=True)
        .exclude(state=CampaignState.STOPPED)
        .filter(last_call_at__lt=now - rules.DORMANT_AFTER_AT_LEAST)
        .order_by("last_call_at")
    )
    surplus = max(len(known.matcher) - MAX_EXEMPLARS, 0)
    oldest = (
        Campaign.objects.select_for_update(no_key=True)
        .filter(state=CampaignState.SUSPECTED)
        .order_by("last_call_at")[:surplus]
    )
    changes = []
    for campaign in quiet[:_REVIEWED_AT_ONCE]:
        found = rules.silence(CampaignState(campaign.state), _latest_calls(campaign.id), now)
        if found is not None:
            changes.append(_move_state(campaign, found.event, found.evidence, now=now))
    for campaign in oldest:
        if campaign.id not in {change.campaign_id for change in changes}:
            evidence = {"rule": rules.RULE_VERSION, "exemplars": len(known.matcher), "exemplars_at_most": MAX_EXEMPLARS}
            changes.append(_move_state(campaign, rules.CampaignEvent.GONE, evidence, now=now))
    for change in changes:
        if change.from_state == CampaignState.SUSPECTED:
            retired = known.matcher.forget(change.campaign_id)
            CampaignExemplar.objects.filter(record_id__in=retired).update(retired=known.matcher.clock)
    CampaignStateChange.objects.bulk_create(changes)
    _move(checkpoint, known, [])
    _audit_changes(changes)
    return len(changes)


def _latest_calls(campaign_id: str) -> list[datetime]:
    members = CampaignMember.objects.filter(campaign_id=campaign_id).order_by("-call_at")
    return list(members.values_list("call_at", flat=True)[: rules.RATE_CALLS])


def _move_state(
    campaign: Campaign, event: rules.CampaignEvent, evidence: dict[str, Any], *, now: datetime
) -> CampaignStateChange:
    before = CampaignState(campaign.state)
    campaign.state = rules.next_state(before, event)
    campaign.save(update_fields=["state"])
    return change_of_state(campaign, before, CampaignState(campaign.state), {"event": event.value} | evidence, now=now)


@transaction.atomic
def rename(actor: Actor, campaign_id: str, name: str) -> None:
    """Give the campaign the name that a person chose; it then counts as accepted.

    Raises:
        Invalid: The name is not written as campaign names are.
        Conflict: Another campaign has the name.
    """
    actor.require(Permission.CAMPAIGN_NAME)
    wanted = " ".join(name.split())
    if not _NAME.fullmatch(wanted):
        message = (
            "A campaign's name has 3 to 100 letters, digits, spaces and the signs % & ' / + ( ) . - "
            "such as Amazon-AuthorizeOrder-P3. Nothing was changed."
        )
        raise Invalid(message)
    campaign = _locked(campaign_id)
    _name(actor, campaign, wanted)


@transaction.atomic
def accept_name(actor: Actor, campaign_id: str) -> None:
    """Accept the proposed name as it stands."""
    actor.require(Permission.CAMPAIGN_NAME)
    campaign = _locked(campaign_id)
    _name(actor, campaign, campaign.name)


def _locked(campaign_id: str) -> Campaign:
    campaign = Campaign.objects.select_for_update(no_key=True).filter(id=campaign_id).first()
    if campaign is None:
        message = f"There is no campaign {campaign_id}."
        raise NotFound(message)
    return campaign


def _name(actor: Actor, campaign: Campaign, name: str) -> None:
    same = named().filter(name=name).exclude(id=campaign.id).first()
    if same is not None:
        message = f"The name {name} belongs to the campaign {same.id}. Choose another, such as {name}-P2."
        raise Conflict(message)
    before = campaign.name
    campaign.name = name
    campaign.name_status = NameStatus.ACCEPTED
    campaign.save(update_fields=["name", "name_status"])
    detail = {"from": before, "to": name, "status": str(NameStatus.ACCEPTED)}
    audit(actor, Tag.CAMPAIGN_NAMED, campaign.id, detail)
