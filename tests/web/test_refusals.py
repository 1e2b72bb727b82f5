"""Refused access is in the audit: who, what and why; a flood is not."""

import json
from typing import Any

import pytest

from headwater.accounts import credentials, refusals
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Scope
from headwater.audit.models import AuditEntry
from tests.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_was_refused_yet() -> None:
    refusals._kept.clear()


def entries() -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in AuditEntry.objects.filter(tag="account:access:refused")]


def test_a_page_beyond_ones_rights_is_entered_with_route_and_reason(desk_client: Browser) -> None:
    assert desk_client.post("/process/LP-1/decide/", {}).status_code == 403
    (entry,) = entries()
    assert entry["actor"] == entry["subject"] == "user:dana@consortium.example"
    assert entry["detail"]["what"] == "POST process/<str:process_id>/decide/"
    assert entry["detail"]["address"] == "127.0.0.1"
    assert "process:review" in entry["detail"]["because"]


def test_a_person_of_another_application_is_entered(agency_user: Any) -> None:
    assert Browser("desk").sign_in(agency_user).get("/campaigns/").status_code == 403
    assert [entry["actor"] for entry in entries()] == ["user:alex@ag-mi.example"]


def test_a_form_that_did_not_come_from_our_pages_is_entered(reviewer_user: Any) -> None:
    forged = Browser("desk", enforce_csrf_checks=True).sign_in(reviewer_user)
    assert forged.post("/process/LP-1/decide/", {}).status_code == 403
    assert "CSRF" in entries()[0]["detail"]["because"]


def test_what_a_stranger_or_a_missing_page_gets_is_none(desk_client: Browser) -> None:
    Browser("desk").get("/campaigns/")
    assert desk_client.get("/campaigns/CA-0000000000/").status_code == 404
    assert entries() == []


def test_a_flood_fills_no_log_and_hides_nobody_else(desk_client: Browser, agency_user: Any) -> None:
    for _ in range(refusals.AT_ONCE + 10):
        assert desk_client.get("/audit/").status_code == 403
    assert len(entries()) == refusals.AT_ONCE
    Browser("desk").sign_in(agency_user).get("/campaigns/")
    assert len(entries()) == refusals.AT_ONCE + 1


def test_a_machine_beyond_its_scopes_is_entered(operator: Actor, provider: Actor) -> None:
    _, token = credentials.issue(
        operator, organisation_id=provider.organisation_id, scopes=[Scope.FEED], name="x", source_kind="carrier"
    )
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/taxii+json;version=2.1"}
    assert Browser("portal").get("/taxii2/", headers=headers).status_code == 403
    (entry,) = entries()
    assert entry["detail"]["what"] == "GET /taxii2/"
