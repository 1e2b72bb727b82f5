"""The standard people, in every test under the names of their desks.

``desk``, ``reviewer``, ``custodian``, ``agency`` (Michigan), ``other_agency`` (Ohio), ``provider`` and
``other_provider`` are actors; ``<name>_user`` is the row and ``<name>_client`` a browser that is signed in to that
person's application, second factor shown.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.models import Organisation, User
from headwater.accounts.permissions import OrganisationKind, Role
from headwater.accounts.queries import actor_of
from headwater.api import limits
from headwater.calls import queries as calls
from headwater.calls.store import CallStore
from tests.outbox.servers import MailServer

# How long an example takes is the machine's affair: no test judges it.
hypothesis.settings.register_profile(
    "headwater", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("headwater")

APPLICATION = {
    OrganisationKind.CONSORTIUM: "desk",
    OrganisationKind.AGENCY: "portal",
    OrganisationKind.PROVIDER: "carrier",
}


class Browser(Client):
    """A test client of one application: its routes, its cookies, its sessions."""

    def __init__(self, application: str, **defaults: Any) -> None:
        super().__init__(**defaults)
        self.application = application

    def settings(self) -> Any:
        """What distinguishes the process of this application."""
        public = {"MIDDLEWARE": settings.PUBLIC_MIDDLEWARE} if self.application == "public" else {}
        return override_settings(
            **public,
            WEB_APPLICATION=self.application,
            ROOT_URLCONF=f"headwater.web.{self.application}.urls",
            SESSION_COOKIE_NAME=f"hw_{self.application}",
            CSRF_COOKIE_NAME=f"hw_{self.application}_csrf",
        )

    def request(self, **request: Any) -> Any:
        """Send one request as if this process served the application."""
        with self.settings():
            return super().request(**request)

    def sign_in(self, user: User, *, second_factor: bool = True) -> "Browser":
        """Open a session such as sign-in leaves behind."""
        with self.settings():
            self.force_login(user)
            session = self.session
            methods = [{"method": "password", "at": time.time(), "email": user.email}]
            if second_factor:
                methods.append({"method": "mfa", "at": time.time(), "type": "totp", "id": 1})
            session["account_authentication_methods"] = methods
            session["account_authentication_methods_user"] = user.pk
            session.save()
        return self


def person(kind: OrganisationKind, role: Role, email: str, **organisation: Any) -> User:
    """Save a person and their organisation."""
    own = Organisation.objects.create(kind=kind, created_at=clock.now(), **organisation)
    name = email.split("@", 1)[0].capitalize()
    return User.objects.create(
        email=email,
        name=f"{name} Example",
        organisation=own,
        role=role,
        created_at=clock.now(),
        confirmed_at=clock.now(),
        password="!",
    )


def carrier(email: str, *, name: str, spc: str, role: Role = Role.PROVIDER_STAFF) -> User:
    """Save a person of a provider, and the provider."""
    from headwater.providers.models import Provider

    user = person(OrganisationKind.PROVIDER, role, email, name=name)
    Provider.objects.create(organisation=user.organisation, name=name, spc=spc, created_at=clock.now())
    return user


def _settings_of(user: User) -> str:
    return APPLICATION[OrganisationKind(user.organisation.kind)]


@pytest.fixture(scope="module")
def call_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, CallStore]]:
    """A real call store and its URL, open for one module: a process opens one folder at a time."""
    url = f"chdb://{tmp_path_factory.mktemp('calls')}"
    store = CallStore.open(url)
    store.migrate()
    yield url, store
    calls.disconnect(url)
    store.close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A real SMTP server on loopback that keeps what it takes."""
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def operator() -> Actor:
    """The operator at the command line: every permission."""
    return system("operator")


@pytest.fixture
def desk_user(db: None) -> User:
    """An analyst of the consortium."""
    return person(OrganisationKind.CONSORTIUM, Role.ANALYST, "dana@consortium.example", name="Traceback Consortium")


@pytest.fixture
def reviewer_user(db: None, desk_user: User) -> User:
    """A reviewer of the same consortium."""
    return User.objects.create(
        email="rae@consortium.example",
        name="Rae Example",
        organisation=desk_user.organisation,
        role=Role.REVIEWER,
        created_at=clock.now(),
        confirmed_at=clock.now(),
        password="!",
    )


