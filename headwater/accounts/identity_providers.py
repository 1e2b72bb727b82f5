"""Identity providers: kept per organisation, and what comes of an answer of theirs.

An identity only signs in a person who has joined that very organisation; nobody is made by a provider's word. Which
second factor is asked for is the provider's rule (``rules.SecondFactorRule``).
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from headwater import clock
from headwater.accounts import addresses, identity_fetch, oidc, rules, saml
from headwater.accounts.actors import Actor
from headwater.accounts.assertions import take_once
from headwater.accounts.models import ExternalIdentity, IdentityProvider, Organisation, User
from headwater.accounts.oidc import Identity
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.accounts.rules import Protocol, SecondFactorRule
from headwater.accounts.sealing import box
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Invalid, NotFound, Unauthenticated

SECRET: Final = b"headwater identity provider secret 1"
KEY: Final = b"headwater identity provider key 1"
_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """An identity provider, without its secrets."""

    id: str
    organisation_id: str
    organisation_name: str
    protocol: Protocol
    name: str
    issuer: str
    client_id: str
    sign_in_url: str
    certificates: tuple[str, ...]
    domains: tuple[str, ...]
    second_factor: SecondFactorRule
    strong_contexts: tuple[str, ...]
    enabled: bool
    application: str
    client_jwk: dict[str, Any] | None
    """Public key with which we prove ourselves where there is no secret."""

    @property
    def base(self) -> str:
        """The address under which the provider answers us."""
        return f"{settings.SITE_URLS[self.application]}/account/organisation/{self.id}"

    @property
    def redirect_uri(self) -> str:
        """OpenID Connect: where the browser comes back to."""
        return f"{self.base}/oidc/"

    @property
    def acs(self) -> str:
        """SAML: where the response is posted."""
        return f"{self.base}/saml/"

    @property
    def entity_id(self) -> str:
        """SAML: our name at the provider, which is also the address of our metadata."""
        return f"{self.base}/metadata/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A person whom their provider vouched for."""

    person_id: str
    second_factor_shown: bool
    """Whether the provider's own second factor counts, by the provider's rule."""


@transaction.atomic
def register(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor,
    *,
    organisation_id: str,
    protocol: Protocol,
    name: str,
    issuer: str,
    client_id: str = "",
    client_secret: str = "",
    sign_in_url: str = "",
    certificates: str = "",
    domains: Sequence[str] = (),
    second_factor: SecondFactorRule = SecondFactorRule.HEADWATER,
    strong_contexts: Sequence[str] = (),
) -> ProviderView:
    """Register the identity provider of an organisation.

    Args:
        actor: Who manages accounts.
        organisation_id: Whose people sign in there.
        protocol: OpenID Connect or SAML.
        name: As it stands on the sign-in page.
        issuer: OpenID Connect: the issuer's address; SAML: the entity ID.
        client_id: OpenID Connect: how the provider calls us.
        client_secret: OpenID Connect: the shared secret; without one we prove ourselves with a key that is made now.
        sign_in_url: SAML: the address of single sign-on by HTTP-Redirect.
        certificates: SAML: the provider's signing certificates, PEM.
        domains: Mail domains whose people are led there from the sign-in page.
        second_factor: Whose second factor counts.
        strong_contexts: What the provider says where a second factor was shown: values of acr, amr or
            AuthnContextClassRef.

    Raises:
        Forbidden: The actor may not manage accounts.
        NotFound: There is no such organisation.
        Invalid: Something is missing or cannot be what it says.
    """
    actor.require(Permission.ACCOUNT_MANAGE)
    organisation = Organisation.objects.filter(id=organisation_id).first()
    if organisation is None:
        raise NotFound(f"There is no organisation {organisation_id[:20]}.")
    if OrganisationKind(organisation.kind) not in rules.APPLICATION:
        raise Invalid("Such an organisation has no people who sign in.")
    contexts = [each.strip() for each in strong_contexts if each.strip()]
    if second_factor is SecondFactorRule.PROVIDER and not contexts:
        raise Invalid("Say by which values the provider tells that a second factor was shown; else none would count.")
    _check(protocol, name=name, issuer=issuer, client_id=client_id, sign_in_url=sign_in_url)
    pems = saml.check_certificates(certificates) if protocol is Protocol.SAML else ()
    own_key = protocol is Protocol.OIDC and not client_secret
    now = clock.now()
    row = IdentityProvider.objects.create(
        organisation=organisation,
        protocol=protocol,
        name=name.strip(),
        issuer=issuer.strip(),
        client_id=client_id.strip(),
        client_secret=box(SECRET).encrypt(client_secret.encode()).decode() if client_secret else "",
        client_key=box(KEY).encrypt(oidc.new_key().encode()).decode() if own_key else "",
        sign_in_url=sign_in_url.strip(),
        certificates="".join(pems),
        domains=[addresses.check_domain(each) for each in domains],
        second_factor=second_factor,
        strong_contexts=contexts,
        created_by=actor.label,
        created_at=now,
        changed_at=now,
    )
    detail = {"organisation": organisation.id, "protocol": protocol.value, "issuer": row.issuer, "domains": row.domains}
    detail |= {"second_factor": second_factor.value, "strong_contexts": contexts}
    record(actor, Tag.IDENTITY_PROVIDER_CHANGED, row.id, detail | {"change": "registered"})
    return _view(row)


