"""Stopping a campaign, as each of its people does it: the desk, the provider, the agency."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.calls.store import CallStore
from headwater.campaigns.models import CampaignMember
from headwater.legal import actions as legal
from headwater.legal.rules import Decision, Grant
from headwater.providers.models import Provider
from headwater.relief import block_list
from headwater.relief.models import BlockEntry, Measure, Notice
from tests.evidence.conftest import serve
from tests.evidence.scenery import Scene, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(call_store: tuple[str, CallStore], agency: Actor, settings: Any) -> Scene:
    """A campaign traced to Cedar VoIP (709C)."""
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return build(call_store[1], agency)


@pytest.fixture
def cedar(scene: Scene, provider_user: User, provider_client: Client) -> Client:
    """A browser of somebody at the origin: the carrier's person, moved to Cedar."""
    Provider.objects.filter(organisation=provider_user.organisation).update(organisation=None)
    Provider.objects.filter(id=scene.origin.id).update(organisation=provider_user.organisation)
    return provider_client


def page(client: Client, path: str, *, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def path_of(scene: Scene, rest: str = "") -> str:
    return f"/campaigns/{scene.campaign.id}/relief/{rest}"


def test_from_the_notice_to_the_report_each_sees_what_the_other_did(desk_client: Client, scene: Scene, cedar: Client):
    assert "Cedar VoIP" in page(desk_client, path_of(scene))
    sent = desk_client.post(path_of(scene, "notice/"), {"provider": scene.origin.id, "kind": "suspected_traffic"})
    assert sent.status_code == 302
    notice = Notice.objects.get()
    assert "not opened yet" in page(desk_client, path_of(scene))

    assert notice.id in page(cedar, "/notices/")
    opened = page(cedar, f"/notices/{notice.id}/")
    assert "NOTICE OF SUSPECTED ILLEGAL TRAFFIC" in opened
    assert "opened by user:pat@first.example" in page(desk_client, path_of(scene))

    assert cedar.post(f"/notices/{notice.id}/acknowledge/").status_code == 302
    said = {"action": "blocked", "acted_at": f"{clock.now():%Y-%m-%d %H:%M:%S}", "note": "Account closed."}
    assert cedar.post(f"/notices/{notice.id}/", said).status_code == 302
    told = page(desk_client, path_of(scene))
    assert "Blocks this and substantially similar traffic" in told
    assert "Account closed." in told
    assert Measure.objects.count() == 2


def test_what_is_missing_in_a_report_is_said_beside_it(desk_client: Client, scene: Scene, cedar: Client):
    desk_client.post(path_of(scene, "notice/"), {"provider": scene.origin.id, "kind": "cease_and_desist"})
    notice = Notice.objects.get()
    page(cedar, f"/notices/{notice.id}/")
    response = cedar.post(f"/notices/{notice.id}/", {"action": "disputed", "acted_at": "yesterday"})
    assert response.status_code == 422
    assert "Enter a valid date/time" in response.content.decode()
    now = f"{clock.now():%Y-%m-%d %H:%M:%S}"
    response = cedar.post(f"/notices/{notice.id}/", {"action": "disputed", "acted_at": now})
    assert response.status_code == 422
    assert "what you dispute and why" in response.content.decode()


def test_another_provider_finds_no_such_notice(
    desk_client: Client, scene: Scene, cedar: Client, other_provider_client: Client
):
    desk_client.post(path_of(scene, "notice/"), {"provider": scene.origin.id, "kind": "suspected_traffic"})
    notice = Notice.objects.get()
    assert notice.id not in page(other_provider_client, "/notices/")
    page(other_provider_client, f"/notices/{notice.id}/", status=404)
    assert other_provider_client.post(f"/notices/{notice.id}/acknowledge/").status_code == 404
    notice.refresh_from_db()
    assert notice.state == "sent"


def test_a_measure_taken_elsewhere_is_entered_with_its_time(desk_client: Client, scene: Scene):
    at = f"{clock.now():%Y-%m-%d %H:%M:%S}"
    form = {"kind": "order_issued", "at": at, "what": "TRO of D. Ariz., 4:23-cv-00233"}
    assert desk_client.post(path_of(scene, "measure/"), form).status_code == 302
    assert "TRO of D. Ariz., 4:23-cv-00233" in page(desk_client, path_of(scene))
    response = desk_client.post(path_of(scene, "measure/"), form | {"at": "2099-01-01 00:00"})
    assert response.status_code == 422
    assert "lie ahead" in response.content.decode()


def test_block_entries_are_entered_from_the_table_and_taken_back_with_a_reason(desk_client: Client, scene: Scene):
    own = CampaignMember.objects.values_list("calling", flat=True)[0]
    desk_client.post(path_of(scene, "block/"), {"number": [own], "days": "7"})
    (entry,) = block_list.blocks()
    for days in ("", "x", "99"):
        answer = desk_client.post(path_of(scene, "block/"), {"number": [own], "days": days}, follow=True)
        assert "1 to 30 days" in answer.content.decode()
    assert BlockEntry.objects.count() == 1
    answer = desk_client.post(path_of(scene, f"block/{entry.id}/"), {"reason": ""}, follow=True)
    assert "Say why" in answer.content.decode()
    desk_client.post(path_of(scene, f"block/{entry.id}/"), {"reason": "A school's number."})
    assert block_list.blocks() == []


def test_the_custodian_reads_and_changes_nothing(custodian_client: Client, scene: Scene):
    told = page(custodian_client, path_of(scene))
    assert "Send a notice" not in told
    assert "Enter block entries" not in told
    for rest in ("notice/", "measure/", "block/", "block/1/"):
        assert custodian_client.post(path_of(scene, rest), {}).status_code == 403


def test_words_of_a_transcript_and_of_a_provider_stay_words_in_the_letter(
    call_store: tuple[str, CallStore], agency: Actor, settings: Any, desk_client: Client
):
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    hostile = "<script>alert(1)</script>"
    words = "your social security number has been suspended press one to speak to an officer of the law now"
    scene = build(call_store[1], agency, names=("Alder", "Birch", hostile), text=f"{hostile} {words} {{notice}}")
    desk_client.post(path_of(scene, "notice/"), {"provider": scene.origin.id, "kind": "suspected_traffic"})
    assert "{notice}" in Notice.objects.get().letter
    assert hostile not in page(desk_client, path_of(scene))


def test_an_agency_sees_the_calls_until_now_once_its_process_is_accepted_and_not_before(
    agency_client: Client, agency: Actor, reviewer: Actor, desk_client: Client, scene: Scene
):
    process_id = serve(scene, agency)
    desk_client.post(path_of(scene, "notice/"), {"provider": scene.origin.id, "kind": "suspected_traffic"})
    assert "The calls until now" not in page(agency_client, f"/requests/{process_id}/")
    legal.decide(
        reviewer, process_id, decision=Decision.ACCEPT, reason="In order.", identity_check="Called.",
        grant=Grant(called_numbers=False, customer_identity=False),
    )  # fmt: skip
    told = page(agency_client, f"/requests/{process_id}/")
    assert "The calls until now" in told
    assert re.search(r"Notice of suspected illegal traffic to Cedar VoIP \(709C\)", told)
