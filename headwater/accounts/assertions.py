"""Answers of identity providers are taken once: what was taken is remembered until it would be too old anyway."""

from datetime import datetime
from hashlib import sha256

from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts.models import UsedAssertion
from headwater.errors import Unauthenticated


def take_once(provider_id: str, assertion_id: str, *, expires_at: datetime) -> None:
    """Note that an answer is taken now.

    Args:
        provider_id: Whose answer: identifiers are unique within one provider alone.
        assertion_id: The assertion's ID (SAML) or the token's nonce (OpenID Connect).
        expires_at: Aware instant after which the answer is refused as too old.

    Raises:
        Unauthenticated: It was taken before.
    """
    digest = sha256(f"{provider_id} {assertion_id}".encode()).hexdigest()
    try:
        with transaction.atomic():
            UsedAssertion.objects.create(digest=digest, expires_at=expires_at)
    except IntegrityError as error:
        raise Unauthenticated("This answer was used before. Sign in again at your organisation.") from error


def forget_old() -> int:
    """Delete what need not be remembered any more; return how many."""
    return int(UsedAssertion.objects.filter(expires_at__lt=clock.now()).delete()[0])
