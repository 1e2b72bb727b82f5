"""OpenID Connect against a real provider that runs as a process on loopback."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.conf import LazySettings

from headwater.accounts import identity_providers, oidc
from headwater.accounts.actors import Actor
from headwater.accounts.identity_providers import ProviderView
from headwater.accounts.models import User
from headwater.accounts.rules import Protocol
from headwater.errors import Invalid, Unauthenticated, Unavailable
from tests.accounts.oidc_provider import running

pytestmark = pytest.mark.django_db
BACK = "https://portal.example/account/organisation/IDP-1/oidc/"
OWEN = {"sub": "owen", "email": "alex@ag-mi.example", "email_verified": True}
DOUBTED = {"sub": "doubted", "email": "alex@ag-mi.example", "email_verified": False}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider that runs until the module's tests are over."""
    with running(OWEN, DOUBTED) as address:
        yield address


@pytest.fixture(autouse=True)
def own_hosts(settings: LazySettings) -> None:
    """The operator calls the provider's host their own: it is private and speaks plain HTTP."""
    hosts = frozenset({"127.0.0.1", "localhost"})
    settings.HEADWATER = dataclasses.replace(settings.HEADWATER, identity_hosts=hosts)


@pytest.fixture
def client(issuer: str) -> oidc.Client:
    return oidc.Client(provider_id="IDP-1", issuer=issuer, client_id="headwater", secret="a shared secret")


def now() -> datetime:
    return datetime.now(UTC)


def signed_in(client: oidc.Client, sub: str = "owen") -> tuple[oidc.Pending, dict[str, str]]:
    """Begin, sign in at the provider's own page, and return what the browser came back with."""
    address, pending = oidc.begin(client, redirect_uri=BACK, now=now())
    answer = httpx.post(address, data={"sub": sub}, trust_env=False)
    assert answer.status_code in (302, 303), answer.text
    return pending, dict(httpx.URL(answer.headers["Location"]).params)


def test_who_signs_in_at_the_provider_comes_back_as_themselves(client: oidc.Client) -> None:
    pending, answer = signed_in(client)
    identity = oidc.finish(client, pending, answer, redirect_uri=BACK, now=now())
    assert (identity.subject, identity.email, identity.strong) == ("owen", "alex@ag-mi.example", False)


def test_a_code_is_taken_once(client: oidc.Client) -> None:
    pending, answer = signed_in(client)
    oidc.finish(client, pending, answer, redirect_uri=BACK, now=now())
    with pytest.raises(Unavailable):
        oidc.finish(client, pending, answer, redirect_uri=BACK, now=now())


def test_an_answer_to_another_browser_is_refused(client: oidc.Client) -> None:
    _theirs, stolen = signed_in(client)
    mine, _answer = signed_in(client)
    with pytest.raises(Unauthenticated, match="no sign-in of this browser"):
        oidc.finish(client, mine, stolen, redirect_uri=BACK, now=now())


def test_a_stolen_code_with_the_right_state_fails_for_its_proof_key(client: oidc.Client) -> None:
    _theirs, stolen = signed_in(client)
    mine, answer = signed_in(client)
    with pytest.raises((Unauthenticated, Unavailable)):
        oidc.finish(client, mine, {**answer, "code": stolen["code"]}, redirect_uri=BACK, now=now())


def test_a_token_with_another_nonce_is_refused(client: oidc.Client) -> None:
    pending, answer = signed_in(client)
    other = dataclasses.replace(pending, nonce="another")
    with pytest.raises(Unauthenticated, match="not the answer"):
        oidc.finish(client, other, answer, redirect_uri=BACK, now=now())


def test_a_token_for_another_application_is_refused(client: oidc.Client) -> None:
    pending, answer = signed_in(client)
    other = dataclasses.replace(client, client_id="other")
    with pytest.raises((Unauthenticated, Unavailable)):
        oidc.finish(other, pending, answer, redirect_uri=BACK, now=now())


@pytest.mark.parametrize("later", [timedelta(minutes=16), timedelta(days=2)])
def test_who_takes_too_long_starts_again(client: oidc.Client, later: timedelta) -> None:
    pending, answer = signed_in(client)
    with pytest.raises(Unauthenticated, match="too long"):
        oidc.finish(client, pending, answer, redirect_uri=BACK, now=now() + later)


def test_an_answer_of_another_issuer_is_refused(client: oidc.Client) -> None:
    pending, answer = signed_in(client)
    with pytest.raises(Unauthenticated, match="another identity provider"):
        oidc.finish(client, pending, {**answer, "iss": "https://evil.example"}, redirect_uri=BACK, now=now())


def test_a_configuration_of_an_issuer_by_another_name_is_refused(client: oidc.Client) -> None:
    """OpenID Connect Discovery 1.0 section 4.3: the very same text, though both lead to the same document."""
    with pytest.raises(Unavailable, match="is that of"):
        oidc.begin(dataclasses.replace(client, issuer=client.issuer + "/"), redirect_uri=BACK, now=now())


def test_an_address_that_the_provider_does_not_vouch_for_is_refused(client: oidc.Client) -> None:
    pending, answer = signed_in(client, "doubted")
    with pytest.raises(Unauthenticated, match="vouch"):
        oidc.finish(client, pending, answer, redirect_uri=BACK, now=now())


@pytest.mark.parametrize(
    "issuer_", ["http://idp.example", "https://127.0.0.2", "file:///etc/passwd", "https://u:p@a.gov"]
)
def test_a_provider_at_such_an_address_is_not_registered(operator: Actor, agency_user: User, issuer_: str) -> None:
    with pytest.raises(Invalid, match="cannot be used"):
        registered(operator, agency_user, issuer_)


def registered(operator: Actor, user: User, issuer: str) -> ProviderView:
    return identity_providers.register(
        operator,
        organisation_id=user.organisation_id,
        protocol=Protocol.OIDC,
        name="Michigan",
        issuer=issuer,
        client_id="headwater",
        client_secret="a shared secret",
        domains=["ag-mi.example"],
    )


def arrived(client: oidc.Client) -> oidc.Identity:
    pending, answer = signed_in(client)
    return oidc.finish(client, pending, answer, redirect_uri=BACK, now=now())


def test_an_identity_signs_in_who_joined_that_organisation_and_nobody_else(
    operator: Actor, agency_user: User, other_agency_user: User, client: oidc.Client, issuer: str
) -> None:
    own = registered(operator, agency_user, issuer)
    others = registered(operator, other_agency_user, issuer)
    identity = arrived(client)
    assert identity_providers.arrive(own, identity, address="").person_id == agency_user.id
    with pytest.raises(Unauthenticated, match="used before"):
        identity_providers.arrive(own, identity, address="")
    with pytest.raises(Unauthenticated, match="no account here fits"):
        identity_providers.arrive(others, arrived(client), address="")


def test_an_address_that_went_to_another_identity_opens_nothing(
    operator: Actor, agency_user: User, client: oidc.Client, issuer: str
) -> None:
    provider = registered(operator, agency_user, issuer)
    identity_providers.arrive(provider, arrived(client), address="")
    successor = dataclasses.replace(arrived(client), subject="somebody else by now")
    with pytest.raises(Unauthenticated, match="no account here fits"):
        identity_providers.arrive(provider, successor, address="")


def test_secrets_are_not_readable_in_the_database(operator: Actor, agency_user: User, issuer: str) -> None:
    from headwater.accounts.models import IdentityProvider

    provider = registered(operator, agency_user, issuer)
    row = IdentityProvider.objects.get()
    assert "a shared secret" not in str(vars(row))
    assert identity_providers.client(provider).secret == "a shared secret"
