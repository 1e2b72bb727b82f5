"""Merges and splits by people. A person asks; the detector, which alone moves calls, does it and can undo it.

Identifiers never change: a campaign that went into another keeps its own and leads there. What was decided is kept,
and is what the weights of evidence are learnt from (``decisions``).
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns import joined, memory
from headwater.campaigns.engine import MAX_PER_CAMPAIGN
from headwater.campaigns.links import Judged
from headwater.campaigns.models import Campaign, CampaignEdit, CampaignExemplar, CampaignMember, CampaignNode
from headwater.campaigns.script import read
from headwater.campaigns.states import CampaignState
from headwater.errors import Conflict, Invalid, NotFound
from headwater.identifiers import new_id

DETECTOR = system("detector")
MERGE, SPLIT = "merge", "split"
_LONGEST_WHY = 500


@transaction.atomic
def ask_merge(actor: Actor, campaign_id: str, other_id: str, *, why: str) -> int:
    """Ask that ``other_id`` go into ``campaign_id``; return the edit's number. Done within seconds.

    Raises:
        Invalid: both are one.
        Conflict: one of them went into another already.
        NotFound: there is no such campaign.
    """
    actor.require(Permission.CAMPAIGN_EDIT)
    if campaign_id == other_id:
        raise Invalid("A campaign cannot be merged into itself. Nothing was changed.")
    for one in (campaign_id, other_id):
        _standing(one)
    edit = CampaignEdit.objects.create(
        kind=MERGE,
        campaign_id=campaign_id,
        other_id=other_id,
        asked_at=clock.now(),
        by=actor.label,
        why=why[:_LONGEST_WHY],
    )
    audit(actor, Tag.CAMPAIGN_EDIT_ASKED, campaign_id, {"edit": edit.pk, "kind": MERGE, "other": other_id, "why": why})
    return edit.pk


@transaction.atomic
def ask_split(actor: Actor, campaign_id: str, exemplars: Sequence[uuid.UUID], *, why: str) -> int:
    """Ask that these exemplars, and the calls that joined by them, become a campaign of their own.

    Raises:
        Invalid: none or all of the exemplars were chosen.
        NotFound: one is no exemplar of the campaign.
    """
    actor.require(Permission.CAMPAIGN_EDIT)
    _standing(campaign_id)
    living = set(_living(campaign_id).values_list("record_id", flat=True))
    chosen = set(exemplars)
    if not chosen or chosen >= living:
        raise Invalid("Choose at least one script, and leave at least one. Nothing was changed.")
    if not chosen <= living:
        raise NotFound(f"Not every chosen call is an exemplar of {campaign_id}. Load the page again.")
    edit = CampaignEdit.objects.create(
        kind=SPLIT,
        campaign_id=campaign_id,
        asked_at=clock.now(),
        by=actor.label,
        why=why[:_LONGEST_WHY],
        exemplars=[str(record_id) for record_id in sorted(chosen)],
    )
    detail = {"edit": edit.pk, "kind": SPLIT, "exemplars": len(chosen), "why": why}
    audit(actor, Tag.CAMPAIGN_EDIT_ASKED, campaign_id, detail)
    return edit.pk


@transaction.atomic
def ask_undo(actor: Actor, edit_id: int) -> None:
    """Ask that a merge or split be undone: its calls go back. Calls that joined since stay where they joined.

    Raises:
        Conflict: it is not done, or undone already.
        NotFound: there is no such edit.
    """
    actor.require(Permission.CAMPAIGN_EDIT)
    edit = CampaignEdit.objects.filter(pk=edit_id).first()
    if edit is None:
        raise NotFound(f"There is no edit {edit_id}.")
    if edit.done_at is None or edit.undo_asked_at is not None:
        raise Conflict("This edit is not done yet, or is undone already. Nothing was changed.")
    CampaignEdit.objects.filter(pk=edit_id).update(undo_asked_at=clock.now(), undo_by=actor.label)
    audit(actor, Tag.CAMPAIGN_EDIT_ASKED, edit.campaign_id, {"edit": edit_id, "kind": "undo"})


@transaction.atomic
def allow(actor: Actor, campaign_id: str, because: str) -> None:
    """Mark a campaign as a lawful sender's: shown last, none of its evidence lost. An empty reason ends it."""
    actor.require(Permission.CAMPAIGN_EDIT)
    campaign = _standing(campaign_id)
    because = " ".join(because.split())[:_LONGEST_WHY]
    Campaign.objects.filter(id=campaign.id).update(priority="low" if because else "normal", allowed_because=because)
    audit(actor, Tag.CAMPAIGN_ALLOWED, campaign_id, {"from": campaign.priority, "because": because})


