"""The agency API as an agency's system meets it: real credentials, real rows, problem documents for every refusal."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from headwater import clock
from headwater.accounts import credentials
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Scope
from headwater.legal import actions
from headwater.legal.models import LegalProcess
from headwater.legal.rules import Decision
from tests.conftest import Browser
from tests.evidence.conftest import accept, home, scene
from tests.evidence.scenery import PDF, Scene

__all__ = ["home", "scene"]
pytestmark = pytest.mark.django_db
ROOT = "/api/agencies/v1"


def credential(operator: Actor, organisation_id: str, scope: Scope = Scope.PROCESS) -> str:
    kind = {"source_kind": "carrier"} if scope is Scope.FEED else {}
    _, token = credentials.issue(operator, organisation_id=organisation_id, scopes=[scope], name="case system", **kind)
    return token


@pytest.fixture
def token(operator: Actor, agency_user: User) -> str:
    return credential(operator, agency_user.organisation_id)


def body(scene: Scene, **changes: Any) -> dict[str, Any]:
    now = clock.now()
    values = {
        "officer": "alex@ag-mi.example",
        "process_type": "subpoena",
        "alert": scene.alert_id,
        "authority": "Michigan AG",
        "statute": "47 U.S.C. § 227(g)(1)",
        "case_number": "2026-CP-0815",
        "signer": "Alex Example",
        "scope": "Records of the campaign",
        "covers_from": (now - timedelta(days=2)).isoformat(),
        "return_date": now.date()
        .replace(year=now.year + (now.month == 12), month=now.month % 12 + 1, day=1)
        .isoformat(),
        "document": {"filename": "subpoena.pdf", "content": base64.b64encode(PDF).decode()},
    }
    return {**values, **changes}


def post(path: str, token: str, value: Any, key: str = "one") -> Any:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return Browser("portal").post(ROOT + path, raw, content_type="application/json", headers=headers)


def get(path: str, token: str) -> Any:
    return Browser("portal").get(ROOT + path, headers={"Authorization": f"Bearer {token}"})


def test_a_process_is_served_followed_and_its_package_listed(
    scene: Scene, token: str, reviewer: Actor, agency_user: User
):
    (alert,) = get("/alerts", token).json()["alerts"]
    assert alert["id"] == scene.alert_id
    sent = post("/processes", token, body(scene))
    assert sent.status_code == 201, sent.content
    served = sent.json()
    assert (served["state"], served["officer"]) == ("served", "alex@ag-mi.example")
    assert [letter["title"] for letter in served["letters"]] == ["Receipt of service"]
    row = LegalProcess.objects.get()
    assert row.submitted_by_id == agency_user.id
    assert row.submitted_via.startswith("credential:")
    receipt = get(f"/processes/{served['id']}/letters/{served['letters'][0]['id']}", token)
    assert receipt.content.startswith(b"%PDF-")
    accept(reviewer, served["id"], called_numbers=False)
    found = get(f"/processes/{served['id']}", token).json()
    assert found["state"] == "producing"
    assert [one["state"] for one in found["packages"]] == ["sealing"]
    assert [one["id"] for one in get("/processes", token).json()["processes"]] == [served["id"]]


def test_the_same_key_serves_once_and_another_content_under_it_is_refused(scene: Scene, token: str):
    sent = body(scene)
    first, again = post("/processes", token, sent), post("/processes", token, sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert LegalProcess.objects.count() == 1
    refused = post("/processes", token, body(scene, case_number="another"))
    assert refused.status_code == 409
    assert LegalProcess.objects.count() == 1


def test_bulk_takes_each_by_itself(scene: Scene, token: str):
    good = {**body(scene), "idempotency_key": "a"}
    bad = {**body(scene, officer="nobody@ag-mi.example"), "idempotency_key": "b"}
    sent = post("/processes/bulk", token, {"processes": [good, bad]})
    assert sent.status_code == 200, sent.content
    assert [(one["idempotency_key"], one["status"]) for one in sent.json()["results"]] == [("a", 201), ("b", 403)]
    assert sent.json()["results"][1]["problem"]["title"] == "Forbidden"
    again = post("/processes/bulk", token, {"processes": [good, bad]})
    assert [one["status"] for one in again.json()["results"]] == [200, 403]
    assert LegalProcess.objects.count() == 1


def test_what_is_asked_for_is_supplied_and_a_process_withdrawn(scene: Scene, token: str, reviewer: Actor):
    served = post("/processes", token, body(scene)).json()["id"]
    actions.decide(reviewer, served, decision=Decision.ASK_FOR_MORE, reason="Page two.", identity_check="Called.")
    assert post(f"/processes/{served}/supply", token, {"note": "Here."}).json()["state"] == "under_review"
    assert post(f"/processes/{served}/withdraw", token, {"reason": "Settled."}).json()["state"] == "withdrawn"
    assert post(f"/processes/{served}/withdraw", token, {"reason": "Again."}).status_code == 409


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer nonsense", "Bearer hwf_FP-0000000000_x"])
def test_without_a_credential_nothing_is_told(scene: Scene, given: str):
    headers = {"Authorization": given} if given else {}
    answer = Browser("portal").get(f"{ROOT}/alerts", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"]


def test_a_credential_of_another_door_another_agency_or_one_revoked_opens_nothing(
    scene: Scene, operator: Actor, token: str, other_agency_user: User, provider_user: User
):
    served = post("/processes", token, body(scene)).json()["id"]
    stranger = credential(operator, other_agency_user.organisation_id)
    assert get(f"/processes/{served}", stranger).status_code == 404
    assert get("/processes", stranger).json() == {"processes": []}
    assert post(f"/processes/{served}/withdraw", stranger, {"reason": "x"}).status_code == 404
    feed = credential(operator, provider_user.organisation_id, Scope.FEED)
    assert get("/alerts", feed).status_code == 401
    view = credentials.shown(token)
    assert view is not None
    credentials.revoke(operator, credential_id=view.id)
    assert get("/alerts", token).status_code == 401


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"process_type": "voluntary", "customer_identity": True}, 422, "customer_identity"),
        ({"document": None}, 422, "document"),
        ({"document": {"content": "%%%"}}, 422, ""),
        ({"document": {"content": base64.b64encode(b"MZ not a PDF").decode()}}, 422, ""),
        ({"alert": "AL-0000000000"}, 404, ""),
        ({"alert": None, "subjects": {"campaigns": ["C-0000000000"]}}, 404, ""),
        ({"officer": "olive@ag-oh.example"}, 403, ""),
        ({"covers_from": "2026-11-01T00:00:00"}, 422, "covers_from"),
        ({"misspelt": 1}, 422, "misspelt"),
        ({"people": ["olive@ag-oh.example"]}, 404, ""),
    ],
)
def test_a_refusal_is_a_problem_document_that_names_the_member_and_nothing_is_kept(
    scene: Scene, token: str, other_agency_user: User, *, change: dict[str, Any], status: int, named: str
):
    answer = post("/processes", token, body(scene, **change))
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["detail"]
    assert not named or any(named in where for where in told["problems"])
    assert not LegalProcess.objects.exists()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"a": NaN}'])
def test_what_is_no_request_is_refused_as_such(scene: Scene, token: str, raw: bytes):
    answer = post("/processes", token, raw)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


def test_a_body_beyond_the_bound_is_refused(scene: Scene, token: str, monkeypatch: pytest.MonkeyPatch):
    from headwater.api import agencies

    monkeypatch.setattr(agencies, "MOST_OCTETS", 1_000)
    assert post("/processes", token, body(scene)).status_code == 413


def test_calls_are_reported_followed_and_asked_to_be_traced(scene: Scene, token: str):
    call = {"call_at": (clock.now() - timedelta(hours=1)).isoformat(), "called": "+13135550101", "transcript": "Hello"}
    first = post("/reports", token, {"calls": [call]}, key="r")
    assert first.status_code == 202, first.content
    assert (first.json()["state"], first.json()["kind"]) == ("received", "calls")
    assert post("/reports", token, {"calls": [call]}, key="r").json()["id"] == first.json()["id"]
    assert post("/reports", token, {"calls": [call], "note": "x", "file": None}, key="s").status_code == 202
    assert post("/reports", token, {"note": "nothing"}, key="t").status_code == 422
    wrong = post("/reports", token, {"calls": [{**call, "called": "nobody"}]}, key="u")
    assert (wrong.status_code, list(wrong.json()["problems"])) == (422, ["calls.0.called"])
    assert len(get("/reports", token).json()["reports"]) == 2
    report = first.json()["id"]
    assert get(f"/reports/{report}", token).json()["campaigns"] == []
    assert post(f"/reports/{report}/tracebacks", token, {"reason": "It rings."}).status_code == 409