@pytest.fixture
def custodian_user(db: None, desk_user: User) -> User:
    """The records custodian of the same consortium."""
    return User.objects.create(
        email="cory@consortium.example",
        name="Cory Example",
        organisation=desk_user.organisation,
        role=Role.CUSTODIAN,
        created_at=clock.now(),
        confirmed_at=clock.now(),
        password="!",
    )


@pytest.fixture
def agency_user(db: None) -> User:
    """An officer of a Michigan agency."""
    return person(
        OrganisationKind.AGENCY,
        Role.AGENCY_OFFICER,
        "alex@ag-mi.example",
        name="Michigan AG",
        state="MI",
        time_zone="America/Detroit",
    )


@pytest.fixture
def other_agency_user(db: None) -> User:
    """An officer of an Ohio agency."""
    return person(OrganisationKind.AGENCY, Role.AGENCY_OFFICER, "olive@ag-oh.example", name="Ohio AG", state="OH")


@pytest.fixture
def provider_user(db: None) -> User:
    """Somebody at a carrier."""
    return carrier("pat@first.example", name="First Carrier", spc="709J")


@pytest.fixture
def other_provider_user(db: None) -> User:
    """Somebody at another carrier."""
    return carrier("quinn@second.example", name="Second Carrier", spc="505K")


@pytest.fixture
def desk(desk_user: User) -> Actor:
    return actor_of(desk_user)


@pytest.fixture
def reviewer(reviewer_user: User) -> Actor:
    return actor_of(reviewer_user)


@pytest.fixture
def custodian(custodian_user: User) -> Actor:
    return actor_of(custodian_user)


@pytest.fixture
def agency(agency_user: User) -> Actor:
    return actor_of(agency_user)


@pytest.fixture
def other_agency(other_agency_user: User) -> Actor:
    return actor_of(other_agency_user)


@pytest.fixture
def provider(provider_user: User) -> Actor:
    return actor_of(provider_user)


@pytest.fixture
def other_provider(other_provider_user: User) -> Actor:
    return actor_of(other_provider_user)


@pytest.fixture
def desk_client(desk_user: User) -> Browser:
    return Browser("desk").sign_in(desk_user)


@pytest.fixture
def reviewer_client(reviewer_user: User) -> Browser:
    return Browser("desk").sign_in(reviewer_user)


@pytest.fixture
def custodian_client(custodian_user: User) -> Browser:
    return Browser("desk").sign_in(custodian_user)


@pytest.fixture
def agency_client(agency_user: User) -> Browser:
    return Browser("portal").sign_in(agency_user)


@pytest.fixture
def other_agency_client(other_agency_user: User) -> Browser:
    return Browser("portal").sign_in(other_agency_user)


@pytest.fixture
def provider_client(provider_user: User) -> Browser:
    return Browser("carrier").sign_in(provider_user)


@pytest.fixture
def other_provider_client(other_provider_user: User) -> Browser:
    return Browser("carrier").sign_in(other_provider_user)


@pytest.fixture(autouse=True)
def doors_count_from_nothing() -> None:
    """Each test meets the doors of machines as after a restart: their counters are a process's, not a row's."""
    for door in (limits.AGENCIES, limits.TAXII, limits.CARRIERS):
        door.start_anew()


@pytest.fixture(autouse=True)
def audit_is_emptied_before_a_flush(request: pytest.FixtureRequest, _django_db_marker: None) -> Iterator[None]:
    """Let tests with real transactions end: they TRUNCATE every table, which the audit refuses while it has entries."""
    transactional = any(m.kwargs.get("transaction") for m in request.node.iter_markers("django_db")) or bool(
        {"transactional_db", "live_server", "django_db_reset_sequences"} & set(request.fixturenames)
    )
    with ExitStack() as stack:
        if transactional:
            request.getfixturevalue("transactional_db")
            stack.callback(_empty_audit)
        yield


def _empty_audit() -> None:
    with connection.cursor() as cursor:
        # Only the test's superuser may switch triggers off; no process of Headwater can.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE audit_entry")
        cursor.execute("UPDATE audit_head SET seq = 0, hash = repeat('0', 64)")
        cursor.execute("SET session_replication_role = origin")
