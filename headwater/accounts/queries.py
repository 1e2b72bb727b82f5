"""Who a person or a machine is: as an ``Actor``, and as frozen values for pages and doors."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headwater import clock
from headwater.accounts import rules
from headwater.accounts.actors import Actor
from headwater.accounts.models import Deputy, Handover, MachineCredential, Organisation, User
from headwater.accounts.permission_words import words_of
from headwater.accounts.permissions import (
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    OrganisationKind,
    Permission,
    Role,
    Scope,
)
from headwater.errors import NotFound
from headwater.numbering.numbers import CalledNumbers

#: Leavers in a row whose matters one person can have come to answer for; more is a mistake in the record.
_LONGEST_CHAIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationView:
    """An organisation."""

    id: str
    kind: OrganisationKind
    name: str
    state: str
    address: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A person, without their secrets."""

    id: str
    email: str
    name: str
    title: str
    organisation_id: str
    role: Role
    is_active: bool
    confirmed_at: datetime | None = None
    """When a second way of contact was checked; None: nothing is open to them yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialView:
    """A machine credential, without its secret."""

    id: str
    scopes: frozenset[Scope]
    name: str
    organisation_id: str
    organisation_kind: OrganisationKind
    organisation_name: str
    called_numbers: CalledNumbers
    source_kind: str
    source_addresses: tuple[str, ...]
    issued_by: str
    created_at: datetime
    rotated_at: datetime | None
    previous_until: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def actor(self) -> Actor:
        """The machine as an actor: it may do what its scopes open, and nothing else."""
        return Actor(
            label=f"credential:{self.id}",
            organisation_id=self.organisation_id,
            organisation_kind=self.organisation_kind,
            permissions=frozenset().union(*(SCOPE_PERMISSIONS[scope] for scope in self.scopes)),
        )

    def state(self, now: datetime) -> str:
        """Return ``valid``, ``revoked`` or ``expired``."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


def actor_of(user: User) -> Actor:
    """Return what ``user`` may do, from the permission table.

    A person without a role may do nothing; nor may one whose second check of contact has not been made.
    """
    organisation = user.organisation
    provider = getattr(organisation, "provider", None) if organisation.kind == OrganisationKind.PROVIDER else None
    open_to = user.is_active and user.confirmed_at is not None
    return Actor(
        label=f"user:{user.email}",
        organisation_id=organisation.id,
        organisation_kind=OrganisationKind(organisation.kind),
        provider_id=provider.id if provider else "",
        permissions=ROLE_PERMISSIONS[Role(user.role)] if open_to else frozenset(),
        person_id=user.id,
        email=user.email,
        answers_for=_answers_for(user.id),
    )


