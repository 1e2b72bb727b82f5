"""What is done against calls: notices sent, seen, acknowledged and reported on, and measures entered.

All audited, each with its change in one transaction. Block entries are in ``blocking``.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.merged import standing, united
from headwater.campaigns.models import Campaign, CampaignExemplar
from headwater.campaigns.queries import visible_to as visible_campaigns
from headwater.errors import Conflict, Invalid, NotFound
from headwater.identifiers import new_id
from headwater.legal.documents import Document
from headwater.numbering.numbers import E164, display, masked
from headwater.providers.models import Provider
from headwater.relief import delivery, queries
from headwater.relief.letters import Facts, TracedCall, letter
from headwater.relief.models import Measure, Notice, NoticeReport
from headwater.relief.states import (
    ENTERED_BY_HAND,
    MEASURES_REPORTED,
    NEXT_STATES,
    MeasureKind,
    NoticeKind,
    NoticeState,
    ReportedAction,
)
from headwater.tracebacks.models import Hop
from headwater.tracebacks.states import HopRole

#: Longest free text that is kept.
MAX_TEXT = 2_000
MAX_WHAT = 400
#: Words of a sample in a letter.
_SAMPLE = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A measure as it was taken."""

    kind: MeasureKind
    at: datetime
    what: str


class WrongStep(Conflict):
    """A notice cannot take this step from where it stands."""


@transaction.atomic
def send_notice(  # noqa: PLR0913 - what is sent to whom, each by name
    actor: Actor,
    campaign_id: str,
    provider_id: str,
    *,
    kind: NoticeKind,
    order: str = "",
    document: Document | None = None,
) -> queries.NoticeView:
    """Send one provider a notice about a campaign: in its carrier pages at once, by mail and webhook where it has them.

    ``document`` is the order that is served, as received.

    Raises:
        Forbidden: the actor may not send notices.
        NotFound: there is no such campaign or provider.
        Invalid: a court order is served without being named.
        Conflict: the provider is a hop of no traceback of this campaign, or has the same notice unanswered.
    """
    actor.require(Permission.NOTICE_SEND)
    campaign, provider = campaign_of(actor, campaign_id), Provider.objects.filter(id=provider_id).first()
    if provider is None:
        message = f"There is no provider {provider_id[:20]}."
        raise NotFound(message)
    order = order.strip()
    if kind is NoticeKind.COURT_ORDER and not order:
        message = "Name the order that is served: court, case number and day."
        raise Invalid(message)
    check_length(order)
    waiting = Notice.objects.filter(campaign_id__in=united({campaign.id}), provider=provider, kind=kind).exclude(
        state=NoticeState.REPORTED
    )
    if kind is not NoticeKind.COURT_ORDER and (same := waiting.first()):
        message = f"{provider.name} has this notice already ({same.id}) and has not reported on it yet."
        raise Conflict(message)
    calls = _traced(campaign, provider)
    if not calls:
        message = f"{provider.name} is a hop of no traceback of {campaign.id}; a notice must rest on a traced call."
        raise Conflict(message)
    now = clock.now()
    facts = Facts(
        notice_id=new_id("RN"),
        kind=kind,
        provider=provider.name,
        spc=provider.spc,
        campaign=campaign.name,
        campaign_id=campaign.id,
        reports=campaign.calls,
        first_call_at=campaign.first_call_at,
        last_call_at=campaign.last_call_at,
        sample=_sample(campaign),
        calls=calls,
        order=f"{order} (document {document.filename}, SHA-256 {document.sha256})" if document else order,
        sent_at=now,
    )
    text = letter(facts)
    row = Notice.objects.create(
        id=facts.notice_id,
        campaign=campaign,
        provider=provider,
        kind=kind.value,
        letter=text,
        letter_sha256=sha256(text.encode()).hexdigest(),
        traceback_ids=[call.traceback_id for call in calls],
        sent_at=now,
        sent_by=actor.label,
        mitigation_due_at=facts.mitigation_due_at,
        report_due_at=facts.report_due_at,
    )
    measure = MeasureKind.ORDER_SERVED if kind is NoticeKind.COURT_ORDER else MeasureKind.NOTICE_SENT
    what = f"{kind.label} to {provider.name} ({provider.spc}), {row.id}"
    note_measure(actor, campaign, Taken(kind=measure, at=now, what=what), notice=row)
    detail = {"campaign": campaign.id, "provider": provider.spc, "kind": kind.value, "letter_sha256": row.letter_sha256}
    delivery.send(row, document)
    record(actor, Tag.NOTICE_SENT, row.id, detail | ({"document": document.sha256} if document else {}))
    return queries.view(row)


def _traced(campaign: Campaign, provider: Provider) -> list[TracedCall]:
    """Return the traced calls of the campaign that went through the provider, the newest first."""
    hops = (
        Hop.objects.filter(traceback__campaign_id__in=united({campaign.id}), provider=provider, withdrawn_at=None)
        .select_related("traceback")
        .order_by("-traceback__call_at", "id")
    )
    return [
        TracedCall(
            traceback_id=hop.traceback_id,
            call_at=hop.traceback.call_at,
            calling=display(E164(hop.traceback.calling)),
            called_area=masked(E164(hop.traceback.called)),
            hop=hop.index,
            role=HopRole(hop.role).label,
            answered=hop.answer_code,
        )
        for hop in hops
    ]


def _sample(campaign: Campaign) -> str:
    found = CampaignExemplar.objects.filter(campaign=campaign).order_by("added").values_list("text", flat=True).first()
    words = " ".join((found or "").split())
    return words if len(words) <= _SAMPLE else f"{words[:_SAMPLE]} (shortened)"


