"""Deputies, who act for a colleague until a date, and leavers, whose matters go to a colleague. Nothing is deleted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import Deputy, Handover, Invitation, MachineCredential, User, new_salt
from headwater.accounts.permissions import Permission
from headwater.accounts.queries import PersonView, person_view
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Forbidden, Invalid, NotFound

#: Longest time for which a deputy is appointed at once.
LONGEST: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeputyView:
    """That one person acts for another."""

    id: str
    person_id: str
    person_name: str
    person_email: str
    deputy_id: str
    deputy_name: str
    deputy_email: str
    reason: str
    appointed_by: str
    begins_at: datetime
    ends_at: datetime
    ended_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Tell whether the deputy may act at ``now``."""
        return self.ended_at is None and self.begins_at <= now < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What closing an account did."""

    person: PersonView
    successor: PersonView | None
    credentials: tuple[str, ...]
    """Identifiers of machine credentials that were revoked: the leaver had seen their secret."""


@transaction.atomic
def appoint(actor: Actor, *, person_email: str, deputy_email: str, ends_at: datetime, reason: str) -> DeputyView:
    """Let a colleague act for a person until ``ends_at``.

    A person appoints their own deputy; for somebody who is away, who looks after the accounts does.

    Raises:
        Forbidden: It is not the actor's to appoint.
        NotFound: One of the two is not there, or not of the actor's organisation.
        Invalid: They are of two organisations, the time is over or too long, or no reason is given.
        Conflict: One of the two accounts is closed or not confirmed.
    """
    person, deputy = _person(actor, person_email), _person(actor, deputy_email)
    _may_look_after(actor, person)
    now = clock.now()
    if person.organisation_id != deputy.organisation_id:
        raise Invalid("A deputy is a colleague: both must be of one organisation.")
    if person.id == deputy.id:
        raise Invalid("Nobody is their own deputy.")
    if not now < ends_at <= now + LONGEST:
        raise Invalid(f"The last day must lie ahead, at most {LONGEST.days} days.")
    if not reason.strip():
        raise Invalid("Say why, such as parental leave: the record shows it beside each act.")
    for each in (person, deputy):
        if not each.is_active or each.confirmed_at is None:
            raise Conflict(f"The account of {each.email} is not open.")
    row = Deputy.objects.create(
        person=person,
        deputy=deputy,
        reason=reason.strip(),
        appointed_by=actor.label,
        begins_at=now,
        ends_at=ends_at,
    )
    detail = {"for": person.email, "deputy": deputy.email, "ends_at": ends_at, "reason": row.reason}
    record(actor, Tag.ACCOUNT_DEPUTY_APPOINTED, row.id, detail)
    return _view(row)


@transaction.atomic
def end_deputy(actor: Actor, *, deputy_id: str) -> DeputyView:
    """End a deputy's right now: by either of the two, or by who looks after the accounts."""
    row = (
        Deputy.objects.select_for_update(of=("self",), no_key=True)
        .select_related("person", "deputy")
        .filter(id=deputy_id)
        .first()
    )
    if row is None or not _concerns(actor, row):
        raise NotFound(f"There is no deputy {deputy_id[:20]}.")
    if row.ended_at is None:
        row.ended_at = clock.now()
        row.save(update_fields=["ended_at"])
        record(actor, Tag.ACCOUNT_DEPUTY_ENDED, row.id, {"for": row.person.email, "deputy": row.deputy.email})
    return _view(row)


@transaction.atomic
def began_acting(actor: Actor, *, deputy_id: str) -> None:
    """Record that a deputy takes up acting in this session; ``actor`` acts for the person already."""
    record(actor, Tag.ACCOUNT_DEPUTY_BEGAN, deputy_id, {"for": actor.email})


def deputies(actor: Actor) -> list[DeputyView]:
    """Return the deputies that concern the actor: their own, and those they are; all for who looks after accounts."""
    rows = Deputy.objects.select_related("person", "deputy").order_by("-begins_at", "id")
    if actor.may(Permission.ACCOUNT_MANAGE_OWN):
        rows = rows.filter(person__organisation_id=actor.organisation_id)
    elif not actor.may(Permission.ACCOUNT_MANAGE):
        rows = rows.filter(Q(person_id=actor.person_id) | Q(deputy_id=actor.person_id))
    return [_view(row) for row in rows]


