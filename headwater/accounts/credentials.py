"""Machine credentials: issued, shown, rotated with an overlap, revoked."""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db import transaction

from headwater import clock
from headwater.accounts import rules
from headwater.accounts.actors import Actor
from headwater.accounts.models import MachineCredential, Organisation
from headwater.accounts.permissions import OrganisationKind, Permission, Scope
from headwater.accounts.queries import CredentialView, credential_view
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid, NotFound

#: Longest time in which the secret before a rotation is still taken.
MAX_OVERLAP: Final = timedelta(days=30)
#: How exact ``last_used_at`` is: a use costs a write at most this often.
USE_NOTED_EVERY: Final = timedelta(minutes=1)


@transaction.atomic
def issue(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor,
    *,
    organisation_id: str,
    scopes: Iterable[Scope | str],
    name: str,
    source_kind: str = "",
    source_addresses: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[CredentialView, str]:
    """Issue a machine credential; return it and its token ``hwf_<id>_<secret>``, which is shown this once.

    Only the SHA-256 of the secret is kept: it holds 256 random bits, so a slow hash would add nothing.

    Args:
        actor: Who issues it: who manages accounts, or who looks after their own organisation.
        organisation_id: Whose machine shows it.
        scopes: What it opens.
        name: What people call it.
        source_kind: ``calls.records.SourceKind`` that its records get, where it sends any.
        source_addresses: CIDR blocks that a HEP sender without a key may send from.
        expires_at: Aware instant of its end; without one it holds until revoked.

    Raises:
        Forbidden: The actor may not.
        NotFound: There is no such organisation, or it is not theirs.
        Invalid: A scope does not fit the organisation, or the time is over.
    """
    organisation = _organisation(actor, organisation_id)
    asked = rules.check_scopes(scopes, OrganisationKind(organisation.kind), source_kind=source_kind)
    blocks = rules.check_addresses(source_addresses)
    now = clock.now()
    if not name.strip():
        raise Invalid("A credential needs a name, so that people know what ends when it is revoked.")
    if expires_at is not None and expires_at <= now:
        message = f"The credential {name!r} would have expired at {expires_at.isoformat()}. Give a later time."
        raise Invalid(message)
    secret = secrets.token_urlsafe(32)
    row = MachineCredential.objects.create(
        organisation=organisation,
        scopes=sorted(asked),
        name=name.strip(),
        source_kind=source_kind,
        secret_sha256=_digest(secret),
        source_addresses=blocks,
        issued_by=actor.label,
        created_at=now,
        expires_at=expires_at,
    )
    detail = {"organisation": organisation.id, "scopes": row.scopes, "name": row.name, "source_addresses": blocks}
    record(actor, Tag.CREDENTIAL_ISSUED, row.id, detail | {"expires_at": expires_at})
    return credential_view(row), rules.token(row.id, secret)


@transaction.atomic
def rotate(actor: Actor, *, credential_id: str, overlap: timedelta) -> tuple[CredentialView, str]:
    """Give a credential a new secret; the old one is taken for ``overlap`` more. Return it and the new token.

    Raises:
        Conflict: The credential has ended.
        Invalid: The overlap is negative or longer than 30 days.
    """
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise Invalid(f"The overlap must be between 0 and {MAX_OVERLAP.days} days.")
    row, now = _row(actor, credential_id), clock.now()
    if not rules.is_valid(now=now, expires_at=row.expires_at, revoked_at=row.revoked_at):
        raise Conflict(f"The credential {row.id} has ended; issue another.")
    secret = secrets.token_urlsafe(32)
    row.previous_sha256, row.previous_until = row.secret_sha256, now + overlap
    row.secret_sha256, row.rotated_at, row.issued_by = _digest(secret), now, actor.label
    row.save(update_fields=["previous_sha256", "previous_until", "secret_sha256", "rotated_at", "issued_by"])
    record(actor, Tag.CREDENTIAL_ROTATED, row.id, {"name": row.name, "old_until": row.previous_until})
    return credential_view(row), rules.token(row.id, secret)


@transaction.atomic
def revoke(actor: Actor, *, credential_id: str) -> CredentialView:
    """End a machine credential from now on. Revoking it twice changes nothing."""
    row = _row(actor, credential_id)
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        row.save(update_fields=["revoked_at"])
        record(actor, Tag.CREDENTIAL_REVOKED, row.id, {"name": row.name})
    return credential_view(row)


def shown(token: str) -> CredentialView | None:
    """Return the credential that ``token`` proves, and note that it was used.

    None where it proves nothing: wrong, unknown, expired and revoked look the same.
    """
    parsed = rules.parse_token(token)
    if parsed is None:
        return None
    row = MachineCredential.objects.select_related("organisation").filter(id=parsed.credential_id).first()
    digest, now = _digest(parsed.secret), clock.now()
    overlaps = row is not None and row.previous_until is not None and row.previous_until > now
    # Both are compared also where there is no such credential, so that the time tells nothing.
    proven = hmac.compare_digest(digest, row.secret_sha256 if row and row.secret_sha256 else "0" * 64)
    before = hmac.compare_digest(digest, row.previous_sha256 if row and row.previous_sha256 else "0" * 64)
    if row is None or not (proven or (before and overlaps)):
        return None
    if not rules.is_valid(now=now, expires_at=row.expires_at, revoked_at=row.revoked_at):
        return None
    if row.last_used_at is None or now - row.last_used_at >= USE_NOTED_EVERY:
        MachineCredential.objects.filter(id=row.id).update(last_used_at=now)
        row.last_used_at = now
    return credential_view(row)


def _organisation(actor: Actor, organisation_id: str) -> Organisation:
    if not actor.may(Permission.ACCOUNT_MANAGE):
        actor.require(Permission.ACCOUNT_MANAGE_OWN)
    row = Organisation.objects.filter(id=organisation_id).first()
    if row is None or not (actor.may(Permission.ACCOUNT_MANAGE) or row.id == actor.organisation_id):
        message = f"There is no organisation {organisation_id[:20]}."
        raise NotFound(message)
    return row


def _row(actor: Actor, credential_id: str) -> MachineCredential:
    if not actor.may(Permission.ACCOUNT_MANAGE):
        actor.require(Permission.ACCOUNT_MANAGE_OWN)
    row = (
        MachineCredential.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organisation")
        .filter(id=credential_id)
        .first()
    )
    if row is None or not (actor.may(Permission.ACCOUNT_MANAGE) or row.organisation_id == actor.organisation_id):
        message = f"There is no credential {credential_id[:20]}."
        raise NotFound(message)
    return row


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