def _standing(campaign_id: str) -> Campaign:
    found = Campaign.objects.filter(id=campaign_id).first()
    if found is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    if found.merged_into_id is not None:
        raise Conflict(f"{campaign_id} went into {found.merged_into_id}; choose that one.")
    return found


def _living(campaign_id: str) -> QuerySet[CampaignExemplar]:
    return CampaignExemplar.objects.filter(campaign_id=campaign_id, retired__isnull=True)


@transaction.atomic
def carry_out(*, now: datetime) -> int:
    """Do what people asked for; return how many edits. For the detector, which must load its memory again after it."""
    waiting = CampaignEdit.objects.select_for_update(no_key=True).filter(
        Q(done_at__isnull=True, refused="") | Q(undo_asked_at__isnull=False, undone_at__isnull=True)
    )
    edits = list(waiting.order_by("id")[:50])
    if not edits:
        return 0
    checkpoint = memory.checkpoint_for_update()
    for edit in edits:
        checkpoint.clock += 1
        if edit.done_at is None:
            _do(edit, clock=checkpoint.clock, now=now)
        else:
            _undo(edit, clock=checkpoint.clock, now=now)
        edit.save()
    checkpoint.save()
    return len(edits)


def _do(edit: CampaignEdit, *, clock: int, now: datetime) -> None:
    ends = [edit.campaign, *([edit.other] if edit.other else [])]
    if any(campaign.merged_into_id for campaign in ends):
        edit.refused = "One of the campaigns had gone into another by then."
        audit(DETECTOR, Tag.CAMPAIGN_EDIT_REFUSED, edit.campaign_id, {"edit": edit.pk})
        return
    if edit.kind == MERGE:
        _move(edit, edit.other_id, edit.campaign_id, None, clock=clock)
        Campaign.objects.filter(id=edit.other_id).update(merged_into=edit.campaign_id)
        tag = Tag.CAMPAIGN_MERGED
    else:
        edit.other = _split_off(edit.campaign, now=now)
        _move(edit, edit.campaign_id, edit.other_id, [uuid.UUID(one) for one in edit.exemplars], clock=clock)
        tag = Tag.CAMPAIGN_SPLIT
    edit.done_at = now
    _recount(edit.campaign_id, edit.other_id)
    joined.leave(edit.campaign_id, edit.other_id)
    _lead_nodes(edit)
    audit(DETECTOR, tag, edit.campaign_id, {"edit": edit.pk, "other": edit.other_id, "calls": len(edit.moved)})


def _undo(edit: CampaignEdit, *, clock: int, now: datetime) -> None:
    moved = [uuid.UUID(one) for one in edit.moved]
    here, back = (edit.campaign_id, edit.other_id) if edit.kind == MERGE else (edit.other_id, edit.campaign_id)
    CampaignMember.objects.filter(record_id__in=moved, campaign_id=here).update(campaign_id=back)
    CampaignExemplar.objects.filter(record_id__in=moved, campaign_id=here).update(campaign_id=back)
    if edit.kind == MERGE:
        Campaign.objects.filter(id=edit.other_id).update(merged_into=None)
    _give_way(back, clock)
    edit.undone_at = now
    _lead_nodes(edit, sign=-1)
    _recount(edit.campaign_id, edit.other_id)
    joined.leave(edit.campaign_id, edit.other_id)
    audit(DETECTOR, Tag.CAMPAIGN_EDIT_UNDONE, edit.campaign_id, {"edit": edit.pk, "calls": len(moved)})


def _split_off(campaign: Campaign, *, now: datetime) -> Campaign:
    return Campaign.objects.create(
        id=new_id("C"),
        name=f"{campaign.name} (split)"[:120],
        name_basis=campaign.name_basis | {"split_from": campaign.id},
        family=campaign.family,
        state=CampaignState.SUSPECTED,
        first_call_at=campaign.first_call_at,
        last_call_at=campaign.last_call_at,
        detected_at=now,
        rule_version=campaign.rule_version,
        split_from=campaign,
    )


