"""Who a person or a machine is: as an ``Actor``, and as frozen values for pages and doors."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from headwater import clock
from headwater.accounts import rules
from headwater.accounts.actors import Actor
from headwater.accounts.models import CredentialKind, MachineCredential, Organisation, User
from headwater.accounts.permissions import ROLE_PERMISSIONS, OrganisationKind, Permission, Role
from headwater.errors import NotFound


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialView:
    """A machine credential, without its secret."""

    id: str
    kind: CredentialKind
    name: str
    organisation_id: str
    organisation_kind: OrganisationKind
    organisation_name: str
    source_kind: str
    source_addresses: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> Actor:
        """The machine as an actor: it may send events and nothing else."""
        return Actor(
            label=f"credential:{self.id}",
            organisation_id=self.organisation_id,
            organisation_kind=self.organisation_kind,
            permissions=frozenset({Permission.EVENT_SEND}),
        )


def actor_of(user: User) -> Actor:
    """Return what ``user`` may do, from the permission table. A person without a role may do nothing."""
    organisation = user.organisation
    provider = getattr(organisation, "provider", None) if organisation.kind == OrganisationKind.PROVIDER else None
    return Actor(
        label=f"user:{user.email}",
        organisation_id=organisation.id,
        organisation_kind=OrganisationKind(organisation.kind),
        provider_id=provider.id if provider else "",
        permissions=ROLE_PERMISSIONS[Role(user.role)] if user.is_active else frozenset(),
    )


def credential_for_token(token: str) -> CredentialView | None:
    """Return the credential that ``token`` proves, or None: wrong, unknown, expired and revoked look the same."""
    parsed = rules.parse_token(token)
    if parsed is None:
        return None
    row = MachineCredential.objects.select_related("organisation").filter(id=parsed.credential_id).first()
    shown = sha256(parsed.secret.encode()).hexdigest()
    # Compared also where there is no such credential, so that the time tells nothing.
    proven = hmac.compare_digest(shown, row.secret_sha256 if row and row.secret_sha256 else "0" * 64)
    if row is None or not proven:
        return None
    if not rules.is_valid(now=clock.now(), expires_at=row.expires_at, revoked_at=row.revoked_at):
        return None
    return credential_view(row)


def hep_credentials() -> list[CredentialView]:
    """Return the valid credentials of HEP senders, for the listener to know them by address block."""
    now = clock.now()
    rows = MachineCredential.objects.select_related("organisation").filter(kind=CredentialKind.HEP).order_by("id")
    return [
        credential_view(row)
        for row in rows
        if rules.is_valid(now=now, expires_at=row.expires_at, revoked_at=row.revoked_at)
    ]


def credentials(actor: Actor) -> list[CredentialView]:
    """Return every machine credential, also ended ones, for the operator."""
    actor.require(Permission.ACCOUNT_MANAGE)
    return [credential_view(r) for r in MachineCredential.objects.select_related("organisation").order_by("created_at")]


def organisations(actor: Actor) -> list[OrganisationView]:
    """Return every organisation, for the operator."""
    actor.require(Permission.ACCOUNT_MANAGE)
    return [organisation_view(row) for row in Organisation.objects.order_by("created_at", "id")]


def people(actor: Actor) -> list[PersonView]:
    """Return every person, for the operator."""
    actor.require(Permission.ACCOUNT_MANAGE)
    return [person_view(row) for row in User.objects.order_by("created_at", "id")]


def person(actor: Actor, *, email: str) -> PersonView:
    """Return one person, for the operator.

    Raises:
        NotFound: Nobody signs in with that address.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    row = User.objects.filter(email=email.lower()).first()
    if row is None:
        message = f"Nobody signs in as {email}."
        raise NotFound(message)
    return person_view(row)


def organisation_names(ids: Iterable[str]) -> dict[str, str]:
    """Return the names of the organisations among ``ids``, for lists that show who sent something."""
    return dict(Organisation.objects.filter(id__in=list(ids)).values_list("id", "name"))


def agencies() -> list[OrganisationView]:
    """Return the agencies, for those parts of Headwater that tell them of campaigns."""
    rows = Organisation.objects.filter(kind=OrganisationKind.AGENCY).order_by("id")
    return [organisation_view(row) for row in rows]


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
    )


def credential_view(row: MachineCredential) -> CredentialView:
    """Return a credential's row as a value."""
    return CredentialView(
        id=row.id,
        kind=CredentialKind(row.kind),
        name=row.name,
        organisation_id=row.organisation_id,
        organisation_kind=OrganisationKind(row.organisation.kind),
        organisation_name=row.organisation.name,
        source_kind=row.source_kind,
        source_addresses=tuple(row.source_addresses),
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
