"""A recording is played to who may hear it, in the part that was asked for, and the audit says so."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater import clock
from headwater.alerts.models import Alert, AlertVersion
from headwater.audit.models import AuditEntry
from headwater.calls.store import CallStore
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.intake.recordings import Recordings
from tests.calls.samples import report
from tests.conftest import Browser
from tests.trends.scenery import campaign

pytestmark = pytest.mark.django_db
OCTETS = b"".join(number.to_bytes(2) for number in range(1024))


@pytest.fixture
def called(call_store: tuple[str, CallStore], settings: Any, tmp_path: Path) -> tuple[Campaign, uuid.UUID, str]:
    """A campaign with one recorded call, in a real store and a real folder."""
    url, store = call_store
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=url, home=tmp_path)
    name = Recordings(tmp_path).put(OCTETS)
    now = clock.now()
    number = uuid.uuid4().int % 10**9
    record = report(number, headers={"audio_sha256": name, "audio_type": "audio/x-wav"}, call_at=now, received_at=now)
    store.insert([record, report(number + 1, call_at=now, received_at=now)])
    one = campaign("Recorded", at=now)
    for each in (record.record_id, report(number + 1).record_id):
        CampaignMember.objects.create(
            record_id=each, campaign=one, call_at=now, joined_at=now, source_id="X", calling="12155550100",
            called_masked="+1 313", called_state="MI", score=1, rule_version="t", reasons={"support": 1.0},
        )  # fmt: skip
    return one, record.record_id, name


def address(of: Campaign, record_id: uuid.UUID) -> str:
    return f"/campaigns/{of.id}/calls/{record_id}/recording/"


def test_an_analyst_hears_the_whole_of_it_and_the_audit_says_so(called: Any, desk_client: Browser) -> None:
    one, record_id, name = called
    answer = desk_client.get(address(one, record_id))
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, OCTETS, "audio/wav")
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "no-store" in answer.headers["Cache-Control"]
    entry = AuditEntry.objects.get(tag="call:recording:played")
    assert entry.subject == str(record_id)
    assert name in str(entry.detail)


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-99", 206, OCTETS[:100]),
        ("bytes=2000-", 206, OCTETS[2000:]),
        ("bytes=-48", 206, OCTETS[-48:]),
        ("bytes=2000-999999", 206, OCTETS[2000:]),
        ("bytes=-999999", 206, OCTETS),
        ("bytes=2048-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=5-2", 200, OCTETS),
        ("bytes=0-1,4-5", 200, OCTETS),
        ("bytes=-", 200, OCTETS),
        ("octets=0-1", 200, OCTETS),
    ],
)
def test_a_player_is_given_the_part_that_it_asks_for(
    called: Any, desk_client: Browser, asked: str, status: int, part: bytes
) -> None:
    one, record_id, _ = called
    answer = desk_client.get(address(one, record_id), headers={"range": asked})
    assert (answer.status_code, answer.content) == (status, part)
    if status == 206:
        first = OCTETS.index(part)
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(OCTETS)}"
    if status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(OCTETS)}"


def test_a_call_without_a_recording_and_one_of_no_campaign_are_not_there(called: Any, desk_client: Browser) -> None:
    one, record_id, _ = called
    other = CampaignMember.objects.exclude(record_id=record_id).get()
    assert desk_client.get(address(one, other.record_id)).status_code == 404
    assert desk_client.get(address(one, uuid.uuid4())).status_code == 404
    assert desk_client.get(address(campaign("Other", at=clock.now()), record_id)).status_code == 404
    assert not AuditEntry.objects.filter(tag="call:recording:played").exists()


def test_a_recording_that_was_tampered_with_is_not_played(called: Any, desk_client: Browser, settings: Any) -> None:
    one, record_id, name = called
    (settings.HEADWATER.home / "recordings" / name[:2] / name).write_bytes(b"something else")
    assert desk_client.get(address(one, record_id)).status_code == 409


def test_an_agency_hears_the_samples_of_its_own_alerts_alone(
    called: Any, agency_client: Browser, agency: Any, other_agency_client: Browser
) -> None:
    one, record_id, name = called
    facts = {
        "calls": 3,
        "samples": [{"record_id": str(record_id), "recording": {"sha256": name, "media_type": "audio/wav"}}],
    }
    alert = Alert.objects.create(
        campaign=one, organisation_id=agency.organisation_id, state="MI", created_at=clock.now(), facts=facts
    )
    AlertVersion.objects.create(
        alert=alert, number=1, why="first", made_at=clock.now(), facts={**facts, "calls_in_state": 1}
    )
    path = f"/alerts/{alert.id}/calls/{record_id}/recording/"
    assert agency_client.get(path).content == OCTETS
    assert agency_client.get(f"/alerts/{alert.id}/calls/{uuid.uuid4()}/recording/").status_code == 404
    assert other_agency_client.get(path).status_code == 404
    assert Browser("portal").get(path).status_code == 302
    assert AuditEntry.objects.filter(tag="call:recording:played").count() == 1


def test_what_is_no_sound_is_never_played_as_a_page(called: Any, desk_client: Browser) -> None:
    from headwater.web.recordings import TYPES

    assert all(kind.startswith("audio/") for kind in TYPES.values())
    assert "text/html" not in TYPES
