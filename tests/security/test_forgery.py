"""CSRF, session fixation, IDOR: requests that a person's browser or account is made to send, or may not send."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from headwater.audit.models import AuditEntry
from headwater.legal.models import LegalProcess
from headwater.web.application import APPLICATIONS
from tests.conftest import Browser
from tests.evidence.scenery import PDF, Scene
from tests.web.test_routes import MACHINES, path, routes

pytestmark = pytest.mark.django_db

#: Views that take requests without a form's token, and what proves the sender instead.
WITHOUT_TOKEN = {
    "uploads/new": "checked by the inner view, once the file is streamed to a bounded place",
}
SIGNED_IN = {"desk": "custodian_client", "portal": "agency_client", "carrier": "provider_client"}
#: Machines prove themselves to their doors by signatures and credentials, never by a session.
ALL = [
    (application, route, view)
    for application in APPLICATIONS
    for route, view in routes(application)
    if not route.startswith(MACHINES.get(application, ("-",)))
]


@pytest.mark.parametrize("application", APPLICATIONS)
def test_no_form_of_another_site_is_taken(application: str, request: pytest.FixtureRequest, scene: Scene):
    signed_in: Browser = request.getfixturevalue(SIGNED_IN[application])
    forged = Browser(application, enforce_csrf_checks=True)
    forged.cookies = signed_in.cookies
    before = AuditEntry.objects.count()
    tried = 0
    for of, route, _ in ALL:
        if of != application:
            continue
        address = path(route)
        for more in ({}, {"headers": {"Origin": "https://attacker.example"}}, {"headers": {"Origin": "null"}}):
            answer = forged.post(address, {"reason": "x", "decision": "accept", "confirm": "1"}, **more)
            tried += 1
            assert answer.status_code in {403, 404, 405} or (answer.status_code == 302 and leads_to_sign_in(answer)), (
                f"{application} {route}: {answer.status_code}"
            )
    assert tried > 20
    after = AuditEntry.objects.exclude(tag__startswith="account:").count()
    assert after <= before, list(AuditEntry.objects.values_list("tag", "subject"))[before:]


def leads_to_sign_in(answer: Any) -> bool:
    return str(answer.headers["Location"]).startswith("/account/")


@pytest.mark.parametrize("application", APPLICATIONS)
def test_only_forms_with_another_proof_do_without_a_token(application: str):
    found = {route for of, route, view in ALL if of == application and getattr(view, "csrf_exempt", False)}
    known = {
        route for route in found if route in WITHOUT_TOKEN or route.startswith(("account/", "link/", "subscriptions/"))
    }
    assert found == known, found - known


def test_a_look_changes_nothing(scene: Scene, agency_client: Browser, reviewer_client: Browser, served: str):
    before = LegalProcess.objects.values().get()
    for client, address in (
        (agency_client, f"/requests/{served}/withdraw/"), (agency_client, f"/requests/{served}/supply/"),
        (reviewer_client, f"/process/{served}/decide/"),
    ):  # fmt: skip
        for method in ("get", "head", "options", "trace"):
            answer = getattr(client, method)(address)
            assert answer.status_code in {200, 404, 405}, (address, method)
    assert LegalProcess.objects.values().get() == before


def test_a_session_that_was_planted_is_not_the_one_that_signs_in(agency_user: Any):
    attacker = Browser("portal")
    attacker.get("/account/sign-in/")
    planted = "planted0123456789abcdefghijklmno"
    attacker.cookies["hw_portal"] = planted
    attacker.get("/account/sign-in/")
    victim = Browser("portal")
    victim.cookies["hw_portal"] = planted
    victim.sign_in(agency_user)
    assert victim.cookies["hw_portal"].value != planted
    assert attacker.get("/requests/").status_code == 302, "the planted session was given the person"


def test_a_session_is_worth_nothing_after_signing_out(agency_client: Browser):
    kept = Browser("portal")
    kept.cookies["hw_portal"] = agency_client.cookies["hw_portal"].value
    assert kept.get("/requests/").status_code == 200
    agency_client.post("/account/sign-out/")
    assert kept.get("/requests/").status_code == 302


def test_what_a_form_does_not_offer_cannot_be_set_by_it(scene: Scene, agency_client: Browser, reviewer: Any):
    page = agency_client.get(f"/alerts/{scene.alert_id}/serve/").content.decode()
    values = {
        **dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)),
        "process_type": "subpoena", "authority": "Michigan AG", "statute": "47 U.S.C. 227", "case_number": "1",
        "scope": "All", "signer": "Alex", "return_date": "2099-01-01", "document": SimpleUploadedFile("a.pdf", PDF),
        # Fields of the row that no form of an agency may set.
        "state": "accepted", "decided_by": "user:alex", "granted_called_numbers": "on", "agency": "ORG-1", "id": "LP-X",
    }  # fmt: skip
    agency_client.post(f"/alerts/{scene.alert_id}/serve/", values)
    for row in LegalProcess.objects.all():
        assert row.state == "draft"
        assert not row.granted_called_numbers
        assert row.decided_by == ""


def test_a_value_given_twice_is_not_taken_for_two(scene: Scene, reviewer_client: Browser, served: str):
    answer = reviewer_client.post(
        f"/process/{served}/decide/", {"decision": ["object", "accept"], "reason": "x", "identity_check": "x"}
    )
    assert answer.status_code in {302, 422, 409}
    assert LegalProcess.objects.get().state in {"served", "under_review", "objected", "accepted", "producing"}
