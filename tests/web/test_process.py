"""Journeys of the form: an alert is read, process served, decided, its package downloaded and verified."""

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.store import CallStore
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.evidence.verify import verify
from headwater.legal.models import LegalProcess, ProcessDocument
from tests.conftest import Browser
from tests.evidence.conftest import (  # noqa: F401 - fixtures
    accept,
    call_store,
    custodian_key,
    home,
    package,
    scene,
    serve,
    served,
)
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
