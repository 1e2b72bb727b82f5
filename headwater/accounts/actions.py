"""What is done to accounts: organisations, people, machine credentials, second factors. All audited."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts import rules
from headwater.accounts.actors import Actor
from headwater.accounts.models import CredentialKind, MachineCredential, Organisation, User
from headwater.accounts.permissions import OrganisationKind, Permission, Role
from headwater.accounts.queries import CredentialView, OrganisationView, PersonView, credential_view
from headwater.accounts.queries import organisation_view as _organisation_view
from headwater.accounts.queries import person_view as _person_view
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid, NotFound


@transaction.atomic
def create_organisation(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor,
    *,
    kind: OrganisationKind,
    name: str,
    state: str = "",
    address: str = "",
    time_zone: str = "America/New_York",
) -> OrganisationView:
    """Register an organisation. ``state`` is the jurisdiction of a state agency, "" for a federal one.

    Raises:
        Forbidden: The actor may not manage accounts.
        Invalid: The name is empty, or the state or the zone is unknown.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    rules.check_organisation(name=name, state=state, time_zone=time_zone)
    row = Organisation.objects.create(
        kind=kind, name=name.strip(), state=state, address=address, time_zone=time_zone, created_at=clock.now()
    )
    record(actor, Tag.ORGANISATION_CREATED, row.id, {"kind": kind.value, "name": row.name, "state": state})
    return _organisation_view(row)


@transaction.atomic
def create_person(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor, *, organisation_id: str, email: str, name: str, role: Role, password: str, title: str = ""
) -> PersonView:
    """Register a person of an organisation. At the first sign-in they enrol their second factor.

    Raises:
        Forbidden: The actor may not manage accounts.
        NotFound: There is no such organisation.
        Invalid: The address is none, the password is weak, or the role is not one of such an organisation.
        Conflict: Somebody signs in with that address already.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    organisation = _organisation(organisation_id)
    rules.check_role(role, OrganisationKind(organisation.kind))
    user = User(
        email=email.strip().lower(),
        name=name.strip(),
        title=title.strip(),
        organisation=organisation,
        role=role,
        created_at=clock.now(),
    )
    _check_sign_in(user, password)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        message = f"{user.email} is registered already. Give the person another address, or change the one there."
        raise Conflict(message) from error
    record(
        actor,
        Tag.ACCOUNT_PERSON_CREATED,
        user.id,
        {"email": user.email, "organisation": organisation.id, "role": role.value},
    )
    return _person_view(user)


@transaction.atomic
def set_role(actor: Actor, *, email: str, role: Role) -> PersonView:
    """Give a person another role of their kind of organisation."""
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(email)
    rules.check_role(role, OrganisationKind(user.organisation.kind))
    before, user.role = user.role, role
    user.save(update_fields=["role"])
    record(actor, Tag.ACCOUNT_ROLE_CHANGED, user.id, {"from": before, "to": role.value})
    return _person_view(user)


@transaction.atomic
def deactivate_person(actor: Actor, *, email: str) -> PersonView:
    """Close a person's account: they can no longer sign in, and an open session ends at its next request."""
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(email)
    user.is_active = False
    user.save(update_fields=["is_active"])
    record(actor, Tag.ACCOUNT_PERSON_DEACTIVATED, user.id, {"email": user.email})
    return _person_view(user)


@transaction.atomic
def set_password(actor: Actor, *, email: str, password: str) -> PersonView:
    """Set a person's password, for one who lost it. Their open sessions end."""
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(email)
    _check_sign_in(user, password)
    user.set_password(password)
    user.save(update_fields=["password"])
    record(actor, Tag.ACCOUNT_PASSWORD_SET, user.id, {"email": user.email})
    return _person_view(user)


