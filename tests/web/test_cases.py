"""The pages of cases, deconfliction, holds and the block feed, as people use them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.queries import actor_of
from headwater.calls.store import CallStore
from headwater.cases import index, matters, queries
from headwater.cases.models import Case, JointParty, Matter
from headwater.relief import block_list
from headwater.retention.models import LegalHold
from tests.cases.conftest import KEY
from tests.cases.test_deconfliction import told
from tests.conftest import Browser
from tests.evidence.scenery import Scene, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(call_store: tuple[str, CallStore], agency: Actor, settings: Any) -> Scene:
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return build(call_store[1], agency)


def opened(browser: Browser, scene: Scene, title: str = "Court threats") -> str:
    answer = browser.post("/cases/open/", {"title": title, "reference": "17", "campaign": scene.campaign.id})
    return str(answer.headers["Location"]).split("/")[2]


def do(browser: Browser, case_id: str, deed: str, **said: Any) -> str:
    browser.post(f"/cases/{case_id}/do/{deed}/", said)
    return str(browser.get(f"/cases/{case_id}/").content.decode())


def test_a_case_is_opened_filled_exported_and_closed_at_the_desk(desk_client: Browser, scene: Scene):
    case_id = opened(desk_client, scene)
    assert scene.campaign.name in do(desk_client, case_id, "add", kind="traceback", reference=scene.traceback_ids[0])
    assert "There is no" in do(desk_client, case_id, "add", kind="process", reference="LP-NONE")
    assert "2026-11-24T15:30Z" in do(desk_client, case_id, "note", text="Called", at="2026-11-24 15:30", lane="notes")
    assert "Write the moment in UTC" in do(desk_client, case_id, "note", text="x", at="yesterday", lane="notes")
    assert "filled from the record" in do(desk_client, case_id, "note", text="x", at="2026-11-24", lane="calls")
    assert "overdue" in do(desk_client, case_id, "task", text="Ask", due="2020-01-01", assignee="")
    file = SimpleUploadedFile("../order.html", b"<script>alert(1)</script>")
    page = do(desk_client, case_id, "document", document=file)
    assert "order.html" in page
    document_id = Case.objects.get().documents.get().pk
    download = desk_client.get(f"/cases/{case_id}/documents/{document_id}/")
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert download.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    table = b"".join(desk_client.get(f"/cases/{case_id}/timeline.csv").streaming_content).decode()
    assert table.splitlines()[0].startswith('"at","until","precision"')
    told_as = json.loads(b"".join(desk_client.get(f"/cases/{case_id}/timeline.json").streaming_content))
    assert {moment["lane"] for moment in told_as["moments"]} >= {"calls", "tracebacks", "notes"}
    assert desk_client.get(f"/cases/{case_id}/timeline.xml").status_code == 404
    assert "Reopen the case" in do(desk_client, case_id, "move", to="closed", reason="Settled.")
    assert desk_client.post(f"/cases/{case_id}/do/nothing/").status_code == 404


def test_what_people_write_in_a_case_is_shown_as_text(agency_client: Browser, scene: Scene):
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    case_id = opened(agency_client, scene, title=attack)
    page = do(agency_client, case_id, "note", text=attack, at="2026-11-24", lane="notes")
    page += do(agency_client, case_id, "task", text=attack)
    page += agency_client.get("/cases/").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_an_export_holds_no_formula(desk_client: Browser, scene: Scene):
    case_id = opened(desk_client, scene)
    do(desk_client, case_id, "note", text="=cmd|' /C calc'!A0", at="2026-11-24", lane="notes")
    table = b"".join(desk_client.get(f"/cases/{case_id}/timeline.csv").streaming_content).decode()
    assert "\"'=cmd" in table


def test_another_agency_s_case_is_not_there_by_any_address(
    agency_client: Browser, other_agency_client: Browser, desk_client: Browser, scene: Scene
):
    case_id = opened(agency_client, scene)
    do(agency_client, case_id, "document", document=SimpleUploadedFile("a", b"x"))
    document_id = Case.objects.get().documents.get().pk
    for stranger in (other_agency_client, desk_client):
        for address in ("", "timeline.csv", "timeline.json", f"documents/{document_id}/"):
            assert stranger.get(f"/cases/{case_id}/{address}").status_code == 404
        assert stranger.post(f"/cases/{case_id}/do/note/", {"text": "x"}).status_code == 404


def test_a_program_gets_the_case_as_values(agency_client: Browser, scene: Scene):
    case_id = opened(agency_client, scene)
    answer = agency_client.get(f"/cases/{case_id}/", headers={"Accept": "application/json"})
    assert answer.json()["items"][0]["reference"] == scene.campaign.id


def test_two_officers_find_each_other_and_share_notes(
    agency_user: User, other_agency_user: User, operator: Actor, scene: Scene
):
    agency, other_agency = actor_of(agency_user), actor_of(other_agency_user)
    agency_client = Browser("portal").sign_in(agency_user)
    other_agency_client = Browser("portal").sign_in(other_agency_user)
    browsers = {"MI": (agency_client, agency), "OH": (other_agency_client, other_agency)}
    for state, (browser, actor) in browsers.items():
        told(scene, actor, state=state)
        case_id = opened(browser, scene)
        contact = {"name": f"{state} duty", "telephone": "+1 202 555 0100", "email": f"{state}@ag.example"}
        browser.post("/deconfliction/take-part/", contact)
        browser.post("/deconfliction/enter/", {"matter": f"case:{case_id}"})
    assert Matter.objects.filter(withdrawn_at=None).count() == 2
    index.index(operator, KEY)
    page = agency_client.get("/deconfliction/").content.decode()
    assert "OH duty" in page
    assert queries.cases(other_agency)[0].id not in page
    (match,) = matters.matches(agency)
    agency_client.post("/deconfliction/invite/", {"match": match.id, "title": "Together"})
    joint_id = JointParty.objects.values_list("joint_id", flat=True).first()
    assert "You are invited" in other_agency_client.get(f"/joint/{joint_id}/").content.decode()
    other_agency_client.post(f"/joint/{joint_id}/accept/")
    other_agency_client.post(f"/joint/{joint_id}/note/", {"text": "We file on Thursday."})
    assert "We file on Thursday." in agency_client.get(f"/joint/{joint_id}/").content.decode()
    agency_client.post("/deconfliction/take-no-part/")
    assert matters.matches(other_agency) == []
    for address in ("/deconfliction/nothing/", f"/joint/{joint_id}/nothing/"):
        assert agency_client.post(address).status_code == 404


def test_a_case_s_calls_are_held_grow_with_it_and_are_released(
    reviewer_client: Browser, desk_client: Browser, scene: Scene
):
    case_id = opened(reviewer_client, scene)
    reviewer_client.post("/holds/put/", {"kind": "case", "reference": case_id, "reason": "Litigation"})
    hold = LegalHold.objects.get()
    assert (hold.kind, hold.subject) == ("case", case_id)
    assert {str(record.record_id) for record in scene.records} <= set(hold.record_ids)
    do(reviewer_client, case_id, "add", kind="traceback", reference=scene.traceback_ids[0])
    assert LegalHold.objects.filter(subject=case_id, released_at=None).count() == 2
    page = reviewer_client.get("/holds/").content.decode()
    assert "Litigation" in page
    reviewer_client.post(f"/holds/{hold.id}/release/", {"reason": "Settled"})
    assert LegalHold.objects.get(id=hold.id).release_reason == "Settled"
    assert desk_client.get("/holds/").status_code == 403


@pytest.mark.parametrize(
    ("kind", "reference", "more"),
    [
        ("campaign", "C-NONE", {}),
        ("case", "CS-NONE", {}),
        ("records", "no-record", {}),
        ("source", "ORG-1", {"start": "2026-11-24 10:00"}),
        ("source", "ORG-1", {"start": "then", "end": "now"}),
        ("moon", "x", {}),
    ],
)
def test_a_hold_on_nothing_is_refused_in_words(
    reviewer_client: Browser, kind: str, reference: str, more: dict[str, str]
):
    reviewer_client.post("/holds/put/", {"kind": kind, "reference": reference, "reason": "x", **more})
    assert not LegalHold.objects.exists()
    assert "usa-alert--error" in reviewer_client.get("/holds/").content.decode()


def test_a_carrier_appeals_and_the_desk_decides(desk_client: Browser, provider_client: Browser, provider_user: User):
    desk_client.post(
        "/block-feed/enter/",
        {"numbers": "202-555-0100\n+1 202 555 0101", "reason": "holder_request", "evidence": "Letter", "days": "30"},
    )
    first, second = block_list.blocks()
    assert first.reference in provider_client.get("/block-feed/").content.decode()
    provider_client.post("/block-feed/appeal/", {"entry": first.reference, "text": "Ours, and it calls."})
    page = desk_client.get("/block-feed/").content.decode()
    assert "Ours, and it calls." in page
    (waiting,) = block_list.appeals(Actor(
        label="user:x", organisation_kind=None, provider_id=str(provider_user.organisation.provider.id),
        permissions=frozenset({"block:appeal"}),  # type: ignore[arg-type]
    ))  # fmt: skip
    desk_client.post(f"/block-feed/appeals/{waiting.id}/", {"decision": "uphold", "reason": "So it is."})
    assert "So it is." in provider_client.get("/block-feed/").content.decode()
    desk_client.post(f"/block-feed/entries/{second.id}/", {"reason": "Wrong"})
    assert block_list.blocks() == []
    for bad in ({"numbers": "abc"}, {"numbers": "202-555-0100", "reason": "moon"}):
        desk_client.post("/block-feed/enter/", {"reason": "unused", "evidence": "x", "days": "1", **bad})
    assert block_list.blocks() == []