@transaction.atomic
def open_notice(actor: Actor, notice_id: str) -> queries.NoticeView:
    """Show a provider its notice. The first look is the proof of delivery.

    Raises:
        NotFound: it is not the actor's.
    """
    row = _own(actor, notice_id)
    if row.state == NoticeState.SENT:
        row.state, row.seen_at, row.seen_by = NoticeState.SEEN.value, clock.now(), actor.label
        row.save(update_fields=["state", "seen_at", "seen_by"])
    record(actor, Tag.NOTICE_OPENED, row.id, {"campaign": row.campaign_id})
    return queries.view(row)


@transaction.atomic
def acknowledge(actor: Actor, notice_id: str) -> queries.NoticeView:
    """Note that a provider acknowledges a notice; a second time changes nothing.

    Raises:
        NotFound: it is not the actor's.
        WrongStep: it was never opened.
    """
    row = _own(actor, notice_id)
    if row.acknowledged_at is None:
        _move(row, NoticeState.ACKNOWLEDGED)
        row.acknowledged_at, row.acknowledged_by = clock.now(), actor.label
        row.save(update_fields=["state", "acknowledged_at", "acknowledged_by"])
        record(actor, Tag.NOTICE_ACKNOWLEDGED, row.id, {"campaign": row.campaign_id})
    return queries.view(row)


@transaction.atomic
def report(
    actor: Actor, notice_id: str, *, action: ReportedAction, acted_at: datetime, note: str = ""
) -> queries.NoticeView:
    """Keep what a provider says that it did, and from when; another report is a new version.

    Raises:
        NotFound: it is not the actor's.
        WrongStep: it was never opened.
        Invalid: the time lies ahead or before the campaign began, or a dispute gives no reason.
    """
    row = _own(actor, notice_id)
    now, note = clock.now(), note.strip()
    check_length(note)
    if not row.campaign.first_call_at <= acted_at <= now:
        message = "Say when you acted: from the campaign's first call until now, not later."
        raise Invalid(message)
    if action is ReportedAction.DISPUTED and not note:
        message = "Say what you dispute and why: the desk reads it."
        raise Invalid(message)
    _move(row, NoticeState.REPORTED)
    row.save(update_fields=["state"])
    said = NoticeReport.objects.create(
        notice=row,
        version=row.reports.count() + 1,
        action=action.value,
        acted_at=acted_at,
        note=note,
        reported_at=now,
        reported_by=actor.label,
    )
    if action in MEASURES_REPORTED:
        what = f"{row.provider.name} ({row.provider.spc}) reports: {action.label}, {row.id}"
        taken = Taken(kind=MeasureKind.PROVIDER_ACTED, at=acted_at, what=what)
        note_measure(actor, row.campaign, taken, notice=row)
    detail = {"campaign": row.campaign_id, "action": action.value, "version": said.version}
    record(actor, Tag.NOTICE_REPORTED, row.id, detail)
    return queries.view(row)


@transaction.atomic
def enter_measure(actor: Actor, campaign_id: str, *, kind: MeasureKind, at: datetime, what: str) -> None:
    """Enter a measure that was taken elsewhere, such as a court's order.

    Raises:
        Forbidden: the actor may not.
        NotFound: there is no such campaign.
        Invalid: it is of a kind that notes itself, says nothing, or lies ahead.
    """
    actor.require(Permission.RELIEF_WRITE)
    campaign = campaign_of(actor, campaign_id)
    what = " ".join(what.split())
    if kind not in ENTERED_BY_HAND or not 0 < len(what) <= MAX_WHAT:
        message = f"Say what was done, in at most {MAX_WHAT} characters."
        raise Invalid(message)
    if at > clock.now():
        message = "A measure is entered once it was taken: its time must not lie ahead."
        raise Invalid(message)
    note_measure(actor, campaign, Taken(kind=kind, at=at, what=what))


def campaign_of(actor: Actor, campaign_id: str) -> Campaign:
    """Return a campaign that the actor may see; of one that went into another, that other (``campaigns.merged``).

    Raises:
        NotFound: there is none.
    """
    found = visible_campaigns(actor).filter(id=campaign_id).first()
    if found is None:
        message = f"There is no campaign {campaign_id[:20]} that you may see."
        raise NotFound(message)
    return standing(found)


def _own(actor: Actor, notice_id: str) -> Notice:
    """Return a notice of the actor's provider, locked."""
    found = queries.own_notices(actor).select_for_update(no_key=True, of=("self",)).filter(id=notice_id).first()
    if found is None:
        message = f"There is no notice {notice_id[:20]} for you. Check the number."
        raise NotFound(message)
    return found


def _move(row: Notice, to: NoticeState) -> None:
    if to not in NEXT_STATES[NoticeState(row.state)]:
        message = f"Notice {row.id} is {NoticeState(row.state).label.lower()}: open it before you answer it."
        raise WrongStep(message)
    row.state = to.value


def note_measure(actor: Actor, campaign: Campaign, taken: Taken, *, notice: Notice | None = None) -> None:
    """Keep a measure against a campaign, in the present transaction."""
    row = Measure.objects.create(
        campaign=campaign,
        kind=taken.kind.value,
        at=taken.at,
        what=taken.what[:MAX_WHAT],
        notice=notice,
        entered_at=clock.now(),
        entered_by=actor.label,
    )
    detail = {"measure": row.pk, "kind": row.kind, "at": taken.at, "what": row.what}
    record(actor, Tag.MEASURE_ENTERED, campaign.id, detail)


def check_length(text: str) -> None:
    """Refuse a text that is longer than what is kept.

    Raises:
        Invalid: it is.
    """
    if len(text) > MAX_TEXT:
        message = f"The text has {len(text):,} characters; at most {MAX_TEXT:,} are kept."
        raise Invalid(message)
