"""Telling the desk of questions that are overdue: on the queue's page, and by mail to those on duty.

Who is mailed: the people of the consortium who took the duty; where nobody has it, all who may act on tracebacks, so
that an escalation never reaches nobody. Several questions are one mail, and mails are a quarter of an hour apart.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from headwater import clock
from headwater.accounts import queries as accounts
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.accounts.queries import PersonView
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.outbox import actions as outbox
from headwater.tracebacks import letters
from headwater.tracebacks.letters import Overdue
from headwater.tracebacks.models import DeskMail, DutyPerson, Telling
from headwater.tracebacks.states import OPEN_STATES, WAITING_STATES, TellingWay

#: Mails to one person are this far apart.
APART: Final = timedelta(minutes=15)
#: Questions that one mail lists at most; it says how many more there are.
MOST_LISTED: Final = 50
_ACTOR = system("teller")
_WAITING = {
    "hop__state__in": [one.value for one in WAITING_STATES],
    "hop__withdrawn_at": None,
    "hop__traceback__state__in": [one.value for one in OPEN_STATES],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationView:
    """One overdue question that the desk was told of, and that nobody has answered yet."""

    traceback_id: str
    question_id: str
    provider_id: str
    provider_name: str
    campaign: str
    legal_due_at: datetime
    final_due_at: datetime
    """When it counts as not answered."""
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyView:
    """Who is mailed."""

    people: tuple[str, ...]
    """Addresses of those who took the duty; none: everybody is mailed who may act on tracebacks."""
    own: bool
    """Whether the reader is among them."""


def escalations(actor: Actor, *, limit: int = 200) -> list[EscalationView]:
    """Return the overdue questions that the desk was told of, the one that ends first at the top."""
    if not actor.may(Permission.TRACEBACK_READ):
        return []
    rows = Telling.objects.filter(way=TellingWay.DESK.value, **_WAITING)
    rows = rows.select_related("hop__provider", "hop__traceback__campaign").order_by("hop__final_due_at", "id")[:limit]
    return [
        EscalationView(
            traceback_id=row.hop.traceback_id,
            question_id=row.hop_id,
            provider_id=row.hop.provider_id,
            provider_name=row.hop.provider.name,
            campaign=row.hop.traceback.campaign.name if row.hop.traceback.campaign else "",
            legal_due_at=row.hop.legal_due_at,
            final_due_at=row.hop.final_due_at,
            told_at=row.at,
        )
        for row in rows
    ]


def duty(actor: Actor) -> DutyView:
    """Return who is mailed of overdue questions.

    Raises:
        Forbidden: the actor may not read tracebacks.
    """
    actor.require(Permission.TRACEBACK_READ)
    rows = list(DutyPerson.objects.order_by("since").values_list("person_id", "email"))
    return DutyView(people=tuple(email for _, email in rows), own=actor.person_id in {one for one, _ in rows})


def take_duty(actor: Actor) -> None:
    """Have the actor mailed of overdue questions from now on.

    Raises:
        Forbidden: the actor may not act on tracebacks.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    with transaction.atomic():
        defaults = {"email": actor.email, "since": clock.now()}
        _row, fresh = DutyPerson.objects.get_or_create(person_id=actor.person_id, defaults=defaults)
        if fresh:
            audit.record(actor, Tag.DESK_DUTY_TAKEN, actor.person_id)


def leave_duty(actor: Actor) -> None:
    """Have the actor mailed no longer.

    Raises:
        Forbidden: the actor may not act on tracebacks.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    with transaction.atomic():
        if DutyPerson.objects.filter(person_id=actor.person_id).delete()[0]:
            audit.record(actor, Tag.DESK_DUTY_LEFT, actor.person_id)


def mail_desk(*, desk_url: str, now: datetime | None = None) -> int:
    """Mail those on duty of what the desk was told since the last mail; return how many were mailed. In the worker.

    What was answered meanwhile is left out; where nothing is left, nothing is sent.
    """
    now = now or clock.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('mails to the desk', 0))")
        last = DeskMail.objects.order_by("-at").first()
        if last is not None and now - last.at < APART:
            return 0
        fresh = Telling.objects.filter(way=TellingWay.DESK.value, id__gt=last.last_telling if last else 0)
        newest = fresh.order_by("-id").values_list("id", flat=True).first()
        if newest is None:
            return 0
        waiting = list(fresh.filter(**_WAITING).select_related("hop__provider").order_by("hop__final_due_at", "id"))
        people = _recipients() if waiting else []
        row = DeskMail.objects.create(at=now, last_telling=newest, questions=len(waiting), people=len(people))
        letter = letters.escalation(
            [_overdue(one) for one in waiting[:MOST_LISTED]], more=len(waiting), desk_url=desk_url
        )
        for person in people:
            outbox.queue_mail(
                key=f"desk {row.id} {person.id}",
                to=person.email,
                subject=letter.subject,
                text=letter.text,
                about=f"desk:{row.id}",
                organisation_id=person.organisation_id,
            )
        if people:
            detail = {"people": [one.email for one in people], "questions": [one.hop_id for one in waiting]}
            audit.record(_ACTOR, Tag.DESK_MAILED, str(row.id), detail)
    return len(people)


def _recipients() -> list[PersonView]:
    able = accounts.able(OrganisationKind.CONSORTIUM, Permission.TRACEBACK_OPEN)
    on_duty = set(DutyPerson.objects.values_list("person_id", flat=True))
    return [one for one in able if one.id in on_duty] or able


def _overdue(row: Telling) -> Overdue:
    hop = row.hop
    return Overdue(
        traceback_id=hop.traceback_id,
        question_id=hop.id,
        provider=hop.provider.name,
        legal_due_at=hop.legal_due_at,
        final_due_at=hop.final_due_at,
    )
