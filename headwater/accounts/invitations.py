"""One-time links: to join an organisation, or to set a new password. Mailed through the outbox, held as a hash.

Whose address may be invited is ruled by ``addresses.check_invited``. An accepted invitation opens nothing yet: a
second way of contact is checked first (``accounts.confirming``).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts import addresses, letters, rules
from headwater.accounts.actors import Actor
from headwater.accounts.models import Invitation, Organisation, User, VerifiedDomain, new_salt
from headwater.accounts.permissions import ROLE_ORGANISATION, OrganisationKind, Permission, Role
from headwater.accounts.queries import PersonView, person_view
from headwater.accounts.rules import InvitationPurpose
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid, NotFound
from headwater.jobs import Job, defer
from headwater.outbox import actions as outbox

HOLDS: Final = {InvitationPurpose.JOIN: timedelta(hours=72), InvitationPurpose.PASSWORD: timedelta(hours=1)}
#: New-password links to one person in an hour.
MOST_LINKS_AN_HOUR: Final = 3
#: Longest token that is looked at.
_MAX_TOKEN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """An invitation, without its token."""

    id: str
    purpose: InvitationPurpose
    organisation_id: str
    organisation_name: str
    email: str
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return ``accepted``, ``revoked``, ``expired`` or ``waiting``."""
        if self.accepted_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now else "waiting"


@transaction.atomic
def invite(actor: Actor, *, organisation_id: str, email: str, name: str, role: Role, title: str = "") -> InvitationView:  # noqa: PLR0913 - one argument a column
    """Invite a person to an organisation by mail. A link that was sent to them before stops working.

    Raises:
        Forbidden: The actor may not manage accounts.
        NotFound: There is no such organisation.
        Invalid: The address is not one that may be invited there, or the role is of another kind of organisation.
        Conflict: Somebody signs in with that address already.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    organisation = Organisation.objects.filter(id=organisation_id).first()
    if organisation is None:
        raise NotFound(f"There is no organisation {organisation_id[:20]}.")
    email, kind = _address(email), OrganisationKind(organisation.kind)
    rules.check_role(role, kind)
    if not name.strip():
        raise Invalid("Give the person's name: they are spoken to by it, and packages name them.")
    domains = VerifiedDomain.objects.filter(organisation=organisation, withdrawn_at=None)
    basis = addresses.check_invited(email, kind=kind, domains=set(domains.values_list("domain", flat=True)))
    if User.objects.filter(email=email).exists():
        raise Conflict(f"{email} signs in already. To help somebody who lost their password, send a password link.")
    _revoke_standing(email, InvitationPurpose.JOIN)
    row, token = _create(
        actor, InvitationPurpose.JOIN, organisation, email=email, name=name.strip(), role=role, title=title.strip()
    )
    _mail(row, token)
    detail = {"organisation": organisation.id, "email": email, "role": role.value, "address_by": basis}
    record(actor, Tag.ACCOUNT_INVITED, row.id, detail | {"expires_at": row.expires_at})
    return view(row)


@transaction.atomic
def revoke(actor: Actor, *, invitation_id: str) -> InvitationView:
    """Take an invitation back: its link stops working. Revoking it twice changes nothing.

    Raises:
        NotFound: There is no such invitation.
        Conflict: It was accepted; close the account instead.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    row = (
        Invitation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organisation")
        .filter(id=invitation_id)
        .first()
    )
    if row is None:
        raise NotFound(f"There is no invitation {invitation_id[:20]}.")
    if row.accepted_at is not None:
        raise Conflict(f"{row.email} has accepted already. Close the account instead.")
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        row.save(update_fields=["revoked_at"])
        record(actor, Tag.ACCOUNT_INVITATION_REVOKED, row.id, {"email": row.email})
    return view(row)


def open_link(token: str, *, here: OrganisationKind) -> InvitationView | None:
    """Return what a link is for, or None: wrong, used, revoked, expired and of another application look the same."""
    row = _standing(token, here=here)
    return view(row) if row else None


@transaction.atomic
def accept(token: str, *, here: OrganisationKind, password: str, address: str = "") -> PersonView:
    """Take a link: register the person with their password, or set the new one. The link is used up.

    Args:
        token: What the link holds.
        here: The audience of the application at which it is opened.
        password: The person's choice.
        address: From where, for the audit.

    Raises:
        NotFound: The link holds no longer: used, revoked, expired, or never one.
        Invalid: The password is weak or known from a breach.
        Conflict: Somebody signs in with that address by now.
    """
    row = _standing(token, here=here, lock=True)
    if row is None:
        raise NotFound("This link holds no longer. If you used it already, sign in; else ask for a new one.")
    joining = row.purpose == InvitationPurpose.JOIN
    user = _joining(row) if joining else row.person
    assert user is not None  # noqa: S101 - a password link names its person; the model's constraint holds it
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error
    user.set_password(password)
    if joining:
        _save(user)
    else:
        user.session_salt = new_salt()
        user.save(update_fields=["password", "session_salt"])
    row.accepted_at, row.person = clock.now(), user
    row.save(update_fields=["accepted_at", "person"])
    who = Actor(label=f"user:{user.email}", organisation_id=user.organisation_id, person_id=user.id)
    tag = Tag.ACCOUNT_INVITATION_ACCEPTED if joining else Tag.ACCOUNT_PASSWORD_CHANGED
    record(who, tag, user.id, {"invitation": row.id, "email": user.email, "address": address})
    return person_view(user)


