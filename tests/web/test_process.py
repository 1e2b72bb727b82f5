"""Journeys of the form: an alert is read, process served, decided, its package downloaded and verified."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.evidence.verify import verify
from headwater.legal.models import LegalProcess, ProcessDocument
from tests.conftest import Browser
from tests.evidence.scenery import PDF, Scene, build

pytestmark = pytest.mark.django_db


def filled(page: str, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends for the form of a new process if only the case number and the file are added."""
    names = ("authority", "statute", "signer", "covers_from", "return_date")
    found = {name: re.search(rf'name="{name}" value="([^"]*)"', page) for name in names}
    values: dict[str, Any] = {name: match[1].replace("&amp;", "&") if match else "" for name, match in found.items()}
    scope = re.search(r'<textarea name="scope"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    assert scope is not None
    values |= {
        "process_type": "subpoena",
        "scope": scope[1],
        "case_number": "2026-CP-0815",
        "called_numbers": "on",
        "document": SimpleUploadedFile("subpoena.pdf", PDF, "application/pdf"),
    }
    return {**values, **changes}


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def draft(client: Browser, scene: Scene, **changes: Any) -> Any:
    """Send the form of a new process."""
    address = f"/alerts/{scene.alert_id}/serve/"
    return client.post(address, filled(client.get(address).content.decode(), **changes))


def test_from_alert_to_a_verified_package(
    scene: Scene, agency_client: Browser, reviewer_client: Browser, tmp_path: Path, custodian_key: bytes
):
    listed = agency_client.get("/")
    assert f"/alerts/{scene.alert_id}/" in listed.content.decode()
    alert = text_of(agency_client.get(f"/alerts/{scene.alert_id}/"))
    assert "Still ringing" in alert
    assert "Cedar VoIP is the confirmed origin in 2 of 2 tracebacks" in alert

    sent = draft(agency_client, scene)
    assert sent.status_code == 302
    review = agency_client.get(sent.url)
    assert "Serve this process" in review.content.decode()
    assert reviewer_client.get(sent.url.replace("requests", "process").replace("review/", "")).status_code == 404
    confirmed = agency_client.post(sent.url)
    receipt = text_of(agency_client.get(confirmed.url))
    process = LegalProcess.objects.get()
    assert f"Your receipt number is {process.id}" in receipt
    assert process.state == "served"

    queue = text_of(reviewer_client.get("/process/"))
    assert "min left" in queue or "59 min" in queue
    page = text_of(reviewer_client.get(f"/process/{process.id}/"))
    for fact in ("alex@ag-mi.example", "Alex Example", "Michigan AG", "2026-CP-0815"):
        assert fact in page
    decided = reviewer_client.post(
        f"/process/{process.id}/decide/",
        {
            "decision": "accept",
            "reason": "In order.",
            "identity_check": "Called the published number.",
            "grant_called_numbers": "on",
        },
    )
    assert decided.status_code == 302
    seal(Package.objects.get().id)

    produced = agency_client.get(f"/requests/{process.id}/")
    package_id = Package.objects.get().id
    assert "Confirmed origin: Cedar VoIP (709C)" in text_of(produced)
    assert Package.objects.get().sha256 in produced.content.decode()
    download = agency_client.get(f"/packages/{package_id}/")
    assert download.headers["Content-Disposition"] == f'attachment; filename="{package_id}.zip"'
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    saved = tmp_path / "package.zip"
    saved.write_bytes(b"".join(download.streaming_content))
    assert verify(saved, custodian_key).ok
    assert AuditEntry.objects.filter(tag=Tag.PACKAGE_DOWNLOADED, subject=package_id).count() == 1


def refused(client: Browser, scene: Scene, **changes: Any) -> str:
    """Send a form that must be refused; return what the page says."""
    sent = draft(client, scene, **changes)
    assert sent.status_code == 422
    assert not LegalProcess.objects.exists()
    assert not ProcessDocument.objects.exists()
    return sent.content.decode()


def upload(name: str, octets: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, octets, "application/pdf")


def test_the_form_is_filled_in_from_the_alert(scene: Scene, agency_client: Browser):
    page = agency_client.get(f"/alerts/{scene.alert_id}/serve/").content.decode()
    values = filled(page)
    assert (values["authority"], values["statute"]) == ("Michigan AG", "47 U.S.C. § 227(g)(1)")
    assert scene.campaign.name in values["scope"]
    assert values["return_date"] > values["covers_from"]


def test_every_problem_is_named_at_once_above_the_form_and_beside_its_field(scene: Scene, agency_client: Browser):
    page = refused(
        agency_client, scene, authority="", scope=" ", return_date="soon", covers_from="2999-01-01", document=""
    )
    for field, problem in (
        ("authority", "Enter the issuing authority"),
        ("scope", "Enter what is to be produced"),
        ("return_date", "Enter a date as year-month-day"),
        ("covers_from", "The first day must not lie in the future"),
        ("document", "Choose the signed document"),
    ):
        assert f'href="#id_{field}"' in page
        assert page.count(problem) == 2, problem
    assert "2026-CP-0815" in page


@pytest.mark.parametrize(
    ("name", "octets", "said"),
    [
        ("virus.pdf", b"MZ\x90\x00", "not a PDF"),
        ("script.pdf", PDF.replace(b"%PDF-1.3", b"%PDF-1.3\n9 0 obj << /S /JavaScript >> endobj"), "a script"),
        ("cut.pdf", PDF[:300], "not whole"),
        ("big.pdf", PDF + b" " * (20 * 1024 * 1024), "larger than 20 MB"),
        ("empty.pdf", b"", "empty"),
    ],
)
def test_a_hostile_document_is_refused_and_nothing_is_kept(
    scene: Scene, agency_client: Browser, name: str, octets: bytes, said: str
):
    assert said in refused(agency_client, scene, document=upload(name, octets))


def test_a_name_that_leaves_the_folder_is_kept_harmless(scene: Scene, agency_client: Browser):
    assert draft(agency_client, scene, document=upload("../../../etc/cron.d/x\r\nX: y.pdf", PDF)).status_code == 302
    held = ProcessDocument.objects.get()
    assert "/" not in held.filename
    download = agency_client.get(f"/requests/{held.process_id}/documents/{held.id}/")
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert "X" not in download.headers
    assert download.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    assert b"".join(download.streaming_content) == PDF


def test_a_draft_is_changed_before_it_is_served_and_keeps_its_document(scene: Scene, agency_client: Browser):
    review = draft(agency_client, scene).url
    change = review.replace("/review/", "/change/")
    page = agency_client.get(change).content.decode()
    assert 'value="2026-CP-0815"' in page
    values = filled(page, case_number="2026-CP-0999")
    del values["document"]
    assert agency_client.post(change, values).url == review
    assert "2026-CP-0999" in agency_client.get(review).content.decode()
    assert ProcessDocument.objects.count() == 1


def test_another_agency_gets_404_on_every_page_of_it(package: Path, scene: Scene, other_agency_client: Browser):
    process, held = LegalProcess.objects.get(), ProcessDocument.objects.get()
    for address in (
        f"/alerts/{scene.alert_id}/serve/",
        f"/requests/{process.id}/",
        f"/requests/{process.id}/review/",
        f"/requests/{process.id}/change/",
        f"/requests/{process.id}/ringing/",
        f"/requests/{process.id}/documents/{held.id}/",
        f"/packages/{Package.objects.get().id}/",
    ):
        assert other_agency_client.get(address).status_code == 404, address
    for address in ("withdraw", "supply", "review"):
        sent = other_agency_client.post(f"/requests/{process.id}/{address}/", {"reason": "x", "note": "x"})
        assert sent.status_code == 404, address
    listed = other_agency_client.get("/requests/").content.decode()
    assert process.id not in listed
    assert "No requests yet" in listed


def test_the_desks_people_do_only_their_own_part(
    served: str, desk_client: Browser, custodian_client: Browser, agency_client: Browser
):
    decision = {"decision": "accept", "reason": "x", "identity_check": "x"}
    assert desk_client.get("/process/").status_code == 403
    for client in (desk_client, custodian_client, agency_client):
        assert client.post(f"/process/{served}/decide/", decision).status_code in (403, 404)
    assert "Record the decision" not in custodian_client.get(f"/process/{served}/").content.decode()
    assert LegalProcess.objects.get().state == "served"


def test_nobody_who_is_not_signed_in_gets_anywhere(package: Path, scene: Scene):
    stranger = Browser("portal")
    for address in ("/", f"/alerts/{scene.alert_id}/", "/requests/", f"/packages/{Package.objects.get().id}/"):
        answer = stranger.get(address)
        assert answer.status_code == 302
        assert "/login" in answer.url or "/sign-in" in answer.url


def test_a_decision_without_a_reason_is_asked_again(served: str, reviewer_client: Browser):
    answer = reviewer_client.post(f"/process/{served}/decide/", {"decision": "object", "reason": " "})
    assert answer.status_code == 422
    assert "This could not be taken" in answer.content.decode()
    assert LegalProcess.objects.get().state == "served"


def test_a_form_that_is_sent_twice_serves_once(scene: Scene, agency_client: Browser):
    review = draft(agency_client, scene).url
    assert agency_client.post(review).status_code == 302
    assert agency_client.post(review).status_code == 409
    assert LegalProcess.objects.get().state == "served"


def test_scripts_in_words_and_names_are_shown_as_text(
    home: Path, call_store: Any, agency: Any, agency_client: Browser, reviewer_client: Browser
):
    hostile = "<script>alert(document.cookie)</script>"
    words = f"{hostile} your social security number has been suspended press one to speak to an officer now"
    scene = build(call_store[1], agency, names=("A", "B", hostile), text=words)
    review = draft(agency_client, scene, case_number=hostile, scope=hostile, signer=hostile).url
    agency_client.post(review)
    process_id = LegalProcess.objects.get().id
    decision = {"decision": "accept", "reason": hostile, "identity_check": hostile, "grant_called_numbers": "on"}
    reviewer_client.post(f"/process/{process_id}/decide/", decision)
    seal(Package.objects.get().id)
    for client, address in (
        (agency_client, f"/alerts/{scene.alert_id}/"),
        (agency_client, review),
        (agency_client, f"/requests/{process_id}/"),
        (agency_client, "/requests/"),
        (reviewer_client, "/process/"),
        (reviewer_client, f"/process/{process_id}/"),
    ):
        page = client.get(address, follow=True).content.decode()
        assert hostile not in page, address
        assert "&lt;script&gt;" in page, address


def test_the_page_asks_again_for_what_is_deficient(served: str, agency_client: Browser, reviewer_client: Browser):
    decision = {"decision": "deficient", "reason": "Page two is missing.", "identity_check": "Called the office."}
    reviewer_client.post(f"/process/{served}/decide/", decision)
    assert "Page two is missing." in agency_client.get(f"/requests/{served}/").content.decode()
    bad = agency_client.post(f"/requests/{served}/supply/", {"note": "Here.", "document": upload("x.pdf", b"MZ")})
    assert bad.status_code == 422
    sent = agency_client.post(f"/requests/{served}/supply/", {"note": "Here.", "document": upload("x.pdf", PDF)})
    assert sent.status_code == 302
    assert LegalProcess.objects.get().state == "under_review"
    assert "Asked for before" in reviewer_client.get(f"/process/{served}/").content.decode()


def test_a_withdrawn_request_says_so_and_ends(served: str, agency_client: Browser, reviewer_client: Browser):
    assert agency_client.post(f"/requests/{served}/withdraw/", {"reason": "Settled."}).status_code == 302
    page = text_of(agency_client.get(f"/requests/{served}/"))
    assert "Withdrawn" in page
    assert "Withdraw this request" not in page
    assert "Nothing waits" in reviewer_client.get("/process/").content.decode()


def test_no_page_of_an_alert_shows_a_called_number_in_full(scene: Scene, agency_client: Browser):
    page = agency_client.get(f"/alerts/{scene.alert_id}/").content.decode()
    assert "+1 313 *** ****" in page
    assert "3135550101" not in page
    assert "555 0101" not in page