@transaction.atomic
def close(actor: Actor, *, email: str, reason: str, successor_email: str = "") -> Closed:
    """Close a leaver's account and hand their matters over.

    Their sessions end at once in every application, invitations and deputies end, machine credentials whose secret
    they saw are revoked. What they did stays under their name.

    Raises:
        Forbidden: It is not the actor's to close, or it is their own.
        NotFound: Nobody signs in with an address, or not in the actor's organisation.
        Invalid: No reason is given, or the successor is of another organisation.
        Conflict: The account is closed already, or the successor's is not open.
    """
    user = _person(actor, email, lock=True)
    if user.id == actor.person_id:
        raise Forbidden("Nobody closes their own account: a colleague must take over.")
    if not (actor.may(Permission.ACCOUNT_MANAGE) or actor.may(Permission.ACCOUNT_MANAGE_OWN)):
        actor.require(Permission.ACCOUNT_MANAGE_OWN)
    if not user.is_active:
        raise Conflict(f"The account of {user.email} is closed already.")
    if not reason.strip():
        raise Invalid("Say why the account is closed.")
    successor, now = _successor(actor, user, successor_email), clock.now()
    user.is_active, user.session_salt = False, new_salt()
    user.save(update_fields=["is_active", "session_salt"])
    Invitation.objects.filter(email=user.email, accepted_at=None, revoked_at=None).update(revoked_at=now)
    Deputy.objects.filter(Q(person=user) | Q(deputy=user), ended_at=None, ends_at__gt=now).update(ended_at=now)
    revoked = _revoke_what_they_saw(actor, user, now)
    detail = {"email": user.email, "reason": reason.strip(), "credentials_revoked": list(revoked)}
    record(actor, Tag.ACCOUNT_CLOSED, user.id, detail)
    if successor is not None:
        Handover.objects.create(leaver=user, successor=successor, reason=reason.strip(), by=actor.label, at=now)
        record(actor, Tag.ACCOUNT_HANDED_OVER, user.id, {"from": user.email, "to": successor.email})
    return Closed(
        person=person_view(user), successor=person_view(successor) if successor else None, credentials=revoked
    )


@transaction.atomic
def reopen(actor: Actor, *, email: str, reason: str) -> PersonView:
    """Open a closed account again. A second way of contact is checked anew before anything opens to it."""
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(actor, email, lock=True)
    if user.is_active:
        raise Conflict(f"The account of {user.email} is open.")
    if not reason.strip():
        raise Invalid("Say why the account is opened again.")
    user.is_active, user.confirmed_at, user.session_salt = True, None, new_salt()
    user.save(update_fields=["is_active", "confirmed_at", "session_salt"])
    record(actor, Tag.ACCOUNT_REOPENED, user.id, {"email": user.email, "reason": reason.strip()})
    return person_view(user)


def responsible_now(person_id: str) -> PersonView | None:
    """Return who answers now for a person's matters: they themselves, or who took over, or nobody."""
    seen: set[str] = set()
    row = User.objects.filter(id=person_id).first()
    while row is not None and not row.is_active and row.id not in seen:
        seen.add(row.id)
        handed = Handover.objects.select_related("successor").filter(leaver=row).order_by("-at").first()
        row = handed.successor if handed else None
    return person_view(row) if row is not None and row.is_active else None


def _successor(actor: Actor, leaver: User, email: str) -> User | None:
    if not email:
        return None
    successor = _person(actor, email)
    if successor.organisation_id != leaver.organisation_id or successor.id == leaver.id:
        raise Invalid("The matters go to a colleague of the same organisation.")
    if not successor.is_active or successor.confirmed_at is None:
        raise Conflict(f"The account of {successor.email} is not open; choose somebody else.")
    return successor


def _revoke_what_they_saw(actor: Actor, leaver: User, now: datetime) -> tuple[str, ...]:
    rows = MachineCredential.objects.select_for_update(no_key=True).filter(
        issued_by=f"user:{leaver.email}", revoked_at=None
    )
    ended = []
    for row in rows.order_by("id"):
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        record(actor, Tag.CREDENTIAL_REVOKED, row.id, {"name": row.name, "because": f"{leaver.email} left"})
        ended.append(row.id)
    return tuple(ended)


def _person(actor: Actor, email: str, *, lock: bool = False) -> User:
    rows = User.objects.select_for_update(of=("self",), no_key=True) if lock else User.objects.all()
    if not actor.may(Permission.ACCOUNT_MANAGE):
        rows = rows.filter(organisation_id=actor.organisation_id)
    row = rows.filter(email=email.strip().lower()).first()
    if row is None:
        raise NotFound(f"Nobody signs in as {email[:80]}.")
    return row


def _may_look_after(actor: Actor, person: User) -> None:
    if person.id != actor.person_id and not actor.may(Permission.ACCOUNT_MANAGE):
        actor.require(Permission.ACCOUNT_MANAGE_OWN)


def _concerns(actor: Actor, row: Deputy) -> bool:
    if actor.may(Permission.ACCOUNT_MANAGE) or actor.person_id in {row.person_id, row.deputy_id}:
        return True
    return actor.may(Permission.ACCOUNT_MANAGE_OWN) and row.person.organisation_id == actor.organisation_id


def _view(row: Deputy) -> DeputyView:
    return DeputyView(
        id=row.id,
        person_id=row.person_id,
        person_name=row.person.name,
        person_email=row.person.email,
        deputy_id=row.deputy_id,
        deputy_name=row.deputy.name,
        deputy_email=row.deputy.email,
        reason=row.reason,
        appointed_by=row.appointed_by,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
    )