def deputy_actor(user: User, deputy_id: str) -> Actor | None:
    """Return ``user`` acting for the person who made them a deputy, or None where that does not hold now."""
    row = (
        Deputy.objects.select_related("person__organisation")
        .filter(id=deputy_id, deputy_id=user.id, ended_at=None, begins_at__lte=clock.now(), ends_at__gt=clock.now())
        .first()
    )
    if row is None or row.person.organisation_id != user.organisation_id or not actor_of(user).permissions:
        return None
    theirs = actor_of(row.person)
    return Actor(
        label=f"user:{user.email} for {row.person.email}",
        organisation_id=theirs.organisation_id,
        organisation_kind=theirs.organisation_kind,
        provider_id=theirs.provider_id,
        # What guards the accounts themselves is nobody's to lend.
        permissions=theirs.permissions
        - {Permission.ACCOUNT_MANAGE, Permission.ACCOUNT_MANAGE_OWN, Permission.ACCOUNT_CONFIRM},
        person_id=theirs.person_id,
        email=theirs.email,
        answers_for=theirs.answers_for,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """One thing that a person may do."""

    permission: Permission
    words: str


def granted(user: User) -> list[Granted]:
    """Return what ``user`` may do, in plain words, in alphabetical order."""
    return [Granted(permission=each, words=words_of(each)) for each in sorted(actor_of(user).permissions)]


def _answers_for(person_id: str) -> frozenset[str]:
    """Return the people whose matters are now ``person_id``'s: leavers hand over, and their successors leave too."""
    found, asked = {person_id}, {person_id}
    for _ in range(_LONGEST_CHAIN):
        asked = set(Handover.objects.filter(successor_id__in=asked).values_list("leaver_id", flat=True)) - found
        if not asked:
            break
        found |= asked
    return frozenset(found)


def hep_credentials() -> list[CredentialView]:
    """Return the valid credentials of HEP senders, for the listener to know them by address block."""
    now = clock.now()
    rows = MachineCredential.objects.select_related("organisation").filter(scopes__contains=[Scope.HEP]).order_by("id")
    return [
        credential_view(row)
        for row in rows
        if rules.is_valid(now=now, expires_at=row.expires_at, revoked_at=row.revoked_at)
    ]


def credentials(actor: Actor) -> list[CredentialView]:
    """Return machine credentials, also ended ones: all for who manages accounts, else one's own organisation's."""
    rows = MachineCredential.objects.select_related("organisation").order_by("created_at")
    if not actor.may(Permission.ACCOUNT_MANAGE):
        actor.require(Permission.ACCOUNT_MANAGE_OWN)
        rows = rows.filter(organisation_id=actor.organisation_id)
    return [credential_view(row) for row in rows]


def organisations(actor: Actor) -> list[OrganisationView]:
    """Return every organisation, for who manages accounts."""
    actor.require(Permission.ACCOUNT_MANAGE)
    return [organisation_view(row) for row in Organisation.objects.order_by("created_at", "id")]


def organisation(actor: Actor, organisation_id: str) -> OrganisationView:
    """Return one organisation.

    Raises:
        NotFound: There is none, or it is another's and the actor looks after their own alone.
    """
    if not actor.may(Permission.ACCOUNT_MANAGE):
        actor.require(Permission.ACCOUNT_MANAGE_OWN)
    row = Organisation.objects.filter(id=organisation_id).first()
    if row is None or not (actor.may(Permission.ACCOUNT_MANAGE) or row.id == actor.organisation_id):
        message = f"There is no organisation {organisation_id[:20]}."
        raise NotFound(message)
    return organisation_view(row)


def people(actor: Actor) -> list[PersonView]:
    """Return every person, for who manages accounts."""
    actor.require(Permission.ACCOUNT_MANAGE)
    return [person_view(row) for row in User.objects.order_by("created_at", "id")]


def colleagues(actor: Actor) -> list[PersonView]:
    """Return the people of the actor's own organisation, for those who confirm them or look after them."""
    if not actor.may(Permission.ACCOUNT_MANAGE_OWN):
        actor.require(Permission.ACCOUNT_CONFIRM)
    rows = User.objects.filter(organisation_id=actor.organisation_id).order_by("name", "id")
    return [person_view(row) for row in rows]


def person(actor: Actor, *, email: str) -> PersonView:
    """Return one person, for who manages accounts.

    Raises:
        NotFound: Nobody signs in with that address.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    row = User.objects.filter(email=email.lower()).first()
    if row is None:
        message = f"Nobody signs in as {email}."
        raise NotFound(message)
    return person_view(row)


def called_numbers_of(organisation_id: str) -> CalledNumbers:
    """Return what is kept of the called numbers that an organisation sends; of one that is unknown, nothing."""
    found = Organisation.objects.filter(id=organisation_id).values_list("called_numbers", flat=True).first()
    return CalledNumbers(found) if found else CalledNumbers.DROPPED


def organisation_names(ids: Iterable[str]) -> dict[str, str]:
    """Return the names of the organisations among ``ids``, for lists that show who sent something."""
    return dict(Organisation.objects.filter(id__in=list(ids)).values_list("id", "name"))


def agencies() -> list[OrganisationView]:
    """Return the agencies, for those parts of Headwater that tell them of campaigns."""
    rows = Organisation.objects.filter(kind=OrganisationKind.AGENCY).order_by("id")
    return [organisation_view(row) for row in rows]


def able(kind: OrganisationKind, permission: Permission) -> list[PersonView]:
    """Return the people of one kind of organisation who may do something now, for those parts that write to them."""
    roles = [role.value for role, given in ROLE_PERMISSIONS.items() if permission in given]
    rows = User.objects.filter(organisation__kind=kind, role__in=roles, is_active=True, confirmed_at__isnull=False)
    return [person_view(row) for row in rows.order_by("id")]


def organisation_view(row: Organisation) -> OrganisationView:
    """Return an organisation's row as a value."""
    return OrganisationView(
        id=row.id,
        kind=OrganisationKind(row.kind),
        name=row.name,
        state=row.state,
        address=row.address,
        time_zone=row.time_zone,
    )


def person_view(row: User) -> PersonView:
    """Return a person's row as a value."""
    return PersonView(
        id=row.id,
        email=row.email,
        name=row.name,
        title=row.title,
        organisation_id=row.organisation_id,
        role=Role(row.role),
        is_active=row.is_active,
        confirmed_at=row.confirmed_at,
    )


def credential_view(row: MachineCredential) -> CredentialView:
    """Return a credential's row as a value."""
    return CredentialView(
        id=row.id,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        name=row.name,
        organisation_id=row.organisation_id,
        organisation_kind=OrganisationKind(row.organisation.kind),
        organisation_name=row.organisation.name,
        called_numbers=CalledNumbers(row.organisation.called_numbers),
        source_kind=row.source_kind,
        source_addresses=tuple(row.source_addresses),
        issued_by=row.issued_by,
        created_at=row.created_at,
        rotated_at=row.rotated_at,
        previous_until=row.previous_until,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
