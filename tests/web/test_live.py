"""The desk's first screen and the audit screen, over a real call store."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.conf import LazySettings

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls import queries as calls
from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.calls.store import CallStore
from tests.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tmp_path: Path, settings: LazySettings) -> Iterator[CallStore]:
    url = f"chdb://{tmp_path}/calls"
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=url, home=tmp_path)
    opened = CallStore.open(url)
    opened.migrate()
    yield opened
    calls.disconnect(url)
    opened.close()


def reports(source_id: str, count: int, *, minutes_ago: int) -> list[CallRecord]:
    at = clock.now() - timedelta(minutes=minutes_ago)
    return [
        CallRecord(
            record_id=uuid.uuid4(),
            record_kind=RecordKind.REPORT,
            source_kind=SourceKind.APP,
            source_id=source_id,
            event_id=str(number),
            call_at=at,
            received_at=at,
            raw=b"{}",
            raw_sha256=sha256(b"{}").digest(),
        )
        for number in range(count)
    ]


def test_the_desk_sees_what_came_in_by_source(desk_client: Browser, agency_user: object, store: CallStore) -> None:
    organisation = agency_user.organisation
    store.insert(reports(organisation.id, 7, minutes_ago=1) + reports("unknown-source", 3, minutes_ago=2))
    page = desk_client.get("/").content.decode()
    assert "<td>Blocking apps</td>" in page
    assert organisation.name in page
    assert "unknown-source" in page
    assert "7 records came in the last whole minute, from 2 sources" in page
    assert "10 kept in all" in page


def test_nothing_yet_says_what_would_fill_it(desk_client: Browser, store: CallStore) -> None:
    page = desk_client.get("/").content.decode()
    assert "Nothing came in within the last hour" in page
    assert "No campaign rings" in page
    assert "No traceback is open" in page


def test_a_call_store_that_does_not_answer_is_said_and_the_rest_is_shown(
    desk_client: Browser, settings: LazySettings
) -> None:
    settings.HEADWATER = replace(settings.HEADWATER, calls_url="http://desk:wrong@127.0.0.1:9")
    answer = desk_client.get("/")
    assert answer.status_code == 200
    assert "The call store does not answer" in answer.content.decode()
    assert "No traceback is open" in answer.content.decode()


def test_the_page_can_stand_still(desk_client: Browser, store: CallStore) -> None:
    assert "every 2s" in desk_client.get("/").content.decode()
    assert "every 2s" not in desk_client.get("/?paused=1").content.decode()


def test_the_fragment_is_no_whole_page(desk_client: Browser, store: CallStore) -> None:
    assert "<html" not in desk_client.get("/live/").content.decode()


def test_the_custodian_reads_the_audit_and_that_is_recorded(custodian_client: Browser, desk: Actor) -> None:
    record(desk, Tag.CAMPAIGN_VIEWED, "C-1", {"page": 3})
    record(desk, Tag.CALL_VIEWED, "<script>alert(1)</script>", {})
    page = custodian_client.get("/audit/?tag=campaign:campaign:viewed").content.decode()
    assert "C-1" in page
    assert "<script>alert" not in custodian_client.get("/audit/").content.decode()
    looked = AuditEntry.objects.filter(tag=Tag.AUDIT_VIEWED).order_by("seq").first()
    assert looked is not None
    assert looked.detail == {"tag": "campaign:campaign:viewed"}


def test_the_chain_is_checked_from_the_page(custodian_client: Browser, desk: Actor) -> None:
    record(desk, Tag.CAMPAIGN_VIEWED, "C-1")
    page = custodian_client.get("/audit/?check=1").content.decode()
    assert "Sound" in page
    assert "Each entry is chained to the hash of the one before" in page


@pytest.mark.parametrize("address", ["/audit/?from=yesterday", "/audit/?to=2026-13-01"])
def test_a_day_that_is_none_is_refused_in_words(custodian_client: Browser, address: str) -> None:
    answer = custodian_client.get(address)
    assert answer.status_code == 422
    assert "is no day" in answer.content.decode()


@pytest.mark.parametrize("before", ["-1", "x", "9" * 30, "१"])
def test_a_place_that_is_none_is_no_error(custodian_client: Browser, before: str) -> None:
    assert custodian_client.get(f"/audit/?before={before}").status_code == 200


def test_an_analyst_may_not_read_the_audit(desk_client: Browser) -> None:
    assert desk_client.get("/audit/").status_code == 403
