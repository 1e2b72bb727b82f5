"""The journey under the database roles of its processes: what is not granted is missed here, not in production."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from headwater import clock
from headwater.accounts.models import User
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.legal.models import LegalProcess
from headwater.providers.models import Provider
from headwater.relief.models import Measure, Notice
from headwater.site.config import Process
from headwater.site.grants import apply_grants
from tests.conftest import Browser
from tests.evidence.scenery import PDF, Scene
from tests.web.test_process import draft, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def roles(db: None) -> None:
    """Make the roles in the test's own transaction and give them their rights."""
    with connection.cursor() as cursor:
        for process in Process:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [process.database_role])
            if not cursor.fetchone():
                cursor.execute(f"CREATE ROLE {process.database_role}")
        cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        # Rows that the scene wrote wait for their deferred checks; tables with such rows cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    apply_grants()


@contextmanager
def as_role(process: Process) -> Iterator[None]:
    """Act as the database role of ``process``."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {process.database_role}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


def test_portal_desk_and_worker_have_the_rights_that_the_journey_needs(
    scene: Scene, roles: None, agency_client: Browser, reviewer_client: Browser, home: Path
):
    with as_role(Process.PORTAL):
        for address in ("/", f"/alerts/{scene.alert_id}/", f"/alerts/{scene.alert_id}/ringing/", "/requests/"):
            assert agency_client.get(address).status_code == 200, address
        review = draft(agency_client, scene).url
        assert agency_client.post(review.replace("/review/", "/change/"), {"case_number": ""}).status_code == 422
        assert agency_client.post(review).status_code == 302
    process_id = LegalProcess.objects.get().id
    decision = {"reason": "x", "identity_check": "x", "grant_called_numbers": "on"}
    with as_role(Process.DESK):
        assert reviewer_client.get("/process/").status_code == 200
        known = {"identity_method": "published_number", "identity_check": "Called the office."}
        assert reviewer_client.post(f"/process/{process_id}/identity/", known).status_code == 302
        assert reviewer_client.post(f"/process/{process_id}/begin/").status_code == 302
        sent = reviewer_client.post(f"/process/{process_id}/decide/", {**decision, "decision": "deficient"})
        assert sent.status_code == 302
    with as_role(Process.PORTAL):
        supplied = {"note": "Here.", "document": upload("more.pdf", PDF)}
        assert agency_client.post(f"/requests/{process_id}/supply/", supplied).status_code == 302
    with as_role(Process.DESK):
        sent = reviewer_client.post(f"/process/{process_id}/decide/", {**decision, "decision": "accept"})
        assert sent.status_code == 302
        assert reviewer_client.get(f"/process/{process_id}/").status_code == 200
    with as_role(Process.WORK):
        seal(Package.objects.get().id)
    with as_role(Process.PORTAL):
        assert agency_client.get(f"/requests/{process_id}/").status_code == 200
        download = agency_client.get(f"/packages/{Package.objects.get().id}/")
        assert download.status_code == 200
        assert b"".join(download.streaming_content)[:2] == b"PK"


def test_desk_and_carrier_have_the_rights_that_a_notice_and_its_report_need(
    scene: Scene, roles: None, desk_client: Browser, provider_user: User, provider_client: Browser
):
    Provider.objects.filter(organisation=provider_user.organisation).update(organisation=None)
    Provider.objects.filter(id=scene.origin.id).update(organisation=provider_user.organisation)
    relief = f"/campaigns/{scene.campaign.id}/relief/"
    with as_role(Process.DESK):
        assert desk_client.get(relief).status_code == 200
        said = {"provider": scene.origin.id, "kind": "suspected_traffic"}
        assert desk_client.post(f"{relief}notice/", said).status_code == 302
    notice = f"/notices/{Notice.objects.get().id}/"
    with as_role(Process.CARRIER):
        assert provider_client.get("/notices/").status_code == 200
        assert provider_client.get(notice).status_code == 200
        assert provider_client.post(f"{notice}acknowledge/").status_code == 302
        report = {"action": "customer_ended", "acted_at": f"{clock.now():%Y-%m-%d %H:%M:%S}", "note": "Closed."}
        assert provider_client.post(notice, report).status_code == 302
        assert provider_client.get(notice).status_code == 200
    with as_role(Process.DESK):
        assert "Closed." in desk_client.get(relief).content.decode()
    assert Measure.objects.count() == 2
