"""Queues the mails and webhooks of one step. For the worker: the pages that cause them read no other side's people."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from headwater.accounts import webhooks
from headwater.accounts.models import User
from headwater.accounts.permissions import ROLE_PERMISSIONS, OrganisationKind, Permission, Role
from headwater.accounts.webhook_kinds import EventKind
from headwater.legal import notices
from headwater.legal.kinds import TYPE_WORDS, ProcessType
from headwater.legal.models import LegalProcess
from headwater.legal.notices import Event, Side
from headwater.outbox import actions as outbox

_REVIEWERS = [role.value for role in Role if Permission.PROCESS_REVIEW in ROLE_PERMISSIONS[role]]
_SITE = {Side.AGENCY: "portal", Side.CONSORTIUM: "desk"}


@transaction.atomic
def tell(process_id: str, event: Event, at: datetime, *, only: str = "") -> int:
    """Queue what is told of ``event``; return how many mails. Doing it again queues nothing a second time.

    ``only`` is the e-mail address of the one person whom it concerns; "" for all.
    """
    row = LegalProcess.objects.get(id=process_id)
    written = 0
    for side in notices.TOLD[event]:
        mail = notices.mail(
            event,
            process=row.id,
            kind=TYPE_WORDS[ProcessType(row.process_type)],
            at=at,
            base_url=settings.HEADWATER.urls.get(_SITE[side], ""),
            side=side,
        )
        for person in _readers(row, side):
            if only and person.email != only:
                continue
            outbox.queue_mail(
                key=f"process {row.id} {event.value} {at.isoformat()} {person.id}",
                to=person.email,
                subject=mail.subject,
                text=mail.text,
                about=row.id,
                organisation_id=person.organisation_id,
            )
            written += 1
    # An endpoint is the whole agency's: of a sealed process the named people alone are told.
    if Side.AGENCY in notices.TOLD[event] and not row.sealed:
        webhooks.queue_event(
            key=f"process {row.id} {event.value} {at.isoformat()}",
            organisation_id=row.agency_id,
            kind=EventKind.PROCESS_CHANGED,
            data=notices.webhook(event, process=row.id, state=row.state, at=at, return_date=row.return_date),
            about=row.id,
        )
    return written


def _readers(row: LegalProcess, side: Side) -> list[User]:
    if side is Side.AGENCY:
        named = row.people.filter(removed_at__isnull=True, user__is_active=True).select_related("user")
        return [one.user for one in named.order_by("id")]
    people = User.objects.filter(
        organisation__kind=OrganisationKind.CONSORTIUM, role__in=_REVIEWERS, is_active=True
    ).order_by("id")
    return list(people)
