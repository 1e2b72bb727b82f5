"""Whom a provider wants to be asked and reminded: kept by its own people, or by the operator."""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid, NotFound
from headwater.providers.models import Contact, ContactTier, Provider

#: Contacts of one provider: a list of people, not a mailing list.
MOST = 20


class ContactNotFound(NotFound):
    """There is no such contact of the actor's provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """Somebody who is written to."""

    id: str
    """"" for the address of the register, which has no row of its own."""
    name: str
    email: str
    tier: ContactTier
    created_at: datetime | None = None
    created_by: str = ""


def of_provider(provider_id: str) -> tuple[ContactView, ...]:
    """Return whom to write to, for the part of Headwater that does; the register's address where nobody is named."""
    rows = Contact.objects.filter(provider_id=provider_id, removed_at=None).order_by("created_at", "id")
    found = tuple(_view(row) for row in rows)
    if any(one.tier is ContactTier.FIRST for one in found):
        return found
    fallback = Provider.objects.filter(id=provider_id).values_list("contact_email", flat=True).first()
    if not fallback:
        return found
    return (ContactView(id="", name="Traceback contact", email=fallback, tier=ContactTier.FIRST), *found)


def own(actor: Actor) -> tuple[ContactView, ...]:
    """Return the contacts of the actor's own provider.

    Raises:
        Forbidden: the actor may not keep contacts.
    """
    actor.require(Permission.CONTACT_WRITE)
    return of_provider(actor.provider_id) if actor.provider_id else ()


def add(actor: Actor, *, name: str, email: str, tier: ContactTier, provider_id: str = "") -> ContactView:
    """Name somebody who is written to. ``provider_id`` is for the operator; people add to their own provider.

    Raises:
        Invalid: name or address is none, or there are 20 already.
        Conflict: the address stands in that tier already.
        ContactNotFound: the actor has no provider.
    """
    actor.require(Permission.CONTACT_WRITE)
    whose = _whose(actor, provider_id)
    try:
        validate_email(email.strip())
    except ValidationError:
        raise Invalid(f"{email[:80]!r} is no mail address.") from None
    if not name.strip():
        raise Invalid("Say who reads this address, by name or role.")
    try:
        with transaction.atomic():
            if Contact.objects.filter(provider_id=whose, removed_at=None).count() >= MOST:
                raise Invalid(f"A provider names at most {MOST} contacts; remove one first.")
            row = Contact.objects.create(
                provider_id=whose,
                name=name.strip()[:200],
                email=email.strip().lower(),
                tier=tier.value,
                created_at=clock.now(),
                created_by=actor.label,
            )
            audit.record(actor, Tag.CONTACT_ADDED, whose, {"contact": row.id, "email": row.email, "tier": row.tier})
    except IntegrityError:
        raise Conflict(f"{email.strip()} is named for that already.") from None
    return _view(row)


def remove(actor: Actor, contact_id: str) -> None:
    """Write to a contact no more.

    Raises:
        ContactNotFound: it is none of the actor's provider.
    """
    actor.require(Permission.CONTACT_WRITE)
    with transaction.atomic():
        rows = Contact.objects.select_for_update(no_key=True).filter(id=contact_id, removed_at=None)
        row = (rows.filter(provider_id=actor.provider_id) if not _is_operator(actor) else rows).first()
        if row is None:
            raise ContactNotFound(f"There is no contact {contact_id[:32]} of yours.")
        row.removed_at = clock.now()
        row.save(update_fields=["removed_at"])
        audit.record(actor, Tag.CONTACT_REMOVED, row.provider_id, {"contact": row.id, "email": row.email})


def _is_operator(actor: Actor) -> bool:
    return actor.may(Permission.PROVIDER_WRITE)


def _whose(actor: Actor, provider_id: str) -> str:
    whose = provider_id if _is_operator(actor) and provider_id else actor.provider_id
    if not whose or not Provider.objects.filter(id=whose).exists():
        raise ContactNotFound("Your organisation is no provider of the register: ask the consortium.")
    return whose


def _view(row: Contact) -> ContactView:
    return ContactView(
        id=row.id,
        name=row.name,
        email=row.email,
        tier=ContactTier(row.tier),
        created_at=row.created_at,
        created_by=row.created_by,
    )