def ask_for_password_link(email: str, *, application: str, address: str = "") -> None:
    """Have the worker mail a link to set a new password, where somebody signs in with ``email``.

    The same is done for every address, so that neither the answer nor its time tells who signs in here.

    Raises:
        Invalid: It is no mail address.
    """
    with transaction.atomic():
        defer(Job.SEND_PASSWORD_LINK, email=_address(email), application=application, address=address)


@transaction.atomic
def send_password_link(email: str, *, application: str, address: str = "") -> None:
    """Mail a link to set a new password to ``email``, where somebody signs in with it there; else do nothing.

    A few links an hour go out, so that nobody's mailbox is filled.
    """
    user = User.objects.select_related("organisation").filter(email=email, is_active=True).first()
    if user is None or rules.APPLICATION.get(OrganisationKind(user.organisation.kind)) != application:
        return
    lately = Invitation.objects.filter(
        person=user, purpose=InvitationPurpose.PASSWORD, created_at__gt=clock.now() - timedelta(hours=1)
    )
    if lately.count() >= MOST_LINKS_AN_HOUR:
        return
    who = Actor(label=f"visitor:{email}", organisation_id=user.organisation_id)
    row = _password_link(who, user)
    record(who, Tag.ACCOUNT_PASSWORD_LINK_SENT, user.id, {"invitation": row.id, "address": address})


@transaction.atomic
def send_help(actor: Actor, *, person_id: str) -> InvitationView:
    """Mail a person a link to set a new password, for who manages accounts.

    Raises:
        NotFound: There is no such person.
        Conflict: Their account is closed.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    user = User.objects.select_related("organisation").filter(id=person_id).first()
    if user is None:
        raise NotFound(f"There is no person {person_id[:20]}.")
    if not user.is_active:
        raise Conflict(f"The account of {user.email} is closed.")
    row = _password_link(actor, user)
    record(actor, Tag.ACCOUNT_PASSWORD_LINK_SENT, user.id, {"invitation": row.id})
    return view(row)


def _password_link(actor: Actor, user: User) -> Invitation:
    _revoke_standing(user.email, InvitationPurpose.PASSWORD)
    row, token = _create(
        actor,
        InvitationPurpose.PASSWORD,
        user.organisation,
        email=user.email,
        name=user.name,
        role=Role(user.role),
        person=user,
    )
    _mail(row, token)
    return row


def of_organisation(actor: Actor, organisation_id: str) -> list[InvitationView]:
    """Return the invitations of one organisation, the newest first."""
    actor.require(Permission.ACCOUNT_MANAGE)
    rows = Invitation.objects.select_related("organisation").filter(
        organisation_id=organisation_id, purpose=InvitationPurpose.JOIN
    )
    return [view(row) for row in rows.order_by("-created_at", "id")]


def view(row: Invitation) -> InvitationView:
    """Return an invitation's row as a value."""
    return InvitationView(
        id=row.id,
        purpose=InvitationPurpose(row.purpose),
        organisation_id=row.organisation_id,
        organisation_name=row.organisation.name,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
        revoked_at=row.revoked_at,
    )


def _address(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Invalid(f"{email[:80]!r} is no mail address.") from error
    return email


def _create(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor,
    purpose: InvitationPurpose,
    organisation: Organisation,
    *,
    email: str,
    name: str,
    role: Role,
    title: str = "",
    person: User | None = None,
) -> tuple[Invitation, str]:
    token, now = secrets.token_urlsafe(32), clock.now()
    row = Invitation.objects.create(
        organisation=organisation,
        purpose=purpose,
        email=email,
        name=name,
        title=title,
        role=role,
        token_sha256=_digest(token),
        person=person,
        created_by=actor.label,
        created_at=now,
        expires_at=now + HOLDS[purpose],
    )
    return row, token


def _revoke_standing(email: str, purpose: InvitationPurpose) -> None:
    Invitation.objects.filter(email=email, purpose=purpose, accepted_at=None, revoked_at=None).update(
        revoked_at=clock.now()
    )


def _mail(row: Invitation, token: str) -> None:
    # The address is the operator's setting, never what a request called us: a forged Host header leads nowhere.
    application = rules.APPLICATION[OrganisationKind(row.organisation.kind)]
    link = f"{settings.SITE_URLS[application]}/account/link/{token}/"
    until = row.expires_at
    if row.purpose == InvitationPurpose.JOIN:
        subject, text = letters.invitation(
            name=row.name, organisation=row.organisation.name, link=link, expires_at=until
        )
    else:
        subject, text = letters.new_password(name=row.name, link=link, expires_at=until)
    outbox.queue_mail(
        key=f"invitation:{row.id}",
        to=row.email,
        subject=subject,
        text=text,
        about=row.id,
        organisation_id=row.organisation_id,
        secret_part=link,
    )


def _standing(token: str, *, here: OrganisationKind, lock: bool = False) -> Invitation | None:
    if not token or len(token) > _MAX_TOKEN or not token.isascii():
        return None
    rows = Invitation.objects.select_related("organisation", "person__organisation")
    if lock:
        rows = rows.select_for_update(of=("self",), no_key=True)
    return rows.filter(
        token_sha256=_digest(token),
        organisation__kind=here,
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=clock.now(),
    ).first()


def _joining(row: Invitation) -> User:
    role = Role(row.role)
    if ROLE_ORGANISATION[role].value != row.organisation.kind:
        raise Conflict("The organisation's kind and the role no longer fit. Ask for a new invitation.")
    return User(
        email=row.email,
        name=row.name,
        title=row.title,
        organisation=row.organisation,
        role=role,
        created_at=clock.now(),
    )


def _save(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"{user.email} signs in already. Sign in, or ask for a new password.") from error


def _digest(token: str) -> str:
    # 256 random bits: a slow hash would add nothing.
    return sha256(token.encode()).hexdigest()
