"""The custodian's view of the audit: who saw what, by person, object and process, and as a table to keep."""

import csv
import io

import pytest
from django.db import transaction

from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from tests.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(desk: Actor, agency: Actor) -> None:
    with transaction.atomic():
        record(agency, Tag.PROCESS_VIEWED, "LP-0000000001")
        record(desk, Tag.CALL_RAW_OPENED, "record-1", {"process": "LP-0000000001"})
        record(desk, Tag.CAMPAIGN_VIEWED, "=HYPERLINK(1)")


def test_it_is_added_up_and_each_line_leads_to_its_entries(custodian_client: Browser, desk: Actor, log: None):
    page = custodian_client.get("/audit/?by=person").content.decode()
    assert desk.label in page
    assert "?who=user%3Adana%40consortium.example" in page
    page = custodian_client.get("/audit/?by=process").content.decode()
    assert "?process=LP-0000000001" in page
    page = custodian_client.get("/audit/?process=LP-0000000001").content.decode()
    assert "record-1" in page
    assert "=HYPERLINK" not in page
    assert "Nothing to add up" in custodian_client.get("/audit/?by=object&who=nobody").content.decode()


def test_what_is_shown_is_saved_as_a_table_that_no_spreadsheet_runs_and_that_is_an_entry(
    custodian_client: Browser, log: None
):
    for address in ("/audit/?form=csv", "/audit/?form=csv&by=object"):
        response = custodian_client.get(address)
        assert response.headers["Content-Disposition"].startswith("attachment")
        rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))
        assert any("HYPERLINK" in cell for row in rows for cell in row)
        assert not [cell for row in rows for cell in row if cell.startswith("=")]
    entry = AuditEntry.objects.filter(tag=Tag.AUDIT_EXPORTED).last()
    assert entry is not None
    assert entry.detail == {"by": "object"}


def test_only_who_may_read_the_audit_saves_it(reviewer_client: Browser, log: None):
    assert reviewer_client.get("/audit/?form=csv").status_code == 403
    assert reviewer_client.get("/audit/?by=person").status_code == 403
