"""What may be done with the register: take a provider in, register and revoke keys, let an agent sign in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction
from django.db.models import Q

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid
from headwater.providers import queries, signatures
from headwater.providers.models import AnswerChannel, Provider, ProviderKey, UsedToken
from headwater.providers.queries import KeyView, ProviderNotFound, ProviderView
from headwater.providers.signatures import Action, BadToken, Refusal, Request

#: An agent's poll is noted at most this often: it polls all the time.
_SEEN_EVERY = timedelta(seconds=10)


class ProviderExists(Conflict):
    """A provider of that code is in the register already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProvider:
    """What is known of a provider that is to be registered."""

    name: str
    spc: str
    country: str = "US"
    channel: AnswerChannel = AnswerChannel.PAGES
    organisation_id: str = ""
    """Of kind *provider*: its people may then answer in the carrier pages."""
    office_time_zone: str = "America/New_York"
    frn: str = ""
    rmd_number: str = ""
    contact_email: str = ""


def register(actor: Actor, new: NewProvider) -> ProviderView:
    """Take a provider into the register.

    Raises:
        Invalid: name, code, country or zone is none.
        ProviderExists: the code is registered already.
    """
    _require_operator(actor)
    spc, country = new.spc.strip().upper(), new.country.strip().upper()
    if not new.name.strip() or not spc.isalnum() or not spc.isascii() or len(spc) > 16:
        raise Invalid(f"A provider needs a name and a code of up to 16 letters and digits, not {new.spc!r}.")
    if len(country) != 2 or not country.isalpha():
        raise Invalid(f"{new.country!r} is no two-letter country code (ISO 3166-1).")
    if new.office_time_zone not in available_timezones():
        raise Invalid(f"{new.office_time_zone!r} is no time zone of the tz database, such as America/Chicago.")
    try:
        with transaction.atomic():
            row = Provider.objects.create(
                name=new.name.strip(),
                spc=spc,
                country=country,
                channel=new.channel,
                organisation_id=new.organisation_id or None,
                office_time_zone=new.office_time_zone,
                frn=new.frn,
                rmd_number=new.rmd_number,
                contact_email=new.contact_email,
                created_at=clock.now(),
            )
            audit.record(actor, Tag.PROVIDER_REGISTERED, row.id, {"spc": spc, "name": row.name})
    except IntegrityError as error:
        raise ProviderExists(f"The code {spc} or its organisation is in the register already.") from error
    return queries.provider(actor, row.id)


def register_key(actor: Actor, provider_id: str, public_jwk: Mapping[str, Any]) -> str:
    """Register a public key with which the provider's agent signs; return its identifier, the RFC 7638 thumbprint.

    Registering the same key again changes nothing.

    Raises:
        BadKey: it is no P-256 public key.
        ProviderNotFound: there is no such provider.
        Conflict: the key speaks for another provider, or was revoked.
    """
    _require_operator(actor)
    key_id, members = signatures.public_key(public_jwk)
    with transaction.atomic():
        if not Provider.objects.filter(id=provider_id).exists():
            raise ProviderNotFound(f"There is no provider {provider_id}.")
        now = clock.now()
        row, created = ProviderKey.objects.get_or_create(
            id=key_id, defaults={"provider_id": provider_id, "public_jwk": members, "valid_from": now}
        )
        if row.provider_id != provider_id:
            raise Conflict(f"The key {key_id} speaks for another provider: make a key of its own for each.")
        if row.revoked_at is not None:
            raise Conflict(f"The key {key_id} was revoked: make a new one.")
        if created:
            audit.record(actor, Tag.PROVIDER_KEY_REGISTERED, provider_id, {"key": key_id})
    return key_id


def revoke_key(actor: Actor, key_id: str) -> None:
    """End a key: from now on nothing that it signs counts. Answers that it signed before stay.

    Raises:
        ProviderNotFound: no such key is registered.
    """
    _require_operator(actor)
    with transaction.atomic():
        row = ProviderKey.objects.select_for_update(no_key=True).filter(id=key_id).first()
        if row is None:
            raise ProviderNotFound(f"There is no key {key_id}.")
        if row.revoked_at is None:
            row.revoked_at = clock.now()
            row.save(update_fields=["revoked_at"])
            audit.record(actor, Tag.PROVIDER_KEY_REVOKED, row.provider_id, {"key": key_id})