@transaction.atomic
def switch(actor: Actor, *, provider_id: str, enabled: bool) -> ProviderView:
    """Let people sign in by a provider, or no longer. Sessions that stand go on; end them with the person's account."""
    actor.require(Permission.ACCOUNT_MANAGE)
    row = (
        IdentityProvider.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organisation")
        .filter(id=provider_id)
        .first()
    )
    if row is None:
        raise NotFound(f"There is no identity provider {provider_id[:20]}.")
    if row.enabled != enabled:
        row.enabled, row.changed_at = enabled, clock.now()
        row.save(update_fields=["enabled", "changed_at"])
        record(actor, Tag.IDENTITY_PROVIDER_CHANGED, row.id, {"change": "enabled" if enabled else "disabled"})
    return _view(row)


def of_organisation(actor: Actor, organisation_id: str) -> list[ProviderView]:
    """Return the identity providers of one organisation."""
    actor.require(Permission.ACCOUNT_MANAGE)
    rows = IdentityProvider.objects.select_related("organisation").filter(organisation_id=organisation_id)
    return [_view(row) for row in rows.order_by("created_at", "id")]


def standing(provider_id: str, *, application: str) -> ProviderView:
    """Return a provider by which people sign in at ``application`` now.

    Raises:
        NotFound: There is none, it is switched off, or it is another application's.
    """
    row = IdentityProvider.objects.select_related("organisation").filter(id=provider_id, enabled=True).first()
    if row is None or rules.APPLICATION.get(OrganisationKind(row.organisation.kind)) != application:
        raise NotFound("There is no such identity provider. Sign in with your password, or ask your administrator.")
    return _view(row)


def for_address(email: str, *, application: str) -> ProviderView | None:
    """Return the provider that people of an address's domain are led to; whoever it names is not looked at."""
    domain = email.rpartition("@")[2].lower()
    rows = IdentityProvider.objects.select_related("organisation").filter(enabled=True, domains__contains=[domain])
    fitting = [row for row in rows if rules.APPLICATION.get(OrganisationKind(row.organisation.kind)) == application]
    return _view(fitting[0]) if fitting else None


def client(provider: ProviderView) -> oidc.Client:
    """Return how we are known to an OpenID Connect provider, with the secret."""
    row = IdentityProvider.objects.get(id=provider.id)
    return oidc.Client(
        provider_id=row.id,
        issuer=row.issuer,
        client_id=row.client_id,
        secret=box(SECRET).decrypt(row.client_secret.encode()).decode() if row.client_secret else "",
        key_pem=box(KEY).decrypt(row.client_key.encode()).decode() if row.client_key else "",
        strong_contexts=provider.strong_contexts,
    )


def service(provider: ProviderView) -> saml.ServiceProvider:
    """Return how we are known to a SAML provider."""
    return saml.ServiceProvider(
        provider_id=provider.id,
        entity_id=provider.entity_id,
        acs=provider.acs,
        issuer=provider.issuer,
        sign_in_url=provider.sign_in_url,
        certificates=provider.certificates,
        strong_contexts=provider.strong_contexts,
    )


