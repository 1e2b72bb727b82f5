"""Placing a call again as it was placed: from the exemplars and word weights of that moment, to the same answer."""

import uuid
from dataclasses import dataclass

from django.db.models import Q

from headwater.accounts.actors import Actor
from headwater.campaigns import learnt
from headwater.campaigns.engine import Matcher, reasons
from headwater.campaigns.exemplars import Exemplar, Placement
from headwater.campaigns.labels import shipped
from headwater.campaigns.models import CampaignExemplar, CampaignMember
from headwater.campaigns.queries import visible_to
from headwater.campaigns.script import read
from headwater.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One call placed again."""

    record_id: uuid.UUID
    same: bool
    """Nearest exemplar, cosine, support and every weight are what was stored."""
    differs: tuple[str, ...]
    placement: Placement


def replay(actor: Actor, record_id: uuid.UUID, text: str) -> Replay:
    """Place the call again from what was known at its time. ``text`` is its transcript, as the call store holds it.

    Raises:
        NotFound: the call is in no campaign that the actor may see, or its weights are not kept here.
        Conflict: another rule placed it than the one that runs here.
    """
    member = CampaignMember.objects.filter(record_id=record_id, campaign__in=visible_to(actor)).first()
    if member is None:
        raise NotFound(f"The call {record_id} is in no campaign that you may see.")
    stored = member.reasons
    if "clock" not in stored:
        raise Conflict(f"The call {record_id} was placed by {member.rule_version}, which kept too little to replay it.")
    clock, epoch = stored["clock"], stored["epoch"]
    rows = CampaignExemplar.objects.filter(added__lte=clock).filter(Q(retired__isnull=True) | Q(retired__gt=epoch))
    labels = shipped()
    matcher = Matcher(
        (labelled.script for labelled in labels.known),
        (
            Exemplar(
                record_id=row.record_id,
                # As it was called then: a merge since does not change what it was near to.
                campaign_id=_then(row),
                script=read(row.text),
                added=row.added,
                used=row.added,
                retired=row.retired if row.retired is not None and row.retired <= clock else None,
            )
            for row in rows.order_by("added")
        ),
        clock=clock,
        epoch=epoch,
        labels=labels,
        weights=learnt.weights(member.rule_version.rpartition(" ")[2]),
    )
    placement = matcher.place(read(text))
    again = reasons(placement)
    compared = ("nearest", "score", "support", "exact_duplicate", "evidence", "exemplars", "rule")
    differs = tuple(name for name in compared if again[name] != stored.get(name))
    return Replay(record_id=record_id, same=not differs, differs=differs, placement=placement)


def _then(row: CampaignExemplar) -> str:
    member = CampaignMember.objects.filter(record_id=row.record_id).values_list("reasons", "campaign_id").first()
    if member is None:
        return str(row.campaign_id)
    stored, campaign = member
    founded = stored.get("founded")
    return str(stored.get("campaign") or founded or campaign)
