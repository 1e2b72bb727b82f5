"""What is done to accounts: organisations, their domains, people, second factors. All audited."""

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts import addresses, rules
from headwater.accounts.actors import Actor
from headwater.accounts.models import ContactCheck, Organisation, User, VerifiedDomain, new_salt
from headwater.accounts.permissions import OrganisationKind, Permission, Role
from headwater.accounts.queries import OrganisationView, PersonView
from headwater.accounts.queries import organisation_view as _organisation_view
from headwater.accounts.queries import person_view as _person_view
from headwater.accounts.rules import ContactWay
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid, NotFound
from headwater.numbering.numbers import CalledNumbers


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

    For the operator, who answers for the person. Everybody else is invited (``accounts.invitations``) and confirmed by
    a second way of contact (``accounts.confirming``).

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
        confirmed_at=clock.now(),
    )
    _check_sign_in(user, password)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        message = f"{user.email} is registered already. Give the person another address, or change the one there."
        raise Conflict(message) from error
    ContactCheck.objects.create(
        person=user,
        way=ContactWay.OPERATOR,
        checked_by=actor.label,
        created_at=user.created_at,
        passed_at=user.created_at,
    )
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
def set_password(actor: Actor, *, email: str, password: str) -> PersonView:
    """Set a person's password, for one who lost it. Their open sessions end."""
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(email)
    _check_sign_in(user, password)
    user.set_password(password)
    user.session_salt = new_salt()
    user.save(update_fields=["password", "session_salt"])
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
    """Remove a person's second factors; return how many.

    Their sessions end, at the next sign-in they enrol anew, and a second way of contact is checked again before
    anything opens: whoever had the password alone could otherwise enrol a factor of their own.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    user = _person(email)
    removed = int(Authenticator.objects.filter(user=user).delete()[0])
    user.session_salt = new_salt()
    # Whoever holds the password alone could enrol a factor of theirs: the person is made sure of again.
    user.confirmed_at = None
    user.save(update_fields=["session_salt", "confirmed_at"])
    record(actor, Tag.ACCOUNT_SECOND_FACTOR_RESET, user.id, {"email": user.email, "removed": removed})
    return removed


@transaction.atomic
def edit_organisation(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor, *, organisation_id: str, name: str, state: str, address: str, time_zone: str
) -> OrganisationView:
    """Correct an organisation's name, state, address and time zone. Its kind stays: roles hang on it."""
    actor.require(Permission.ACCOUNT_MANAGE)
    rules.check_organisation(name=name, state=state, time_zone=time_zone)
    row = _organisation(organisation_id)
    new = {"name": name.strip(), "state": state, "address": address.strip(), "time_zone": time_zone}
    changed = {field: [getattr(row, field), value] for field, value in new.items() if getattr(row, field) != value}
    if changed:
        for field, value in new.items():
            setattr(row, field, value)
        row.save(update_fields=list(new))
        record(actor, Tag.ORGANISATION_CHANGED, row.id, {"changed": changed})
    return _organisation_view(row)


@transaction.atomic
def keep_called_numbers(actor: Actor, *, organisation_id: str, rule: CalledNumbers) -> OrganisationView:
    """Say what is kept of the called numbers that an organisation sends from now on; what is stored stays.

    Raises:
        Forbidden: The actor may not manage accounts.
        NotFound: There is no such organisation.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    row = _organisation(organisation_id)
    before, row.called_numbers = row.called_numbers, rule.value
    row.save(update_fields=["called_numbers"])
    record(actor, Tag.ORGANISATION_CHANGED, row.id, {"changed": {"called_numbers": [before, rule.value]}})
    return _organisation_view(row)


@transaction.atomic
def verify_domain(actor: Actor, *, organisation_id: str, domain: str, how: str) -> str:
    """Record that a mail domain was found to be an organisation's own, and how; return it in canonical form.

    Raises:
        Invalid: It is no domain, anybody may have an address there, or nothing is said of how it was verified.
        Conflict: It stands in the list already.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    row = _organisation(organisation_id)
    domain = addresses.check_domain(domain)
    if not how.strip():
        raise Invalid("Say how the domain was verified: a record needs more than that somebody believed it.")
    if VerifiedDomain.objects.filter(organisation=row, domain=domain, withdrawn_at=None).exists():
        raise Conflict(f"{domain} stands in the list of {row.name} already.")
    VerifiedDomain.objects.create(
        organisation=row, domain=domain, how=how.strip(), checked_by=actor.label, checked_at=clock.now()
    )
    record(actor, Tag.ORGANISATION_DOMAIN_VERIFIED, row.id, {"domain": domain, "how": how.strip()})
    return domain


@transaction.atomic
def withdraw_domain(actor: Actor, *, organisation_id: str, domain: str) -> None:
    """Take a domain off an organisation's list: no further invitation goes there. The entry stays, with its end."""
    actor.require(Permission.ACCOUNT_MANAGE)
    row = (
        VerifiedDomain.objects.select_for_update(no_key=True)
        .filter(organisation_id=organisation_id, domain=domain, withdrawn_at=None)
        .first()
    )
    if row is None:
        raise NotFound(f"{domain[:100]} does not stand in the list of that organisation.")
    row.withdrawn_at = clock.now()
    row.save(update_fields=["withdrawn_at"])
    record(actor, Tag.ORGANISATION_DOMAIN_WITHDRAWN, organisation_id, {"domain": domain})


def _organisation(organisation_id: str) -> Organisation:
    row = Organisation.objects.filter(id=organisation_id).first()
    if row is None:
        message = f"There is no organisation {organisation_id}."
        raise NotFound(message)
    return row


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
