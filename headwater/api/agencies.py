"""The agency API: an agency's own system serves process, follows it and writes cases. docs/reference/agency-api.md.

Every request carries a machine credential with the scope ``process``, of cases ``case``. The door translates: what may
be asked is decided in ``legal``, ``reports`` and ``cases``, which audit it. Errors are problem documents; no error of
ours leaves without one.
"""

import json
from hashlib import sha256
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

import structlog
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.params import functions
from ninja.parser import Parser

from headwater.accounts import refusals
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Scope
from headwater.alerts import queries as alerts
from headwater.api import agency_messages as messages
from headwater.api import limits, problems
from headwater.api.agency_cases import router as cases
from headwater.api.agency_reports import router as reports
from headwater.api.bearer import Bearer, actor_of
from headwater.errors import Forbidden, HeadwaterError, Invalid, TooLarge
from headwater.evidence import queries as evidence
from headwater.legal import actions, machine, queries
from headwater.legal.machine import Submission
from headwater.legal.rules import BadRequest
from headwater.reports.rules import BadReport

#: Octets of one request: a document of 20 MB in base 64, and the rest.
MOST_OCTETS: Final = 30_000_000
Problem = messages.ProblemOut
#: What any request may be answered with.
COMMON: Final[dict[int, Any]] = {401: Problem, 403: Problem, 422: Problem, 429: Problem, 503: Problem}
CREATED: Final = {
    200: messages.ProcessOut,
    201: messages.ProcessOut,
    404: Problem,
    409: Problem,
    413: Problem,
    **COMMON,
}
Key: Any = functions.Header(..., alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[!-~]+$")
Identifier: Any = functions.Path(..., min_length=1, max_length=18)
Place: Any = functions.Path(..., ge=1, le=2**62)


class BoundedJson(Parser):
    """JSON of at most ``MOST_OCTETS``, read from the stream: Django's own bound is for forms of the pages."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the body.

        Raises:
            TooLarge: it has more.
            Invalid: it is no JSON.
        """
        octets = request.read(MOST_OCTETS + 1)
        if len(octets) > MOST_OCTETS:
            raise TooLarge(f"A request has at most {MOST_OCTETS:,} octets.")
        request.octets = octets  # type: ignore[attr-defined]
        try:
            return json.loads(octets)
        except (ValueError, RecursionError) as error:
            raise Invalid("The body is no JSON.") from error


log = structlog.get_logger(__name__)


class AgencyApi(NinjaAPI):
    """An API whose refusals are problem documents, and which describes them as such."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the description."""
        document = super().get_openapi_schema(**options)
        for operations in document["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= HTTPStatus.BAD_REQUEST and "application/json" in response.get("content", {}):
                        response["content"] = {"application/problem+json": response["content"]["application/json"]}
        return document


api = AgencyApi(
    title="Headwater agency API",
    version="1",
    description="For agencies' own systems: serve process, follow it, fetch what is made; report calls; write cases.",
    urls_namespace="agencies",
    auth=Bearer(Scope.PROCESS),
    parser=BoundedJson(),
    docs_url=None,
    openapi_url="/openapi.json",
)


api.add_router("", reports)
api.add_router("", cases)


def fingerprint(request: HttpRequest) -> str:
    """Return the SHA-256 (hex) of the body as it was sent."""
    return sha256(getattr(request, "octets", b"")).hexdigest()


@api.exception_handler(HeadwaterError)
def _refused(request: HttpRequest, error: HeadwaterError) -> HttpResponse:
    answer = problems.answer(request, error)
    if isinstance(error, Forbidden) and isinstance(getattr(request, "auth", None), Actor):
        refusals.note(
            actor_of(request),
            what=f"{request.method} {request.path}",
            because=str(error),
            address=limits.address_of(request),
            now=monotonic(),
        )
    if isinstance(error, (BadRequest, BadReport)):
        answer.content = json.dumps({**json.loads(answer.content), "problems": error.problems})
    return answer


@api.exception_handler(ValidationError)
def _not_of_the_form(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001 - django-ninja's signature
    found = {".".join(str(part) for part in one["loc"][-4:]): str(one["msg"]) for one in error.errors}
    detail = "; ".join(f"{where}: {what}" for where, what in found.items())[:2_000]
    answer = problems.problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, detail or "The request has not the form of this address."
    )
    answer.content = json.dumps({**json.loads(answer.content), "problems": found})
    return answer


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    # Whatever the parser raises, django-ninja wraps.
    if isinstance(error.__cause__, HeadwaterError):
        return problems.answer(request, error.__cause__)
    return problems.problem(HTTPStatus(error.status_code), str(error))


@api.exception_handler(AuthenticationError)
def _no_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:  # noqa: ARG001 - django-ninja's signature
    return problems.problem(HTTPStatus.UNAUTHORIZED, "Show a machine credential: Authorization: Bearer ...")


@api.exception_handler(Exception)
def _our_fault(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("agency API failed", path=request.path, exc_info=error)
    return problems.answer(request, error)


@api.exception_handler(Http404)
def _nothing_here(request: HttpRequest, error: Http404) -> HttpResponse:  # noqa: ARG001 - django-ninja's signature
    return problems.problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")


@api.get("/alerts", response={200: messages.AlertsOut, **COMMON}, summary="List the agency's alerts, newest first")
def list_alerts(request: HttpRequest) -> Any:
    """Return what the agency was alerted of."""
    rows = alerts.alerts(actor_of(request))
    return {
        "alerts": [
            {
                "id": row.id, "campaign": row.campaign_id, "name": row.campaign_name, "state": row.campaign_state.value,
                "created_at": row.created_at, "calls": row.calls_now, "last_call_at": row.last_call_at,
            }
            for row in rows
        ]
    }  # fmt: skip


@api.post("/processes", response=CREATED, summary="Serve one process")
def serve(request: HttpRequest, body: messages.ProcessIn, key: str = Key) -> Any:
    """Draft and serve a process in one step. The same key with the same body again gives the same process, with 200."""
    found, fresh = machine.submit(actor_of(request), _submission(body, key, fingerprint(request)))
    status = (HTTPStatus.CREATED if fresh else HTTPStatus.OK).value
    return Status(status, _out(actor_of(request), found))


@api.post(
    "/processes/bulk",
    response={200: messages.BulkOut, 413: Problem, **COMMON},
    summary="Serve several processes; each is taken or refused by itself",
)
def serve_several(request: HttpRequest, body: messages.BulkIn) -> Any:
    """Serve each; a refused one costs its neighbours nothing. Sending the whole again serves none twice."""
    return {"results": [_one_of_several(actor_of(request), one) for one in body.processes]}


@api.get("/processes", response={200: messages.ProcessesOut, **COMMON}, summary="List the agency's processes")
def list_processes(request: HttpRequest) -> Any:
    """Return the newest processes; sealed ones only that this credential served."""
    found = queries.processes(actor_of(request))
    return {"processes": [messages.process_out(one) for one in found]}


@api.get(
    "/processes/{process_id}",
    response={200: messages.ProcessOut, 404: Problem, **COMMON},
    summary="Show one process with its steps, documents, letters and packages",
)
def show(request: HttpRequest, process_id: str = Identifier) -> Any:
    """Return one process as it stands."""
    return _out(actor_of(request), queries.process(actor_of(request), process_id))


@api.post(
    "/processes/{process_id}/supply",
    response={200: messages.ProcessOut, 404: Problem, 409: Problem, 413: Problem, **COMMON},
    summary="Answer a request for more, or an objection",
)
def supply(request: HttpRequest, body: messages.SupplyIn, process_id: str = Identifier) -> Any:
    """Send what was asked for; the review goes on."""
    document = body.document.read() if body.document else None
    actions.supply(actor_of(request), process_id, note=body.note, document=document)
    return _out(actor_of(request), queries.process(actor_of(request), process_id))


@api.post(
    "/processes/{process_id}/withdraw",
    response={200: messages.ProcessOut, 404: Problem, 409: Problem, 413: Problem, **COMMON},
    summary="Withdraw a process; what it had opened is closed at once",
)
def withdraw(request: HttpRequest, body: messages.ReasonIn, process_id: str = Identifier) -> Any:
    """Take a process back."""
    actions.withdraw(actor_of(request), process_id, reason=body.reason)
    return _out(actor_of(request), queries.process(actor_of(request), process_id))


PDF: Final[dict[str, Any]] = {
    "responses": {
        200: {
            "description": "The file",
            "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}
ZIP: Final[dict[str, Any]] = {
    "responses": {
        200: {
            "description": "The package",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


@api.get(
    "/processes/{process_id}/letters/{letter_id}",
    response={404: Problem, **COMMON},
    summary="Fetch a receipt or letter",
    openapi_extra=PDF,
)
def letter(request: HttpRequest, process_id: str = Identifier, letter_id: int = Place) -> HttpResponseBase:
    """Return the PDF as it was made."""
    found = queries.letter(actor_of(request), process_id, letter_id)
    return HttpResponse(found.octets, content_type="application/pdf")


@api.get(
    "/packages/{package_id}",
    response={404: Problem, **COMMON},
    summary="Fetch a sealed package",
    openapi_extra=ZIP,
)
def package(request: HttpRequest, package_id: str = Identifier) -> HttpResponseBase:
    """Return a package, read in pieces while it is sent."""
    found = evidence.open_package(actor_of(request), package_id)
    return FileResponse(
        found.path.open("rb"), as_attachment=True, filename=found.filename, content_type="application/zip"
    )


def _submission(body: messages.ProcessIn, key: str, digest: str) -> Submission:
    return Submission(
        key=key,
        fingerprint=digest,
        officer=body.officer,
        request=body.request(),
        document=body.document.read() if body.document else None,
        alert_id=body.alert or "",
        people=tuple(body.people),
    )


def _one_of_several(actor: Actor, one: messages.KeyedProcess) -> dict[str, Any]:
    digest = sha256(one.model_dump_json().encode()).hexdigest()
    try:
        found, fresh = machine.submit(actor, _submission(one, one.idempotency_key, digest))
    except HeadwaterError as error:
        answer = json.loads(_refused(HttpRequest(), error).content)
        return {"idempotency_key": one.idempotency_key, "status": answer["status"], "problem": answer}
    status = (HTTPStatus.CREATED if fresh else HTTPStatus.OK).value
    return {"idempotency_key": one.idempotency_key, "status": status, "process": messages.process_out(found)}


def _out(actor: Actor, found: queries.ProcessView) -> messages.ProcessOut:
    told = messages.process_out(found)
    told.packages = [
        messages.PackageOut(id=one.id, state=one.state.value, sha256=one.sha256, size=one.size, sealed_at=one.sealed_at)
        for one in evidence.packages(actor, found.id)
    ]
    return told