def _move(
    edit: CampaignEdit, source: str | None, target: str | None, exemplars: list[uuid.UUID] | None, *, clock: int
) -> None:
    members = CampaignMember.objects.filter(campaign_id=source)
    kept = CampaignExemplar.objects.filter(campaign_id=source)
    if exemplars is not None:
        members = members.filter(Q(nearest_record_id__in=exemplars) | Q(record_id__in=exemplars))
        kept = kept.filter(record_id__in=exemplars)
    moved = list(members.values_list("record_id", flat=True))
    edit.moved = [str(record_id) for record_id in moved]
    kept.update(campaign_id=target)
    CampaignMember.objects.filter(record_id__in=moved).update(campaign_id=target)
    _give_way(target, clock)


def _give_way(campaign_id: str | None, clock: int) -> None:
    """Retire what a campaign holds beyond its most; the founder stays, those longest unused go."""
    living = list(_living(str(campaign_id)).order_by("added"))
    surplus = sorted(living[1:], key=lambda one: one.used)[: max(len(living) - MAX_PER_CAMPAIGN, 0)]
    CampaignExemplar.objects.filter(record_id__in=[one.record_id for one in surplus]).update(retired=clock)


def _recount(*campaigns: str | None) -> None:
    """Bring the counts of campaigns in line with their members."""
    for campaign in Campaign.objects.select_for_update(no_key=True).filter(id__in=campaigns):
        members = CampaignMember.objects.filter(campaign=campaign)
        found = members.aggregate(calls=Count("record_id"), first=Min("call_at"), last=Max("call_at"))
        campaign.calls = found["calls"]
        if found["calls"]:
            campaign.first_call_at, campaign.last_call_at = found["first"], found["last"]
        campaign.states_hit = dict(Counter(dict(members.values_list("called_state").annotate(Count("record_id")))))
        campaign.sources = dict(members.values_list("source_id").annotate(Count("record_id")))
        campaign.save()


def _lead_nodes(edit: CampaignEdit, *, sign: int = 1) -> None:
    """Count at the campaign that is left what the merged one had; its own nodes stay, for the day it comes back."""
    if edit.kind != MERGE:
        return
    for row in CampaignNode.objects.filter(campaign_id=edit.other_id):
        node, _ = CampaignNode.objects.get_or_create(
            campaign_id=edit.campaign_id,
            kind=row.kind,
            value=row.value,
            defaults={"calls": 0, "first_at": row.first_at, "last_at": row.last_at},
        )
        node.calls = max(node.calls + sign * row.calls, 0)
        node.save(update_fields=["calls"])


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRow:
    """One merge or split as it is listed."""

    id: int
    kind: str
    campaign_id: str
    other_id: str
    by: str
    why: str
    asked_at: datetime
    done_at: datetime | None
    refused: str
    moved: int
    undone_at: datetime | None


def latest(actor: Actor, limit: int = 50) -> tuple[EditRow, ...]:
    """Return the newest merges and splits; for the consortium's people alone."""
    if actor.organisation_kind != OrganisationKind.CONSORTIUM or not actor.may(Permission.CAMPAIGN_READ):
        return ()
    return tuple(
        EditRow(
            id=row.pk,
            kind=row.kind,
            campaign_id=row.campaign_id,
            other_id=row.other_id or "",
            by=row.by,
            why=row.why,
            asked_at=row.asked_at,
            done_at=row.done_at,
            refused=row.refused,
            moved=len(row.moved),
            undone_at=row.undone_at,
        )
        for row in CampaignEdit.objects.order_by("-id")[:limit]
    )


def decisions() -> list[Judged]:
    """Return what people decided by merges and splits that stand: pairs of scripts of one campaign, or not."""
    found = []
    done = CampaignEdit.objects.filter(done_at__isnull=False, undone_at__isnull=True)
    for edit in done.order_by("id"):
        moved = CampaignExemplar.objects.filter(record_id__in=[uuid.UUID(one) for one in edit.moved])
        target = edit.campaign_id
        others = CampaignExemplar.objects.filter(campaign_id=target).exclude(record_id__in=moved.values("record_id"))
        found += [
            Judged(one=read(one.text), other=read(other.text), same=edit.kind == MERGE)
            for one in moved.order_by("added")[:4]
            for other in others.order_by("added")[:4]
        ]
    return found
