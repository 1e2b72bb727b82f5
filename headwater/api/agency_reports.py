"""The part of the agency API by which an agency reports calls that it knows of, and follows what became of them."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from ninja.params import functions

from headwater.accounts.actors import Actor
from headwater.api import agency_messages as messages
from headwater.api.bearer import actor_of
from headwater.errors import Invalid
from headwater.reports import actions, queries
from headwater.reports.queries import ReportView

router = Router()
Problem = messages.ProblemOut
COMMON: dict[int, Any] = {401: Problem, 403: Problem, 422: Problem, 503: Problem}
Identifier: Any = functions.Path(..., min_length=1, max_length=18)
Key: Any = functions.Header(..., alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[!-~]+$")


@router.post(
    "/reports",
    response={202: messages.ReportOut, 409: Problem, 413: Problem, **COMMON},
    summary="Report calls, a file of calls, or a recording",
)
def report(
    request: HttpRequest,
    body: messages.ReportIn,
    key: str = Key,
) -> Any:
    """Keep the report; its calls go to the call store within seconds. The same key again gives the same report."""
    return Status(202, messages.report_out(_brought(actor_of(request), body, key)))


@router.get("/reports", response={200: messages.ReportsOut, **COMMON}, summary="List the agency's reports")
def list_reports(request: HttpRequest) -> Any:
    """Return the newest reports."""
    return {"reports": [messages.report_out(one) for one in queries.reports(actor_of(request))]}


@router.get(
    "/reports/{report_id}",
    response={200: messages.ReportOut, 404: Problem, **COMMON},
    summary="Show one report and what became of it",
)
def show(request: HttpRequest, report_id: str = Identifier) -> Any:
    """Return one report: what was stored, which campaigns it went into, which tracebacks came of it."""
    return messages.report_out(queries.report(actor_of(request), report_id))


@router.post(
    "/reports/{report_id}/tracebacks",
    response={200: messages.ReportOut, 404: Problem, 409: Problem, 413: Problem, **COMMON},
    summary="Ask for the reported calls to be traced",
)
def ask(request: HttpRequest, body: messages.ReasonIn, report_id: str = Identifier) -> Any:
    """Fresh calls are traced at once, within bounds; the desk decides on the others."""
    return messages.report_out(actions.ask_tracebacks(actor_of(request), report_id, reason=body.reason))


def _brought(actor: Actor, body: messages.ReportIn, key: str) -> ReportView:
    given = [one for one in (body.calls, body.file, body.recording) if one is not None]
    if len(given) != 1:
        raise Invalid("Give exactly one of calls, file and recording.")
    if body.calls is not None:
        return actions.report_calls(actor, [one.call() for one in body.calls], note=body.note, key=key)
    if body.file is not None:
        octets = messages.octets_of(body.file.filename, body.file.content)
        return actions.report_file(actor, body.file.filename, octets, note=body.note, key=key)
    sound = body.recording
    if sound is None:
        raise Invalid("Give exactly one of calls, file and recording.")
    octets = messages.octets_of(sound.filename, sound.content)
    return actions.report_recording(actor, sound.call.call(), sound.filename, octets, note=body.note, key=key)
