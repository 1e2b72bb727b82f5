"""The desk finds calls: masked, audited, by numbers or an identifier, for people and for programs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from headwater.audit.models import AuditEntry
from headwater.calls import queries
from headwater.calls.store import CallStore
from tests.calls.samples import NOON, invite, report

pytestmark = pytest.mark.django_db

ASKED = {"by": "numbers", "called": "310-555-0007", "calling": "(215) 555-0100", "at": "2026-11-24T12:00:20Z"}


@pytest.fixture(scope="module")
def call_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"chdb://{tmp_path_factory.mktemp('calls')}"
    store = CallStore.open(url)
    store.migrate()
    store.insert([*(report(number) for number in range(20)), invite(1)])
    store.insert([report(30, called="13105550007", call_at=NOON + timedelta(hours=5))])
    yield url
    queries.disconnect(url)
    store.close()


@pytest.fixture(autouse=True)
def _reads_it(call_store: str, settings: Any) -> None:
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store)


def post(client: Client, status: int = 200, **changes: str) -> str:
    answer = client.post("/calls/", ASKED | changes)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_form_is_empty_at_first(desk_client: Client) -> None:
    answer = desk_client.get("/calls/")
    assert answer.status_code == 200
    assert "Find calls" in answer.content.decode()


def test_a_call_is_found_by_its_numbers_masked_with_its_rule_and_audited(desk_client: Client) -> None:
    told = post(desk_client)
    assert "1 record answers" in told
    assert "both numbers and the time agree" in told
    assert "+1 310 *** ****" in told
    assert str(report(7).record_id) in told
    assert "3105550007" not in told
    assert "555 0007" not in told
    entry = AuditEntry.objects.filter(tag="call:call:viewed", subject="lookup").last()
    assert entry is not None
    assert "0007" not in str(entry.detail)


def test_a_wrong_zone_is_found_where_it_is_asked_for(desk_client: Client) -> None:
    assert "another zone by +5 h" in post(desk_client, zones="yes")
    assert "another zone by" not in post(desk_client)


def test_a_call_is_found_by_its_identifier(desk_client: Client) -> None:
    told = post(desk_client, by="call_id", value="call-1@example", at="2026-11-24T07:00:00-05:00", window="3600")
    assert str(invite(1).record_id) in told


def test_nothing_found_says_what_to_do(desk_client: Client) -> None:
    assert "Widen the window" in post(desk_client, called="3105559999")


@pytest.mark.parametrize(
    "changes",
    [{"at": "yesterday"}, {"at": "2026-11-24T12:00:00"}, {"called": "nobody"}, {"by": "raw"}, {"window": "9999999"}],
    ids=str,
)
def test_what_cannot_be_read_is_said_and_not_audited(desk_client: Client, changes: dict[str, str]) -> None:
    before = AuditEntry.objects.count()
    assert 'role="alert"' in post(desk_client, 422, **changes)
    assert AuditEntry.objects.count() == before


def test_a_program_gets_the_same_as_json(desk_client: Client) -> None:
    answer = desk_client.post("/calls/", ASKED, headers={"Accept": "application/json"})
    (row,) = answer.json()["records"]
    assert (row["record_id"], row["called"]) == (str(report(7).record_id), "+1 310 *** ****")
    assert 0.9 < row["confidence"] < 1


def test_a_stranger_is_sent_to_sign_in(client: Client) -> None:
    assert client.post("/calls/", ASKED).status_code in {302, 403, 404}
