"""New process: one form filled in from an alert, then a review, then served with a receipt."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.alerts.queries import AlertView, alert
from headwater.legal import actions, queries
from headwater.legal.proposal import STATUTES, propose
from headwater.legal.rules import BadRequest, ProcessState
from headwater.web.access import ActorRequest, page
from headwater.web.portal.forms import ProcessForm, initial_of

_FORM = "portal/process_new.html"


@page(Permission.PROCESS_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: ActorRequest, alert_id: str) -> HttpResponseBase:
    """Show the form for an alert, or keep what was entered as a draft and go on to the review."""
    told = alert(request.actor, alert_id)
    zone = request.user.organisation.time_zone
    if request.method != "POST":
        form = ProcessForm(initial=_proposed(request, told), zone=zone, now=clock.now())
        return _show(request, form, told)
    form = ProcessForm(request.POST, request.FILES, zone=zone, now=clock.now())
    if not form.is_valid() or form.document_read is None:
        return _show(request, form, told, status=422)
    draft = actions.draft(request.actor, alert_id, form.request(), form.document_read)
    return HttpResponseRedirect(reverse("process_review", args=[draft.id]))


@page(Permission.PROCESS_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def revise(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show a draft in the form again, or keep its changes."""
    found = queries.process(request.actor, process_id)
    if found.state is not ProcessState.DRAFT:
        return HttpResponseRedirect(reverse("process", args=[found.id]))
    told = alert(request.actor, found.alert_id)
    zone = request.user.organisation.time_zone
    if request.method != "POST":
        form = ProcessForm(initial=initial_of(found.request, zone), zone=zone, now=clock.now(), held=True)
        return _show(request, form, told, draft=found)
    form = ProcessForm(request.POST, request.FILES, zone=zone, now=clock.now(), held=True)
    if not form.is_valid():
        return _show(request, form, told, draft=found, status=422)
    actions.revise(request.actor, process_id, form.request(), form.document_read)
    return HttpResponseRedirect(reverse("process_review", args=[found.id]))


@page(Permission.PROCESS_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show a draft as it will be served, or serve it."""
    found = queries.process(request.actor, process_id)
    if request.method == "POST":
        try:
            actions.serve(request.actor, process_id)
        except BadRequest as error:
            context = {"process": found, "problems": error.problems, "zone": request.user.organisation.time_zone}
            return render(request, "portal/process_review.html", context, status=422)
        return HttpResponseRedirect(reverse("process", args=[found.id]) + "?served")
    if found.state is not ProcessState.DRAFT:
        return HttpResponseRedirect(reverse("process", args=[found.id]))
    context = {"process": found, "zone": request.user.organisation.time_zone}
    return render(request, "portal/process_review.html", context)


def _proposed(request: ActorRequest, told: AlertView) -> dict[str, object]:
    agency, person = request.user.organisation, request.user
    zone = ZoneInfo(agency.time_zone)
    proposal = propose(
        agency=agency.name,
        agency_state=agency.state,
        officer=f"{person.name}, {person.title}" if person.title else person.name,
        campaign_id=told.row.campaign_id,
        campaign_name=told.row.campaign_name,
        first_call=datetime.fromisoformat(told.facts["first_call_at"]).astimezone(zone).date(),
        now=clock.now().astimezone(zone),
    )
    return {
        "authority": proposal.authority,
        "statute": proposal.statute,
        "signer": proposal.signer,
        "scope": proposal.scope,
        "covers_from": proposal.covers_from,
        "return_date": proposal.return_date,
        "called_numbers": True,
    }


def _show(
    request: ActorRequest,
    form: ProcessForm,
    told: AlertView,
    *,
    draft: queries.ProcessView | None = None,
    status: int = 200,
) -> HttpResponse:
    zone = request.user.organisation.time_zone
    context = {"form": form, "alert": told, "draft": draft, "statutes": STATUTES, "zone": zone}
    return render(request, _FORM, context, status=status)
