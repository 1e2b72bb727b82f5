"""The pages of signers, as people of the desk use them, on verdicts that the verifier made."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from headwater import clock
from headwater.accounts.actors import system
from headwater.audit.models import AuditEntry
from headwater.calls import queries as calls
from headwater.calls.records import CallRecord
from headwater.calls.store import CallStore
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.signers import actions
from headwater.signers.models import Certificate, Host, Signature
from headwater.signers.tokens import identities
from headwater.worker.verifier import Follower
from tests.signers.scenery import Network
from tests.stir.pki import X5U

pytestmark = pytest.mark.django_db

HOST = "certificates.example.com"


@pytest.fixture
def network(tmp_path: Path, settings: Any, call_store: tuple[str, CallStore]) -> Network:
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path, calls_url=call_store[0])
    made = Network()
    made.trust(tmp_path)
    return made


def judged(network: Network, store: CallStore, tmp_path: Path, url: str, *records: CallRecord) -> None:
    """Store records and let the verifier, reading the real store, judge them."""
    store.insert(records)
    Follower(lambda: calls.connect(url), tmp_path, fetch=False).turn(clock.now())


@pytest.fixture
def signed(network: Network, call_store: tuple[str, CallStore], tmp_path: Path) -> CallRecord:
    """A call that 709J signed and whose certificate is at hand."""
    actions.bring_certificates(system("operator"), network.chain_pem, x5u=X5U)
    record = network.call(network.identity())
    judged(network, call_store[1], tmp_path, call_store[0], record)
    return record


def page(client: Client, path: str, *, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def test_a_call_shows_signer_attestation_chain_and_every_check(desk_client: Client, signed: CallRecord):
    told = page(desk_client, f"/calls/{signed.record_id}/")
    for words in ("709J", "A, full: the signer knows its customer", "SHAKEN 709J", "Issuing", "TN-Validation-Passed",
                  "The signature verifies over the octets received", "The token was not used"):  # fmt: skip
        assert words in told, words
    assert "12155550131" not in told
    assert "215 555 0131" not in told
    assert AuditEntry.objects.filter(tag="call:call:viewed", subject=str(signed.record_id)).exists()


def test_a_call_without_a_signature_or_that_is_not_there_says_so(
    desk_client: Client, network: Network, call_store: tuple[str, CallStore]
):
    record = network.call()
    call_store[1].insert([record])
    assert "Not signed" in page(desk_client, f"/calls/{record.record_id}/")
    page(desk_client, "/calls/00000000-0000-0000-0000-000000000000/", status=404)


def test_the_lists_show_who_signed_what(desk_client: Client, signed: CallRecord):
    assert "709J" in page(desk_client, "/signers/")
    told = page(desk_client, "/signers/709J/")
    assert "SHAKEN 709J" in told
    assert str(signed.record_id) in told
    page(desk_client, "/signers/999Z/", status=404)
    assert AuditEntry.objects.filter(tag="signer:signer:viewed", subject="709J").exists()


def test_an_archived_certificate_is_handed_out_as_it_was_seen(desk_client: Client, signed: CallRecord):
    row = Certificate.objects.get(spc="709J")
    told = page(desk_client, f"/certificates/{row.sha256}/")
    for words in ("SHAKEN 709J", "Issuing", X5U, "Departures from the SHAKEN profile"):
        assert words in told, words
    response = desk_client.get(f"/certificates/{row.sha256}/octets/")
    assert response.content == bytes(row.octets)
    assert response["content-disposition"].startswith("attachment")
    page(desk_client, "/certificates/nothing/", status=404)


def test_a_waiting_host_is_decided_on_the_page_with_a_reason(
    desk_client: Client, custodian_client: Client, network: Network, call_store: tuple[str, CallStore], tmp_path: Path
):
    record = network.call(network.identity())
    judged(network, call_store[1], tmp_path, call_store[0], record)
    assert "1 wait" in page(desk_client, "/signers/")
    assert HOST in page(desk_client, "/signers/hosts/")
    assert "Allow" not in page(custodian_client, "/signers/hosts/")
    assert custodian_client.post("/signers/hosts/decide/", {"host": HOST}).status_code == 403
    told = desk_client.post("/signers/hosts/decide/", {"host": HOST, "decision": "allow"}, follow=True)
    assert "Say why" in told.content.decode()
    form = {"host": HOST, "decision": "allow", "reason": "In the directory."}
    assert "judged again" in desk_client.post("/signers/hosts/decide/", form, follow=True).content.decode()
    assert Host.objects.get().state == "allowed"
    assert "Does not hold" in page(desk_client, f"/calls/{record.record_id}/")


@pytest.mark.parametrize("path", ["/signers/", "/signers/hosts/", "/signers/709J/"])
def test_an_agency_and_a_provider_have_no_such_page(agency_client: Client, provider_client: Client, path: str):
    for client in (agency_client, provider_client):
        assert client.get(path).status_code == 404


def test_words_in_a_token_are_text_on_the_page(
    desk_client: Client, network: Network, call_store: tuple[str, CallStore], tmp_path: Path
):
    hostile = "<script>alert(1)</script>"
    record = network.call(network.identity(origid=hostile, attest=hostile, orig={"tn": hostile}))
    judged(network, call_store[1], tmp_path, call_store[0], record)
    assert hostile not in page(desk_client, f"/calls/{record.record_id}/")
    assert hostile not in page(desk_client, "/signers/-/")
    assert Signature.objects.get(record_id=record.record_id).attest == ""


@pytest.mark.parametrize("path", ["/signers/", "/signers/709J/", "/signers/hosts/"])
def test_a_program_gets_the_values_of_a_page_that_a_person_sees(desk_client: Client, signed: CallRecord, path: str):
    response = desk_client.get(path, headers={"accept": "application/json"})
    assert response["content-type"] == "application/json"
    assert response.json()
    one = desk_client.get(f"/calls/{signed.record_id}/", headers={"accept": "application/json"}).json()
    assert (one["signature"]["spc"], one["signature"]["attest"]) == ("709J", "A")
    assert one["call"]["called_masked"].endswith("***-****") or "***" in one["call"]["called_masked"]
    assert "12155550131" not in str(one)


def test_a_program_may_have_a_header_judged(desk_client: Client, network: Network):
    form = {"identity": network.identity(), "certificate": network.chain_pem.decode(), "calling": "12155550121",
            "called": "12155550131"}  # fmt: skip
    told = desk_client.post("/stir/", form, headers={"accept": "application/json"}).json()
    assert (told["result"], told["signers"], told["verstat"]) == ("valid", ["709J"], "TN-Validation-Passed")
    assert len(told["tokens"][0]["checks"]) >= 20


def test_a_copied_token_shows_its_own_verdict_and_the_call_that_it_was_taken_from(
    desk_client: Client, network: Network, call_store: tuple[str, CallStore], signed: CallRecord, tmp_path: Path
):
    header = identities(signed.raw)[0]
    copy = network.call(header, called="12155550199")
    hop = network.call(header, called="12155550199")
    judged(network, call_store[1], tmp_path, call_store[0], copy)
    call_store[1].insert([hop])
    for record in (copy, hop):
        told = page(desk_client, f"/calls/{record.record_id}/")
        assert "dest-differs-from-call" in told
        assert "One token used for several calls" in told
        assert f'href="/calls/{signed.record_id}/"' in told
    assert "Signed by" in page(desk_client, f"/calls/{signed.record_id}/")


def test_a_signer_shows_the_campaigns_of_its_calls_by_any_report_of_them(
    desk_client: Client, network: Network, call_store: tuple[str, CallStore], signed: CallRecord
):
    assert "is in a campaign" in page(desk_client, "/signers/709J/")
    report = network.call(identities(signed.raw)[0])
    call_store[1].insert([report])
    campaign = Campaign.objects.create(
        id="C-1",
        name="Tech-Support",
        calls=1,
        first_call_at=clock.now(),
        last_call_at=clock.now(),
        detected_at=clock.now(),
    )
    CampaignMember.objects.create(
        record_id=report.record_id, campaign=campaign, call_at=clock.now(), joined_at=clock.now(), source_id="app",
        calling="", called_masked="", score=1.0, rule_version="t",
    )  # fmt: skip
    told = page(desk_client, "/signers/709J/")
    assert "Tech-Support" in told
    assert "/campaigns/C-1/" in told
