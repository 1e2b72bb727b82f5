"""The pages by which an agency reports calls, and where the desk decides."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from headwater import clock
from headwater.reports.models import AgencyReport, ReportedCall
from tests.conftest import Browser

pytestmark = pytest.mark.django_db


def filled(**changes: str) -> dict[str, Any]:
    at = (clock.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    values = {"calls.0-call_at": at, "calls.0-calling": "+12155550100", "calls.0-called": "(313) 555-0101"}
    return {**values, "calls.0-transcript": "Press one now", "note": "From our hotline", **changes}


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_call_is_reported_by_the_form_and_stands_in_the_list(agency_client: Browser):
    assert agency_client.get("/reports/calls/").status_code == 200
    sent = agency_client.post("/reports/calls/", filled())
    assert sent.status_code == 302, text_of(sent)
    report = AgencyReport.objects.get()
    assert sent.url == f"/reports/{report.id}/"
    assert "on their way" in text_of(agency_client.get(sent.url))
    assert report.id in text_of(agency_client.get("/reports/"))


def test_what_cannot_be_stored_is_said_beside_its_call(agency_client: Browser):
    later = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    wrong = {"calls.1-call_at": later, "calls.1-called": "nobody"}
    sent = agency_client.post("/reports/calls/", filled(**wrong))
    assert sent.status_code == 422
    page = sent.content.decode()
    second = page[page.index('aria-labelledby="call2"') : page.index('aria-labelledby="call3"')]
    assert "not in the future" in second
    assert "with its area code" in second
    assert not AgencyReport.objects.exists()
    assert agency_client.post("/reports/calls/", {}).status_code == 422


def test_a_file_and_a_recording_are_brought_and_hostile_names_lose_their_path(agency_client: Browser):
    file = SimpleUploadedFile("../../etc/calls.csv", b"call_at,calling,called\n", "text/csv")
    sent = agency_client.post("/reports/file/", {"file": file})
    assert sent.status_code == 302
    assert AgencyReport.objects.get().filename == "calls.csv"
    at = (clock.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    call = {"call_at": at, "called": "+13135550101"}
    sound = SimpleUploadedFile("voicemail.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav")
    assert agency_client.post("/reports/recording/", {**call, "file": sound}).status_code == 302
    script = SimpleUploadedFile("voicemail.wav", b"<script>alert(1)</script>", "audio/wav")
    refused = agency_client.post("/reports/recording/", {**call, "file": script})
    assert refused.status_code == 422
    assert "bring WAV" in text_of(refused)


def test_an_agency_asks_and_the_desk_decides(
    agency_client: Browser, desk_client: Browser, other_agency_client: Browser
):
    agency_client.post("/reports/calls/", filled())
    report = AgencyReport.objects.get()
    address = f"/reports/{report.id}/"
    assert agency_client.post(f"{address}tracebacks/", {"reason": "x"}).status_code == 422
    AgencyReport.objects.update(state="taken")
    ReportedCall.objects.create(
        report=report, record_id="00000000-0000-0000-0000-000000000001", call_at=clock.now() - timedelta(days=30)
    )
    assert agency_client.post(f"{address}tracebacks/", {"reason": "Our case"}).status_code == 302
    assert other_agency_client.get(address).status_code == 404
    assert "Our case" in text_of(desk_client.get("/reports/"))
    assert "Decide on the tracebacks" in text_of(desk_client.get(address))
    decided = desk_client.post(f"{address}decide/", {"opens": "no", "answer": "Records are gone."})
    assert decided.status_code == 302
    assert "Records are gone." in text_of(agency_client.get(address))
