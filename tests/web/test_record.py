"""The agency's own record: its people's deeds, nobody else's, and under the portal's database role nothing more."""

import pytest
from django.db import ProgrammingError, connection, transaction

from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.site.config import Process
from tests.conftest import Browser
from tests.web.test_process_roles import as_role, roles

__all__ = ["roles"]
pytestmark = pytest.mark.django_db


def looks(actor: Actor, *subjects: str) -> None:
    with transaction.atomic():
        for subject in subjects:
            record(actor, Tag.PROCESS_VIEWED, subject, {"looked for": "a secret of the desk"})


def test_an_agency_reads_what_its_people_did_in_words_and_nothing_of_others(
    agency: Actor, other_agency: Actor, desk: Actor, agency_client: Browser
):
    looks(agency, "LP-OWN0000001")
    looks(other_agency, "LP-OTHER00001")
    looks(desk, "LP-DESK000001")
    shown = agency_client.get("/record/").content.decode()
    assert "LP-OWN0000001" in shown
    assert "Looked at a request" in shown
    assert "alex@ag-mi.example" in shown
    for strange in ("LP-OTHER00001", "LP-DESK000001", "a secret of the desk"):
        assert strange not in shown
    assert "Read this record" in agency_client.get("/record/").content.decode()


def test_the_record_is_paged_and_rubbish_in_the_address_shows_the_newest(agency: Actor, agency_client: Browser):
    looks(agency, *(f"LP-{number:010d}" for number in range(150)))
    first = agency_client.get("/record/").content.decode()
    assert "LP-0000000149" in first
    assert "LP-0000000001" not in first
    older = first.partition("?before=")[2].partition('"')[0]
    second = agency_client.get(f"/record/?before={older}").content.decode()
    assert "LP-0000000001" in second
    assert "LP-0000000149" not in second
    for rubbish in ("x", "-1", "9" * 30, "٣"):
        assert "LP-0000000149" in agency_client.get(f"/record/?before={rubbish}").content.decode()


def test_the_portals_database_role_reads_no_detail_and_no_other_kind_of_organisation(
    agency: Actor, other_agency: Actor, desk: Actor, roles: None, agency_client: Browser
):
    looks(agency, "LP-OWN0000001")
    looks(other_agency, "LP-OTHER00001")
    looks(desk, "LP-DESK000001")
    with as_role(Process.PORTAL):
        assert "LP-OWN0000001" in agency_client.get("/record/").content.decode()
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT organisation FROM audit_entry WHERE subject LIKE 'LP-%'")
            seen = {organisation for (organisation,) in cursor.fetchall()}
        assert seen == {agency.organisation_id, other_agency.organisation_id}
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), connection.cursor() as c:
            c.execute("SELECT detail FROM audit_entry")