def arrive(provider: ProviderView, identity: Identity, *, address: str) -> Arrived:
    """Return the person whom a provider's answer stands for; the answer is used up.

    Raises:
        Unauthenticated: The answer was used before, or names nobody who has joined that organisation.
    """
    with transaction.atomic():
        take_once(provider.id, identity.assertion_id, expires_at=identity.expires_at)
        user = User.objects.filter(
            email=identity.email, organisation_id=provider.organisation_id, is_active=True
        ).first()
        fault = "nobody joined with this address" if user is None else _bind(provider, user, identity)
        if not fault and user is not None:
            shown = identity.strong and provider.second_factor is SecondFactorRule.PROVIDER
            return Arrived(person_id=user.id, second_factor_shown=shown)
        who = Actor(label=f"visitor:{identity.email}", organisation_id=provider.organisation_id)
        record(who, Tag.IDENTITY_PROVIDER_REFUSED, provider.id, {"because": fault, "address": address})
    # Raised outside, so that the entry and the used answer stay.
    raise Unauthenticated(
        "Your organisation signed you in, but no account here fits. Ask your Headwater administrator for an invitation."
    )


@transaction.atomic
def refuse(provider: ProviderView, error: Exception, *, address: str) -> None:
    """Record that an answer of a provider was not taken, and why."""
    who = Actor(label="visitor:", organisation_id=provider.organisation_id)
    record(who, Tag.IDENTITY_PROVIDER_REFUSED, provider.id, {"because": str(error)[:300], "address": address})


def _bind(provider: ProviderView, user: User, identity: Identity) -> str:
    """Bind a provider's lasting name to the person at the first sign-in; return why it does not fit, or ""."""
    digest = sha256(identity.subject.encode()).hexdigest()
    bound = ExternalIdentity.objects.filter(provider_id=provider.id, person=user).first()
    if bound is None:
        if ExternalIdentity.objects.filter(provider_id=provider.id, subject_sha256=digest).exists():
            return "this identity is another person's here"
        ExternalIdentity.objects.create(
            provider_id=provider.id, person=user, subject_sha256=digest, bound_at=clock.now()
        )
        return ""
    return "" if hmac.compare_digest(bound.subject_sha256, digest) else "the address is another identity's by now"


@transaction.atomic
def forget_identities(actor: Actor, *, person_id: str) -> int:
    """Unbind a person from their providers' names, as after a change of provider; return how many."""
    actor.require(Permission.ACCOUNT_MANAGE)
    removed = int(ExternalIdentity.objects.filter(person_id=person_id).delete()[0])
    record(actor, Tag.IDENTITY_PROVIDER_CHANGED, person_id, {"change": "identities unbound", "removed": removed})
    return removed


def _check(protocol: Protocol, *, name: str, issuer: str, client_id: str, sign_in_url: str) -> None:
    if not name.strip() or not issuer.strip() or len(issuer) > _MAX:
        raise Invalid("A provider needs a name and an issuer.")
    asked = issuer if protocol is Protocol.OIDC else sign_in_url
    if why := identity_fetch.address_fault(asked.strip()):
        what = "issuer" if protocol is Protocol.OIDC else "sign-in address"
        raise Invalid(f"The {what} {asked[:100]!r} cannot be used: {why}.")
    if protocol is Protocol.OIDC and not client_id.strip():
        raise Invalid("An OpenID Connect provider needs the client ID under which it knows us.")


def _view(row: IdentityProvider) -> ProviderView:
    certificates = saml.check_certificates(row.certificates) if row.certificates else ()
    key = box(KEY).decrypt(row.client_key.encode()).decode() if row.client_key else ""
    return ProviderView(
        id=row.id,
        organisation_id=row.organisation_id,
        organisation_name=row.organisation.name,
        protocol=Protocol(row.protocol),
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        sign_in_url=row.sign_in_url,
        certificates=certificates,
        domains=tuple(row.domains),
        second_factor=SecondFactorRule(row.second_factor),
        strong_contexts=tuple(row.strong_contexts),
        enabled=row.enabled,
        application=rules.APPLICATION[OrganisationKind(row.organisation.kind)],
        client_jwk=oidc.public_jwk(key) if key else None,
    )
