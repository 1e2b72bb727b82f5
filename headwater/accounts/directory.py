"""Organisations and people as the pages that manage them show: whole, with what happened to them."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q

from headwater.accounts import confirming, invitations, queries
from headwater.accounts.actors import Actor
from headwater.accounts.confirming import CheckView
from headwater.accounts.invitations import InvitationView
from headwater.accounts.leaving import DeputyView, deputies
from headwater.accounts.models import Handover, Organisation, User, VerifiedDomain
from headwater.accounts.permissions import Permission
from headwater.accounts.queries import CredentialView, OrganisationView, PersonView
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationLine:
    """An organisation in the list."""

    organisation: OrganisationView
    people: int
    """Open accounts."""
    unconfirmed: int
    """Of these, accounts whose second check of contact is to be made."""
    credentials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainView:
    """A verified mail domain."""

    domain: str
    how: str
    checked_by: str
    checked_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationPage:
    """An organisation with all that belongs to it."""

    organisation: OrganisationView
    domains: tuple[DomainView, ...]
    people: tuple[PersonView, ...]
    invitations: tuple[InvitationView, ...]
    credentials: tuple[CredentialView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverView:
    """That a leaver's matters went to a colleague."""

    leaver: str
    successor: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """A person with how they came in."""

    person: PersonView
    organisation: OrganisationView
    checks: tuple[CheckView, ...]
    deputies: tuple[DeputyView, ...]
    handovers: tuple[HandoverView, ...]
    colleagues: tuple[PersonView, ...]
    """Open accounts of the same organisation: who can take over."""


def lines(actor: Actor) -> list[OrganisationLine]:
    """Return every organisation with its counts, by name."""
    actor.require(Permission.ACCOUNT_MANAGE)
    rows = Organisation.objects.annotate(
        open_people=Count("people", filter=Q(people__is_active=True), distinct=True),
        unconfirmed=Count("people", filter=Q(people__is_active=True, people__confirmed_at=None), distinct=True),
        standing=Count("credentials", filter=Q(credentials__revoked_at=None), distinct=True),
    )
    return [
        OrganisationLine(
            organisation=queries.organisation_view(row),
            people=row.open_people,
            unconfirmed=row.unconfirmed,
            credentials=row.standing,
        )
        for row in rows.order_by("kind", "name", "id")
    ]


def organisation_page(actor: Actor, organisation_id: str) -> OrganisationPage:
    """Return one organisation with all that belongs to it; the look is audited.

    Raises:
        NotFound: There is no such organisation.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    with transaction.atomic():
        view = queries.organisation(actor, organisation_id)
        people = User.objects.filter(organisation_id=view.id).order_by("-is_active", "name", "id")
        found = OrganisationPage(
            organisation=view,
            domains=tuple(
                DomainView(
                    domain=row.domain,
                    how=row.how,
                    checked_by=row.checked_by,
                    checked_at=row.checked_at,
                    withdrawn_at=row.withdrawn_at,
                )
                for row in VerifiedDomain.objects.filter(organisation_id=view.id).order_by("withdrawn_at", "domain")
            ),
            people=tuple(queries.person_view(row) for row in people),
            invitations=tuple(invitations.of_organisation(actor, view.id)),
            credentials=tuple(each for each in queries.credentials(actor) if each.organisation_id == view.id),
        )
        record(actor, Tag.ORGANISATION_VIEWED, view.id)
    return found


def person_page(actor: Actor, person_id: str) -> PersonPage:
    """Return one person with how they came in.

    Raises:
        NotFound: There is no such person.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    row = User.objects.select_related("organisation").filter(id=person_id).first()
    if row is None:
        raise NotFound(f"There is no person {person_id[:20]}.")
    handed = Handover.objects.select_related("leaver", "successor").filter(Q(leaver=row) | Q(successor=row))
    colleagues = User.objects.filter(organisation_id=row.organisation_id, is_active=True).exclude(
        Q(id=row.id) | Q(confirmed_at=None)
    )
    return PersonPage(
        person=queries.person_view(row),
        organisation=queries.organisation_view(row.organisation),
        checks=tuple(confirming.checks(actor, person_id=row.id)),
        deputies=tuple(each for each in deputies(actor) if row.id in {each.person_id, each.deputy_id}),
        handovers=tuple(
            HandoverView(
                leaver=each.leaver.email, successor=each.successor.email, reason=each.reason, by=each.by, at=each.at
            )
            for each in handed.order_by("-at", "id")
        ),
        colleagues=tuple(queries.person_view(each) for each in colleagues.order_by("name", "id")),
    )