#: Finds the key of a certificate that a token's header names, at a moment.
CertificateKey = Callable[[Mapping[str, Any], datetime], KeyView]


def admit(
    authorization: str,
    *,
    action: Action,
    body: bytes,
    certificate: CertificateKey | None = None,
    now: datetime | None = None,
) -> tuple[ProviderView, Actor]:
    """Let one request of a provider's agent in: check its token, use the token up, note that the agent is there.

    The token is signed by a registered key (``kid``), or by the provider's STI certificate (``x5c``, ``x5u``), which
    a higher room judges (``certificate``). Refusals in which a known key is named are audited; others are for the
    door to count.

    Raises:
        BadToken: the token does not hold or was shown before.
    """
    now = now or clock.now()
    token, header = signatures.token_header(authorization)
    if certificate is not None and ("x5c" in header or "x5u" in header):
        known: KeyView | None = certificate(header, now)
    else:
        known = queries.key(str(header.get("kid", "")))
    if known is None:
        raise BadToken(Refusal.UNKNOWN_KEY)
    key_id = known.key_id
    actor = agent_actor(known.provider)
    try:
        if not known.valid_at(now):
            raise BadToken(Refusal.UNKNOWN_KEY)
        good = signatures.request_token(
            token,
            key_id=key_id,
            public_jwk=known.public_jwk,
            request=Request(spc=known.provider.spc, action=action, body=body),
            now=now,
        )
        used, fresh = UsedToken(id=good.fingerprint, expires_at=good.expires_at), False
        with transaction.atomic():
            fresh = bool(_insert_once(used))
            if fresh:
                _seen(known.provider, now)
        if not fresh:
            raise BadToken(Refusal.REPLAYED)
    except BadToken as bad:
        with transaction.atomic():
            audit.record(
                actor, Tag.PROVIDER_REQUEST_REFUSED, known.provider.id, {"key": key_id, "reason": bad.refusal.value}
            )
        raise
    return known.provider, actor


def agent_actor(provider: ProviderView) -> Actor:
    """Return the actor that a provider's agent is: it reads and answers its own questions."""
    return Actor(
        label=f"provider:{provider.spc}",
        organisation_id=provider.organisation_id,
        organisation_kind=OrganisationKind.PROVIDER,
        provider_id=provider.id,
        permissions=frozenset({Permission.QUESTION_READ, Permission.QUESTION_ANSWER}),
    )


def record_reader(provider: ProviderView) -> Actor:
    """Return the actor that reads a provider's own record by the carrier API."""
    return Actor(
        label=f"provider:{provider.spc}",
        organisation_id=provider.organisation_id,
        organisation_kind=OrganisationKind.PROVIDER,
        provider_id=provider.id,
        permissions=frozenset({Permission.CONDUCT_READ_OWN}),
    )


def forget_used_tokens(now: datetime) -> int:
    """Delete the tokens that have expired: they would be refused for their age alone. Return how many."""
    deleted, _ = UsedToken.objects.filter(expires_at__lt=now).delete()
    return deleted


def _require_operator(actor: Actor) -> None:
    # The register is kept by the operator's command line and by Headwater itself; no role of people holds this.
    actor.require(Permission.PROVIDER_WRITE)


def _insert_once(used: UsedToken) -> int:
    """Insert the token; return 0 where it is there already. The primary key decides between two at once."""
    from django.db import connection  # the only raw statement of this room: Django cannot tell inserted from ignored

    with connection.cursor() as cursor:
        cursor.execute(
            # One row a token; a second insert of the same one changes nothing and counts 0.
            "INSERT INTO providers_usedtoken (id, expires_at) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING",
            [used.id, used.expires_at],
        )
        return int(cursor.rowcount)


def _seen(provider: ProviderView, now: datetime) -> None:
    late = Q(agent_seen_at=None) | Q(agent_seen_at__lt=now.astimezone(UTC) - _SEEN_EVERY)
    Provider.objects.filter(late, id=provider.id).update(agent_seen_at=now)
