"""The part of the agency API by which an agency's own system reads and writes its cases, each write for an officer."""

from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Router, Status
from ninja.params import functions

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Scope
from headwater.api import agency_messages, bearer
from headwater.api import case_messages as messages
from headwater.cases import actions, machine, queries
from headwater.cases.machine import Order

router = Router(auth=bearer.Bearer(Scope.CASE))
Problem = agency_messages.ProblemOut
COMMON: Final[dict[int, Any]] = {401: Problem, 403: Problem, 422: Problem, 429: Problem, 503: Problem}
READ: Final[dict[int, Any]] = {200: messages.CaseOut, 404: Problem, **COMMON}
WRITTEN: Final[dict[int, Any]] = {201: messages.CaseOut, 409: Problem, 413: Problem, **READ}
CaseId: Any = functions.Path(..., min_length=1, max_length=18)
Place: Any = functions.Path(..., ge=1, le=2**62)
Key: Any = functions.Header(..., alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[!-~]+$")


@router.get("/cases", response={200: messages.CasesOut, **COMMON}, summary="List the agency's cases")
def list_cases(request: HttpRequest) -> Any:
    """Return the cases, the open ones first; restricted ones only that this credential opened."""
    return {"cases": [messages.row_out(one) for one in queries.cases(bearer.actor_of(request))]}


@router.get("/cases/{case_id}", response=READ, summary="Show one case")
def show(request: HttpRequest, case_id: str = CaseId) -> Any:
    """Return one case with its members, items, notes, tasks and documents."""
    return messages.case_out(queries.case(bearer.actor_of(request), case_id))


@router.post("/cases", response=WRITTEN, summary="Open a case")
def open_case(request: HttpRequest, body: messages.CaseIn, key: str = Key) -> Any:
    """Open a case that the officer leads. The same key with the same body again gives the same case, with 200."""

    def do(actor: Actor) -> str:
        return actions.open_case(actor, title=body.title, reference=body.reference, restricted=body.restricted)

    return _once(request, body, key, do)


@router.post(
    "/cases/{case_id}/items", response=WRITTEN, summary="Add a campaign, traceback, provider, process, package"
)
def add_item(request: HttpRequest, body: messages.ItemIn, case_id: str = CaseId, key: str = Key) -> Any:
    """Add something that this credential may know of."""
    return _in(request, body, key, case_id, lambda actor: actions.add_item(
        actor, case_id, body.kind, body.reference, why=body.why
    ))  # fmt: skip


@router.post("/cases/{case_id}/notes", response=WRITTEN, summary="Write a note")
def add_note(request: HttpRequest, body: messages.NoteIn, case_id: str = CaseId, key: str = Key) -> Any:
    """Write a note, at a moment of the timeline where it names one."""
    return _in(request, body, key, case_id, lambda actor: actions.add_note(
        actor, case_id, body.text, when=body.when()
    ))  # fmt: skip


@router.post("/cases/{case_id}/tasks", response=WRITTEN, summary="Enter a task")
def add_task(request: HttpRequest, body: messages.TaskIn, case_id: str = CaseId, key: str = Key) -> Any:
    """Enter a task, for a colleague where one is named."""
    return _in(request, body, key, case_id, lambda actor: actions.add_task(
        actor, case_id, body.text, assignee=body.assignee, due_on=body.due_on
    ))  # fmt: skip


@router.post("/cases/{case_id}/tasks/{task_id}", response=WRITTEN, summary="Say whether a task is done")
def settle_task(
    request: HttpRequest, body: messages.DoneIn, case_id: str = CaseId, task_id: int = Place, key: str = Key
) -> Any:
    """Settle a task, or open it again."""
    return _in(request, body, key, case_id, lambda actor: actions.settle_task(
        actor, case_id, task_id, done=body.done
    ))  # fmt: skip


@router.post("/cases/{case_id}/members", response=WRITTEN, summary="Make a colleague a member, or take one off")
def set_member(request: HttpRequest, body: messages.MemberIn, case_id: str = CaseId, key: str = Key) -> Any:
    """Give a colleague a role in the case; no role takes them off it."""

    def do(actor: Actor) -> None:
        if body.role is None:
            actions.remove_member(actor, case_id, body.email)
        else:
            actions.set_member(actor, case_id, body.email, body.role)

    return _in(request, body, key, case_id, do)


@router.post("/cases/{case_id}/documents", response=WRITTEN, summary="Keep a document")
def keep_document(request: HttpRequest, body: messages.CaseDocumentIn, case_id: str = CaseId, key: str = Key) -> Any:
    """Keep a document as received."""
    return _in(request, body, key, case_id, lambda actor: actions.keep_document(
        actor, case_id, body.filename, body.octets()
    ))  # fmt: skip


FILE: Final[dict[str, Any]] = {
    "responses": {
        200: {
            "description": "The octets as they were received",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


@router.get(
    "/cases/{case_id}/documents/{document_id}",
    response={404: Problem, **COMMON},
    summary="Fetch a document",
    openapi_extra=FILE,
)
def document(request: HttpRequest, case_id: str = CaseId, document_id: int = Place) -> HttpResponseBase:
    """Return a document as it was received."""
    found = queries.document(bearer.actor_of(request), case_id, document_id)
    return HttpResponse(found.octets, content_type="application/octet-stream")


@router.post("/cases/{case_id}/state", response=WRITTEN, summary="Close a case, or reopen it")
def move_case(request: HttpRequest, body: messages.StateIn, case_id: str = CaseId, key: str = Key) -> Any:
    """Close a case or reopen it, with a reason."""
    return _in(request, body, key, case_id, lambda actor: actions.move_case(
        actor, case_id, to=body.state, reason=body.reason
    ))  # fmt: skip


def _in(request: HttpRequest, body: messages.ForOfficer, key: str, case_id: str, do: Callable[[Actor], object]) -> Any:
    """Do one thing in a case that is there."""

    def done(actor: Actor) -> str:
        do(actor)
        return case_id

    return _once(request, body, key, done)


def _once(request: HttpRequest, body: messages.ForOfficer, key: str, do: Callable[[Actor], str]) -> Any:
    digest = sha256(request.path.encode() + b"\n" + getattr(request, "octets", b"")).hexdigest()
    order = Order(key=key, fingerprint=digest, officer=body.officer)
    found, fresh = machine.once(bearer.actor_of(request), order, do)
    return Status((HTTPStatus.CREATED if fresh else HTTPStatus.OK).value, messages.case_out(found))