@transaction.atomic
def enrol_totp(actor: Actor, *, email: str, secret: str | None = None) -> str:
    """Give a person a time-based second factor (RFC 6238: SHA-1, six digits, 30 s) and return its base-32 secret.

    For an operator who sets accounts up. People enrol themselves at their first sign-in.

    Raises:
        Conflict: The person has one already; remove it first with ``reset_second_factor``.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(email)
    if Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        message = f"{user.email} has a second factor already. Reset it first."
        raise Conflict(message)
    secret = secret or generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    record(actor, Tag.ACCOUNT_SECOND_FACTOR_ENROLLED, user.id, {"email": user.email, "by": "operator"})
    return secret


@transaction.atomic
def reset_second_factor(actor: Actor, *, email: str) -> int:
    """Remove a person's second factors; return how many. At the next sign-in they enrol anew."""
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(email)
    removed = int(Authenticator.objects.filter(user=user).delete()[0])
    record(actor, Tag.ACCOUNT_SECOND_FACTOR_RESET, user.id, {"email": user.email, "removed": removed})
    return removed


@transaction.atomic
def issue_credential(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor,
    *,
    organisation_id: str,
    kind: CredentialKind | str,
    name: str,
    source_kind: str,
    source_addresses: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[CredentialView, str]:
    """Issue a machine credential; return it and its token ``hwf_<id>_<secret>``, which is shown this once.

    Only the SHA-256 of the secret is kept: it holds 256 random bits, so a slow hash would add nothing.

    Args:
        actor: Who issues it.
        organisation_id: Whose machine shows it.
        kind: What it opens.
        name: What people call it.
        source_kind: ``calls.records.SourceKind`` that its records get.
        source_addresses: CIDR blocks that a HEP sender without a key may send from.
        expires_at: Aware instant of its end; without one it holds until revoked.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    organisation = _organisation(organisation_id)
    kind = _credential_kind(kind)
    blocks = rules.check_addresses(source_addresses)
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        message = f"The credential {name!r} would have expired at {expires_at.isoformat()}. Give a later time."
        raise Invalid(message)
    secret = secrets.token_urlsafe(32)
    row = MachineCredential.objects.create(
        organisation=organisation,
        kind=kind,
        name=name.strip(),
        source_kind=source_kind,
        secret_sha256=sha256(secret.encode()).hexdigest(),
        source_addresses=blocks,
        created_at=now,
        expires_at=expires_at,
    )
    record(
        actor,
        Tag.CREDENTIAL_ISSUED,
        row.id,
        {"organisation": organisation.id, "kind": row.kind, "name": row.name, "source_addresses": blocks},
    )
    return credential_view(row), rules.token(row.id, secret)


@transaction.atomic
def revoke_credential(actor: Actor, *, credential_id: str) -> CredentialView:
    """End a machine credential from now on. Revoking it twice changes nothing."""
    actor.require(Permission.ACCOUNT_MANAGE)
    row = MachineCredential.objects.select_for_update(no_key=True).filter(id=credential_id).first()
    if row is None:
        message = f"There is no credential {credential_id}."
        raise NotFound(message)
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        row.save(update_fields=["revoked_at"])
        record(actor, Tag.CREDENTIAL_REVOKED, row.id, {"name": row.name})
    return credential_view(row)


def _organisation(organisation_id: str) -> Organisation:
    row = Organisation.objects.filter(id=organisation_id).first()
    if row is None:
        message = f"There is no organisation {organisation_id}."
        raise NotFound(message)
    return row


def _credential_kind(kind: str) -> CredentialKind:
    try:
        return CredentialKind(kind)
    except ValueError as error:
        message = f"{kind!r} is no kind of credential. There are: {', '.join(CredentialKind.values)}."
        raise Invalid(message) from error


def _person(email: str) -> User:
    row = (
        User.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organisation")
        .filter(email=email.lower())
        .first()
    )
    if row is None:
        message = f"Nobody signs in as {email}."
        raise NotFound(message)
    return row


def _check_sign_in(user: User, password: str) -> None:
    try:
        validate_email(user.email)
        validate_password(password, user)
    except ValidationError as error:
        message = f"{user.email or 'The person'} cannot be registered: {' '.join(error.messages)}"
        raise Invalid(message) from error
