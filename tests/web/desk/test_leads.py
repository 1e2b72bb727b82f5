"""A campaign's leads as an analyst reads them: with the tracebacks behind each, and no word that claims more."""

import pytest

from headwater.audit.models import AuditEntry
from headwater.campaigns.models import Campaign
from headwater.wire.agents import AnswerCode
from tests.conftest import Browser
from tests.tracebacks.support import Pen, call, campaign, opened, register
from tests.web.desk.test_tracebacks import answered

pytestmark = pytest.mark.django_db


@pytest.fixture
def traced() -> tuple[Campaign, str, Pen]:
    """One ended traceback of a campaign."""
    named = campaign()
    alder, birch = Pen(register("709A")), Pen(register("709B", "Birch <i>Transit</i>"))
    traceback_id = opened(call("709A"), campaign=named)
    answered(alder, AnswerCode.UPSTREAM_US, birch)
    answered(birch, AnswerCode.ORIGINATED)
    return named, traceback_id, birch


def test_the_page_shows_each_lead_with_its_tracebacks_and_never_calls_it_a_finding(
    desk_client: Browser, traced: tuple[Campaign, str, Pen]
) -> None:
    named, traceback_id, birch = traced
    page = desk_client.get(f"/campaigns/{named.id}/leads/").content.decode()
    assert "Birch &lt;i&gt;Transit" in page
    assert f"/tracebacks/{traceback_id}/" in page
    assert "A lead is never a finding" in page
    told = desk_client.get(f"/campaigns/{named.id}/leads.json").json()
    assert told["leads"][0]["tracebacks"][0] == {"id": traceback_id, "says": "ended", "grade": "origin_confirmed"}
    assert AuditEntry.objects.filter(tag="campaign:leads:viewed", subject=named.id).count() == 2
    assert named.name in desk_client.get(f"/providers/{birch.provider.id}/").content.decode()


def test_no_agency_and_no_carrier_reads_leads(
    agency_client: Browser, provider_client: Browser, traced: tuple[Campaign, str, Pen]
) -> None:
    for client in (agency_client, provider_client):
        assert client.get(f"/campaigns/{traced[0].id}/leads/").status_code in {403, 404}
