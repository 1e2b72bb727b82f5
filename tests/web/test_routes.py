"""Every route has its place in the permission table; every role gets what the table says, and nothing else."""

import itertools
import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver

from headwater.accounts.models import User
from headwater.accounts.permissions import ROLE_ORGANISATION, ROLE_PERMISSIONS, OrganisationKind, Permission, Role
from headwater.web.application import APPLICATIONS
from tests.conftest import Browser, carrier, person

#: Routes that people reach without a permission: sign-in and one's own account. Agents prove themselves otherwise.
PUBLIC = {
    "account/", "account/sign-in/", "account/sign-out/", "account/closed/", "account/confirm/", "account/password/",
    "account/password/none/",
    "account/password/forgotten/", "account/link/<str:token>/", "account/link/", "account/waiting/",
    "account/permissions/", "account/sessions/", "account/sessions/end/", "account/deputies/",
    "account/deputies/end/", "account/deputies/act/", "account/code/", "account/confirm-code/", "account/enrol/",
    "account/recovery-codes/", "account/recovery-codes/new/", "account/second-factor/", "account/second-factor/kept/",
    "account/passkeys/", "account/passkeys/sign-in/", "account/passkeys/confirm/", "account/passkeys/add/",
    "account/passkeys/<int:pk>/name/", "account/passkeys/<int:pk>/remove/", "account/organisation/",
    "why/<str:kind>/<str:record_id>/",
    "account/organisation/<str:provider_id>/start/", "account/organisation/<str:provider_id>/oidc/",
    "account/organisation/<str:provider_id>/saml/", "account/organisation/<str:provider_id>/metadata/",
    "subscriptions/stop/<str:token>/", "link/<str:token>/", "link/<str:token>/receipt/",
}  # fmt: skip
#: Doors for machines, which prove themselves by other means than a session.
MACHINES = {"carrier": ("api/agents/v1/",), "portal": ("api/agencies/v1/", "taxii2/")}
EXAMPLES = {"str": "X-0000000000", "uuid": str(uuid.UUID(int=0)), "int": "1", "slug": "x"}


def routes(application: str) -> Iterator[tuple[str, Any]]:
    """Yield (route, view) of one application."""

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            else:
                yield route, pattern.callback

    yield from walk(import_module(f"headwater.web.{application}.urls").urlpatterns, "")


GATED = [
    (application, route, view.permission)
    for application in APPLICATIONS
    for route, view in routes(application)
    if hasattr(view, "permission")
]


def path(route: str) -> str:
    """Return an address of ``route`` with example values."""
    out = "/" + route
    while "<" in out:
        before, _, rest = out.partition("<")
        inside, _, after = rest.partition(">")
        out = before + EXAMPLES[inside.partition(":")[0]] + after
    return out


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_route_is_gated_or_in_the_short_public_list(application: str) -> None:
    for route, view in routes(application):
        if route in PUBLIC or route.startswith(MACHINES.get(application, ("-",))):
            continue
        assert isinstance(getattr(view, "permission", None), Permission), f"{application}: {route}"


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_entry_of_the_navigation_leads_to_a_page_with_its_permission(application: str) -> None:
    gates = {path(route): permission for of, route, permission in GATED if of == application}
    for item in APPLICATIONS[application].navigation:
        assert gates[item.path] is item.permission


@pytest.mark.django_db
@pytest.mark.parametrize(("application", "route", "permission"), GATED)
def test_who_is_not_signed_in_reaches_no_page(application: str, route: str, permission: Permission) -> None:
    for method in ("get", "post"):
        answer = getattr(Browser(application), method)(path(route))
        # A method that the page does not know may be refused before anybody is asked who they are.
        led_to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/account/sign-in/")
        assert led_to_sign_in or (answer.status_code == 405 and not answer.content)


@pytest.fixture
def everybody(db: None) -> dict[Role, User]:
    """One person of each role."""
    people = {
        role: person(ROLE_ORGANISATION[role], role, f"{role.value}@x.example", name=role.value)
        for role in Role
        if ROLE_ORGANISATION[role] is not OrganisationKind.PROVIDER
    }
    staff = carrier("staff@x.example", name="Carrier", spc="123A")
    looks_after = carrier("admin@x.example", name="Other carrier", spc="124A", role=Role.PROVIDER_ADMINISTRATOR)
    return people | {Role.PROVIDER_STAFF: staff, Role.PROVIDER_ADMINISTRATOR: looks_after}


@pytest.mark.parametrize("role", Role)
def test_each_role_opens_what_the_table_gives_it_and_nothing_else(role: Role, everybody: dict[Role, User]) -> None:
    for application in APPLICATIONS:
        browser = Browser(application).sign_in(everybody[role])
        for of, route, permission in GATED:
            if of != application:
                continue
            here = ROLE_ORGANISATION[role] is APPLICATIONS[application].audience
            allowed = here and permission in ROLE_PERMISSIONS[role]
            for method in ("get", "post"):
                answer = getattr(browser, method)(path(route))
                status = answer.status_code
                if here and not allowed and not route and status == 302:
                    # The root leads everybody to the first page that is theirs.
                    first = next(item for item in APPLICATIONS[of].navigation if item.path == answer.url)
                    assert first.permission in ROLE_PERMISSIONS[role]
                    continue
                told = f"{role} {method} {application} {route}: {status}"
                assert (status != 403 and status < 500) or status == 503 if allowed else status in (403, 405), told


def test_the_matrix_is_not_empty() -> None:
    reached = {application for application, _, _ in GATED}
    assert reached == set(APPLICATIONS)
    assert len(GATED) > 15
    assert list(itertools.islice(routes("desk"), 1))
