"""Cases written by an agency's own system: for an officer, once a key, no further than that officer's role."""

import base64
from typing import Any

import pytest

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Scope
from headwater.audit.models import AuditEntry
from headwater.cases import actions
from headwater.cases.models import Case, CaseNote
from headwater.cases.states import MemberRole
from tests.api.test_agencies import credential, get, post
from tests.evidence.conftest import home, scene
from tests.evidence.scenery import PDF, Scene
from tests.evidence.test_queries import colleague

__all__ = ["home", "scene"]
pytestmark = pytest.mark.django_db
ALEX = "alex@ag-mi.example"


@pytest.fixture
def token(operator: Actor, agency_user: User) -> str:
    return credential(operator, agency_user.organisation_id, Scope.CASE)


def opened(token: str, **changes: Any) -> dict[str, Any]:
    answer = post("/cases", token, {"officer": ALEX, "title": "The calls", **changes}, key="open")
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_case_is_opened_filled_worked_on_and_closed(scene: Scene, token: str, agency_user: User):
    casey = colleague(agency_user)
    case = opened(token, reference="2026-CP-0815")
    assert [(one["email"], one["role"]) for one in case["members"]] == [(ALEX, "lead")]
    path = f"/cases/{case['id']}"
    for number, (what, body) in enumerate(
        {
            "items": {"kind": "campaign", "reference": scene.campaign.id},
            "notes": {"text": "First victim called.", "at": "2026-11-02T10:15:00-05:00", "precision": "minute"},
            "tasks": {"text": "Ask for the recordings", "assignee": casey.email, "due_on": "2026-12-01"},
            "members": {"email": casey.email, "role": "contributor"},
            "documents": {"filename": "letter.pdf", "content": base64.b64encode(PDF).decode()},
        }.items()
    ):
        answer = post(f"{path}/{what}", token, {"officer": ALEX, **body}, key=f"n{number}")
        assert answer.status_code == 201, (what, answer.content)
        case = answer.json()
    assert [one["reference"] for one in case["items"]] == [scene.campaign.id]
    assert len(case["members"]) == 2
    task, document = case["tasks"][0]["id"], case["documents"][0]["id"]
    settled = post(f"{path}/tasks/{task}", token, {"officer": ALEX, "done": True}, key="done").json()
    assert settled["tasks"][0]["done_by"].endswith(f"for {ALEX}")
    fetched = get(f"{path}/documents/{document}", token)
    assert (fetched.content, fetched.headers["Content-Type"]) == (PDF, "application/octet-stream")
    end = {"officer": ALEX, "state": "closed", "reason": "Settled."}
    assert post(f"{path}/state", token, end, key="close").json()["state"] == "closed"
    assert post(f"{path}/notes", token, {"officer": ALEX, "text": "late"}, key="late").status_code == 409
    labels = set(AuditEntry.objects.filter(subject=case["id"]).values_list("actor", flat=True))
    assert all(label.startswith("credential:") for label in labels)
    assert any(label.endswith(f"for {ALEX}") for label in labels)


def test_the_same_key_changes_nothing_and_with_another_content_is_refused(token: str):
    case = opened(token)
    path = f"/cases/{case['id']}/notes"
    first = post(path, token, {"officer": ALEX, "text": "Once."}, key="k")
    again = post(path, token, {"officer": ALEX, "text": "Once."}, key="k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert CaseNote.objects.count() == 1
    assert post(path, token, {"officer": ALEX, "text": "Twice."}, key="k").status_code == 409
    # A refused request leaves its key free.
    assert post(f"/cases/{case['id']}/tasks/99", token, {"officer": ALEX}, key="t").status_code == 404
    assert post(path, token, {"officer": ALEX, "text": "More."}, key="t").status_code == 201


def test_a_machine_reaches_no_further_than_its_officer_its_agency_and_its_scope(
    token: str, operator: Actor, agency: Actor, agency_user: User, other_agency_user: User
):
    casey = colleague(agency_user)
    case = opened(token)
    note = {"text": "x", "officer": casey.email}
    assert post(f"/cases/{case['id']}/notes", token, note, key="1").status_code == 403
    assert post("/cases", token, {"officer": other_agency_user.email, "title": "x"}, key="2").status_code == 403
    for other in (
        credential(operator, other_agency_user.organisation_id, Scope.CASE),
        credential(operator, agency_user.organisation_id, Scope.PROCESS),
    ):
        answer = get(f"/cases/{case['id']}", other)
        assert answer.status_code in {401, 404}
    assert get("/processes", token).status_code == 401
    # Of restricted cases it sees its own alone, whomever it names.
    secret = actions.open_case(agency, title="Sealed matter", restricted=True)
    assert secret not in str(get("/cases", token).json())
    assert get(f"/cases/{secret}", token).status_code == 404
    assert post(f"/cases/{secret}/notes", token, {"officer": ALEX, "text": "x"}, key="3").status_code == 404
    own = post("/cases", token, {"officer": ALEX, "title": "Mine", "restricted": True}, key="4").json()
    assert get(f"/cases/{own['id']}", token).status_code == 200
    assert Case.objects.count() == 3
    actions.set_member(agency, case["id"], casey.email, MemberRole.CONTRIBUTOR)
    assert post(f"/cases/{case['id']}/notes", token, note, key="5").status_code == 201
