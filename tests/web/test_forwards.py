"""A call-back number traced forward by people: opened at the desk, answered in the carrier pages, told by its grade."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.campaigns.models import CampaignNode
from headwater.providers import statements
from headwater.providers.models import Provider
from headwater.site.secret_files import _ed25519
from headwater.tracebacks import forwarding, receipts
from headwater.tracebacks.models import ForwardAnswer, ForwardQuestion, ForwardTracing, RefusedAnswer
from tests.conftest import Browser
from tests.tracebacks.support import campaign, register

pytestmark = pytest.mark.django_db
NUMBER = "18005550142"


@pytest.fixture
def asked(desk_client: Browser, provider: Actor) -> ForwardQuestion:
    """The desk asks ``First Carrier`` (709J), whose person is signed in to the carrier pages."""
    Provider.objects.filter(spc="709J").update(name="First <i>Carrier</i>")
    sent = {"number": "1-800-555-0142", "campaign": "", "spc": "709j", "why": "responsible organisation"}
    answer = desk_client.post("/forwards/open/", sent)
    assert answer.status_code == 302, answer.content.decode()
    return ForwardQuestion.objects.get()


def test_the_desk_opens_one_from_a_campaign_s_call_back_number(desk_client: Browser) -> None:
    named = campaign()
    now = named.first_call_at
    CampaignNode.objects.create(campaign=named, kind="callback", value=NUMBER, calls=7, first_at=now, last_at=now)
    page = desk_client.get(f"/campaigns/{named.id}/").content.decode()
    [link] = re.findall(r'href="(/forwards/\?number=[^"]+)"', page)
    form = desk_client.get(link.replace("&amp;", "&").partition("#")[0]).content.decode()
    assert f'value="{NUMBER}"' in form
    assert f'value="{named.id}"' in form
    register("709A")
    sent = {"number": NUMBER, "campaign": named.id, "spc": "709A", "why": "responsible organisation"}
    desk_client.post("/forwards/open/", sent)
    row = ForwardTracing.objects.get()
    assert row.campaign_id == named.id
    assert f"/forwards/{row.id}/" in desk_client.get(f"/campaigns/{named.id}/").content.decode()


def test_a_further_provider_needs_a_reason_and_a_number_must_be_one(desk_client: Browser) -> None:
    answer = desk_client.post("/forwards/open/", {"number": NUMBER, "spc": "709A"})
    assert (answer.status_code, "Say what points at the provider" in answer.content.decode()) == (422, True)
    answer = desk_client.post("/forwards/open/", {"number": "nothing"})
    assert (answer.status_code, "this is none" in answer.content.decode()) == (422, True)
    assert not ForwardTracing.objects.exists()


def test_a_carrier_s_person_answers_on_one_screen_and_the_desk_reads_the_graded_outcome(
    asked: ForwardQuestion, desk_client: Browser, provider_client: Browser, tmp_path: Path, settings: Any
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / statements.RECEIPT_KEY).write_text(_ed25519())
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    assert f"/numbers/{asked.id}/" in provider_client.get("/").content.decode()
    page = provider_client.get(f"/numbers/{asked.id}/").content.decode()
    assert "needs legal process" in page
    answer = provider_client.post(f"/numbers/{asked.id}/", {"code": "SERVES", "country": "US", "note": ""})
    assert answer.status_code == 302
    receipt = ForwardAnswer.objects.get().id
    assert receipt in provider_client.get(answer["Location"]).content.decode()
    statement = provider_client.get(f"/numbers/{asked.id}/receipts/{receipt}/signed/").getvalue().decode()
    assert receipts.verified(statement, receipts.public_key()).answer_code == "SERVES"
    assert receipt in provider_client.get("/answered/").content.decode()
    forwarding.advance(asked.forward_id)
    shown = desk_client.get(f"/forwards/{asked.forward_id}/").content.decode()
    assert "Serving provider confirmed" in shown
    assert "First &lt;i&gt;Carrier" in shown
    assert receipt in shown
    told = desk_client.get(f"/forwards/{asked.forward_id}/", headers={"Accept": "application/json"}).json()
    assert told["view"]["trace"]["grade"] == "server_confirmed"
    assert AuditEntry.objects.filter(tag="forward:trace:viewed", subject=asked.forward_id).count() == 2


def test_what_a_person_leaves_out_is_asked_for_and_what_is_impossible_is_kept(
    asked: ForwardQuestion, provider_client: Browser
) -> None:
    nameless = provider_client.post(f"/numbers/{asked.id}/", {"code": "PORTED", "country": "US"})
    assert "Name the provider" in nameless.content.decode()
    itself = provider_client.post(f"/numbers/{asked.id}/", {"code": "PORTED", "spc": "709J", "country": "US"})
    assert "names itself" in itself.content.decode()
    assert not ForwardAnswer.objects.exists()
    assert RefusedAnswer.objects.count() == 1


def test_another_carrier_and_an_agency_see_nothing_of_it(
    asked: ForwardQuestion, provider_client: Browser, agency_client: Browser
) -> None:
    ForwardQuestion.objects.update(provider=register("709B").id)
    assert provider_client.get(f"/numbers/{asked.id}/").status_code == 404
    assert agency_client.get(f"/forwards/{asked.forward_id}/").status_code == 404


def test_the_desk_records_a_letter_and_calls_off_with_a_reason(asked: ForwardQuestion, desk_client: Browser) -> None:
    where = f"/forwards/{asked.forward_id}"
    sent = {"spc": "709J", "code": "RESOLD", "document": "letter 7", "country": "US"}
    refused = desk_client.post(f"{where}/answer/", sent)
    assert (refused.status_code, "must name the provider" in refused.content.decode()) == (422, True)
    register("709B", "Birch")
    assert desk_client.post(f"{where}/answer/", sent | {"names": "709B"}).status_code == 302
    page = desk_client.get(f"{where}/").content.decode()
    assert "letter 7" in page
    assert "Birch is asked now" in page
    desk_client.post(f"{where}/cancel/", {"reason": "asked by mistake"})
    assert "asked by mistake" in desk_client.get(f"{where}/").content.decode()
    assert ForwardQuestion.objects.filter(withdrawn_at=None).count() == 0
