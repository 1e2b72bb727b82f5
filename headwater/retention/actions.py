"""Setting and releasing legal holds, keeping them complete, and telling the audit what was deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls.sweep import Expired
from headwater.campaigns.merged import united
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.errors import Conflict, Invalid, NotFound
from headwater.retention import rules
from headwater.retention.models import LegalHold
from headwater.retention.queries import HoldView, hold_view
from headwater.retention.rules import GROWING, HoldKind, Wish
from headwater.tracebacks.models import Traceback

#: Groups that one entry of the audit names; the counts are of all.
_NAMED = 60


def set_hold(actor: Actor, wish: Wish, *, reason: str, now: datetime) -> HoldView:
    """Hold calls: from the next run on nothing of them is deleted, until every hold on them is released.

    Raises:
        Forbidden: the actor may not set holds.
        Invalid: the wish names nothing, or several things; or no reason is given.
        NotFound: there is no such campaign or process.
    """
    actor.require(Permission.HOLD_WRITE)
    kind, reach = wish.kind(), wish.process or wish.case
    row = LegalHold(
        kind=kind.value,
        subject=wish.campaign or (reach.process if reach else "") or wish.source,
        start=reach.start if reach else wish.start,
        end=reach.end if reach else wish.end,
        reach={"campaigns": reach.campaigns, "tracebacks": reach.tracebacks, "numbers": reach.numbers} if reach else {},
        record_ids=[str(one) for one in sorted(set(wish.records))],
        refreshed_at=now,
        reason=rules.reason(reason),
        set_by=actor.label,
        set_at=now,
    )
    with transaction.atomic():
        if kind in GROWING:
            row.record_ids = _members(row)
        row.save(force_insert=True)
        detail: dict[str, Any] = {
            "kind": kind.value,
            "of": row.subject,
            "records": len(row.record_ids),
            "reason": row.reason,
        }
        if wish.start and wish.end:
            detail |= {"start": wish.start, "end": wish.end}
        audit.record(actor, Tag.HOLD_SET, row.id, detail)
    return hold_view(row)


def release_hold(actor: Actor, hold_id: str, *, reason: str, now: datetime) -> HoldView:
    """Release a hold. What no other hold covers is deleted when its time is over.

    Raises:
        Forbidden: the actor may not.
        Invalid: no reason is given.
        NotFound: there is no such hold.
        Conflict: it was released before.
    """
    actor.require(Permission.HOLD_WRITE)
    why = rules.reason(reason)
    with transaction.atomic():
        row = LegalHold.objects.select_for_update(no_key=True).filter(id=hold_id).first()
        if row is None:
            raise NotFound(f"There is no hold {hold_id}.")
        if row.released_at is not None:
            raise Conflict(f"The hold {hold_id} was released at {row.released_at:%Y-%m-%d %H:%M} UTC.")
        row.released_at, row.released_by, row.release_reason = now, actor.label, why
        row.save(update_fields=["released_at", "released_by", "release_reason"])
        audit.record(actor, Tag.HOLD_RELEASED, row.id, {"reason": why})
    return hold_view(row)


def refresh_holds(*, now: datetime) -> int:
    """Bring the records of held campaigns and processes up to date; return how many holds there are. For the worker.

    Records are only added: a call that was once held stays so, though its campaign was split.
    """
    refreshed = 0
    with transaction.atomic():
        for row in LegalHold.objects.filter(released_at=None, kind__in=[kind.value for kind in GROWING]):
            row.record_ids = sorted({*row.record_ids, *_members(row)})
            row.refreshed_at = now
            row.save(update_fields=["record_ids", "refreshed_at"])
            refreshed += 1
    return refreshed


def note_deletion(actor: Actor, stage: str, expired: Sequence[Expired], *, rule: str) -> None:
    """Tell the audit of one step of a deletion, before (``begun``) and after (``done``) it is taken.

    Raises:
        Invalid: there is nothing to tell.
    """
    if not expired:
        raise Invalid("a deletion of nothing is not noted")
    detail = {
        "what": expired[0].what,
        "rule": rule,
        "count": sum(one.count for one in expired),
        "first_received": min(one.first for one in expired),
        "last_received": max(one.last for one in expired),
        "groups": [[one.source_id, one.record_kind, one.count] for one in expired[:_NAMED]],
        "groups_not_named": max(0, len(expired) - _NAMED),
    }
    tag = Tag.CALL_DELETION_BEGUN if stage == "begun" else Tag.CALL_DELETION_DONE
    with transaction.atomic():
        audit.record(actor, tag, expired[0].what, detail)


def _members(row: LegalHold) -> list[str]:
    """Return the records of a campaign, or of what a process covers within its times."""
    if row.kind == HoldKind.CAMPAIGN:
        if not Campaign.objects.filter(id=row.subject).exists():
            raise NotFound(f"There is no campaign {row.subject}.")
        rows = CampaignMember.objects.filter(campaign_id__in=united({row.subject}))
        return [str(one) for one in rows.order_by("record_id").values_list("record_id", flat=True)]
    within = Q(call_at__gte=row.start)
    if row.end is not None:
        within &= Q(call_at__lt=row.end)
    numbers = row.reach.get("numbers", [])
    members = CampaignMember.objects.filter(
        within, Q(campaign_id__in=united(row.reach.get("campaigns", []))) | Q(calling__in=numbers)
    )
    traced = Traceback.objects.filter(within, Q(id__in=row.reach.get("tracebacks", [])) | Q(calling__in=numbers))
    found = {*members.values_list("record_id", flat=True), *traced.values_list("record_id", flat=True)}
    return sorted(str(one) for one in found)
