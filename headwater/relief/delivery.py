"""How a notice reached its provider, and what proves it: the mail's receipt, the first look, a letter's number."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.accounts.webhook_kinds import EventKind
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Invalid, NotFound
from headwater.legal.documents import Document
from headwater.outbox import actions as outbox
from headwater.outbox import queries as sent
from headwater.outbox.rules import State, Way
from headwater.relief.models import Notice, NoticeDelivery, NoticeDocument
from headwater.relief.states import DeliveryWay, NoticeKind

MAX_PROOF = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One way in which a notice went out, and how far that is proven."""

    way: str
    state: str
    """A status: ``message_delivered``, ``message_waiting``, ``message_failed``."""
    at: datetime | None
    """When it was delivered; None where it is not, or not yet."""
    receipt: str
    """The mail server's own answer, who opened it, the letter's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A document that was served with a notice, without its octets."""

    id: int
    filename: str
    size: int
    sha256: str


_STATES = {
    State.WAITING: "message_waiting",
    State.DELIVERED: "message_delivered",
    State.FAILED: "message_failed",
}
_WAYS = {Way.MAIL: "Mail", Way.POST: "Webhook"}


def send(row: Notice, document: Document | None) -> None:
    """Keep the document that is served, and queue mail and webhooks to the provider, in the present transaction."""
    if document is not None:
        NoticeDocument.objects.create(
            notice=row,
            filename=document.filename,
            octets=document.octets,
            size=len(document.octets),
            sha256=document.sha256,
        )
    organisation, kind = row.provider.organisation_id or "", NoticeKind(row.kind)
    if row.provider.contact_email:
        files = (
            (outbox.Attachment(name=document.filename, media_type="application/pdf", octets=document.octets),)
            if document
            else ()
        )
        outbox.queue_mail(
            key=f"notice:{row.id}",
            to=row.provider.contact_email,
            subject=f"{kind.label} {row.id}: {row.campaign.name}",
            text=row.letter,
            about=row.id,
            organisation_id=organisation,
            attachments=files,
        )
    if organisation:
        webhooks.queue_event(
            key=f"notice:{row.id}",
            organisation_id=organisation,
            kind=EventKind.NOTICE_SENT,
            data={
                "notice": row.id,
                "kind": kind.value,
                "campaign": row.campaign_id,
                "say_until": row.mitigation_due_at.isoformat(),
            },
            about=row.id,
        )


@transaction.atomic
def enter_delivery(actor: Actor, notice_id: str, *, way: DeliveryWay, at: datetime, proof: str) -> None:
    """Enter that a notice was delivered outside Headwater, with what proves it.

    Raises:
        Forbidden: the actor may not send notices.
        NotFound: there is no such notice.
        Invalid: nothing proves it, or its time lies ahead of now or before the notice.
    """
    actor.require(Permission.NOTICE_SEND)
    row = Notice.objects.filter(id=notice_id).first()
    if row is None:
        raise NotFound(f"There is no notice {notice_id[:20]}.")
    line = " ".join(proof.split())
    if not 0 < len(line) <= MAX_PROOF or not line.isprintable():
        raise Invalid("Say what proves it: the registered letter's number, who served it on whom.")
    # Typed to the minute: the minute in which the notice was sent counts as after it.
    if not row.sent_at.replace(second=0, microsecond=0) <= at <= clock.now():
        raise Invalid("It was delivered after it was sent, and not later than now.")
    NoticeDelivery.objects.create(
        notice=row, way=way.value, at=at, proof=line, entered_at=clock.now(), entered_by=actor.label
    )
    record(actor, Tag.NOTICE_DELIVERY_ENTERED, row.id, {"way": way, "at": at, "proof": line})


def document(actor: Actor, notice_id: str, document_id: int) -> tuple[str, bytes]:
    """Return name and octets of a document that was served, for the provider and the desk; the look is audited.

    Raises:
        NotFound: there is none of a notice that the actor may see.
    """
    with transaction.atomic():
        rows = NoticeDocument.objects.filter(id=document_id, notice_id=notice_id)
        if actor.organisation_kind is OrganisationKind.CONSORTIUM and actor.may(Permission.RELIEF_READ):
            found = rows.first()
        elif actor.may(Permission.NOTICE_ANSWER) and actor.provider_id:
            found = rows.filter(notice__provider_id=actor.provider_id).first()
        else:
            found = None
        if found is None:
            raise NotFound(f"There is no such document of notice {notice_id[:20]} for you.")
        record(actor, Tag.NOTICE_DOCUMENT_OPENED, notice_id, {"document": found.pk, "sha256": found.sha256})
    return found.filename, bytes(found.octets)


def proofs(row: Notice) -> tuple[Proof, ...]:
    """Return every way in which a notice went out. For the desk."""
    pages = Proof(
        way="Carrier pages",
        state="message_delivered" if row.seen_at else "message_waiting",
        at=row.seen_at,
        receipt=f"opened by {row.seen_by}" if row.seen_at else "not opened yet",
    )
    queued = [
        Proof(
            way=f"{_WAYS[one.way]} to {one.address}",
            state=_STATES[one.state],
            at=one.settled_at if one.state is State.DELIVERED else None,
            receipt=one.receipt or f"{one.attempts} attempts so far",
        )
        for one in sent.about(row.id)
    ]
    typed = [
        Proof(
            way=DeliveryWay(one.way).label,
            state="message_delivered",
            at=one.at,
            receipt=f"{one.proof} (entered by {one.entered_by})",
        )
        for one in row.deliveries.order_by("at", "id")
    ]
    return (pages, *queued, *typed)


def served(row: Notice) -> tuple[Served, ...]:
    """Return what was served with a notice."""
    columns = row.documents.order_by("id").values("id", "filename", "size", "sha256")
    return tuple(Served(**column) for column in columns)
