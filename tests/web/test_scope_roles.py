"""Scoped access, holds and reports under the database roles of their processes: what is not granted is missed here."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, connection, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Role
from headwater.intake.events.deliver import FeedDoor
from headwater.legal import actions, ending, holds, telling
from headwater.legal.models import LegalProcess
from headwater.legal.notices import Event
from headwater.legal.rules import ProcessType
from headwater.reports import actions as reports
from headwater.reports import sending
from headwater.reports.models import AgencyReport
from headwater.retention.models import LegalHold
from headwater.site.config import Process
from tests.conftest import Browser
from tests.evidence.conftest import accept, asked, serve
from tests.evidence.scenery import MICHIGAN, Scene
from tests.reports.conftest import door, server
from tests.web.test_process_roles import as_role, roles

__all__ = ["door", "roles", "server"]
pytestmark = pytest.mark.django_db


def test_the_portal_shows_the_scope_and_its_people_and_reads_no_hop_beside_it(
    scene: Scene, agency: Actor, reviewer: Actor, roles: None, agency_client: Browser
):
    User.objects.create(
        email="casey@ag-mi.example",
        name="Casey Example",
        organisation_id=agency.organisation_id,
        role=Role.AGENCY_OFFICER,
        created_at=clock.now(),
        confirmed_at=clock.now(),
        password="!",
    )
    process = serve(scene, agency)
    accept(reviewer, process)
    page = f"/requests/{process}/"
    until = (clock.now() + timedelta(days=120)).date().isoformat()
    with as_role(Process.PORTAL):
        for address in ("", "open/", "open/now/", "open/ringing/", "open/calls/", f"open/{scene.traceback_ids[0]}/"):
            assert agency_client.get(page + address).status_code == 200, address
        assert agency_client.get("/requests/new/").status_code == 200
        assert agency_client.get(f"/requests/new/?traceback={scene.traceback_ids[0]}").status_code == 200
        letter = LegalProcess.objects.get().letters.values_list("id", flat=True)[0]
        assert agency_client.get(f"{page}letters/{letter}/").status_code == 200
        assert agency_client.post(f"{page}people/", {"email": "casey@ag-mi.example"}).status_code == 302
        assert agency_client.post(f"{page}people/remove/", {"email": "casey@ag-mi.example"}).status_code == 302
        wanted = {"what": "access", "until": until, "reason": "Trial is in May."}
        assert agency_client.post(f"{page}time/", wanted).status_code == 302
        for widening in (
            "UPDATE legal_processsubject SET granted = true",
            "UPDATE legal_legalprocess SET access_until = now() + interval '9 years'",
            "SELECT * FROM tracebacks_hop",
        ):
            with pytest.raises(ProgrammingError), transaction.atomic():
                connection.cursor().execute(widening)
        assert agency_client.post(f"{page}withdraw/", {"reason": "Settled."}).status_code == 302
        assert agency_client.get(f"{page}open/").status_code == 404


def test_the_desk_answers_closes_and_measures_and_the_worker_keeps_the_clock(
    scene: Scene, agency: Actor, reviewer: Actor, roles: None, reviewer_client: Browser
):
    kept = asked(process_type=ProcessType.PRESERVATION, called_numbers=False)
    process = actions.serve(agency, actions.draft(agency, scene.alert_id, kept, None).id).id
    now = clock.now()
    with as_role(Process.WORK):
        assert holds.preserve(process, now=now)
        assert telling.tell(process, Event.SERVED, now) == 2
        ending.run_clock(now=now)
    page = f"/process/{process}/"
    later = (clock.now() + timedelta(days=40)).date().isoformat()
    with as_role(Process.DESK):
        assert reviewer_client.get("/process/figures/").status_code == 200
        assert reviewer_client.post(f"{page}time/", {"until": later, "reason": "Slow."}).status_code == 302
        decision = {"decision": "accept", "reason": "x", "identity_method": "in_person", "identity_check": "x"}
        assert reviewer_client.post(f"{page}decide/", decision).status_code == 302
        assert reviewer_client.get(page).status_code == 200
        assert reviewer_client.post(f"{page}close/", {"reason": "Over."}).status_code == 302
    with as_role(Process.WORK):
        assert ending.run_clock(now=clock.now())["released"] == 1
    assert LegalHold.objects.get().released_at is not None


def test_an_agency_reports_the_worker_sends_and_traces_and_the_desk_decides(
    scene: Scene, roles: None, agency_client: Browser, desk_client: Browser, door: FeedDoor
):
    at = (clock.now() - timedelta(days=20)).isoformat()
    head = "call_at,calling,called,callback,transcript,duration_s,terminating_spc"
    rows = f"{head}\n{at},+12155550100,{MICHIGAN},,Hello,,709A\n"
    with as_role(Process.PORTAL):
        file = SimpleUploadedFile("calls.csv", rows.encode(), "text/csv")
        assert agency_client.post("/reports/file/", {"file": file}).status_code == 302
        assert agency_client.get("/reports/").status_code == 200
    report = AgencyReport.objects.get().id
    with as_role(Process.WORK):
        sending.send(report, door)
    with as_role(Process.PORTAL):
        assert agency_client.get(f"/reports/{report}/").status_code == 200
        assert agency_client.post(f"/reports/{report}/tracebacks/", {"reason": "Our case."}).status_code == 302
    with as_role(Process.DESK):
        assert desk_client.get("/reports/").status_code == 200
        sent = desk_client.post(f"/reports/{report}/decide/", {"opens": "yes", "answer": "Kept there."})
        assert sent.status_code == 302
    with as_role(Process.WORK):
        assert reports.open_tracebacks(report) == 1
    with as_role(Process.PORTAL):
        assert agency_client.get(f"/reports/{report}/").status_code == 200
