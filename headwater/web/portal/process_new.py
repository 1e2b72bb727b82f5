"""New process: one form filled in from an alert, campaign or traceback, then a review, then served with a receipt."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.alerts.queries import AlertView, alert
from headwater.errors import NotFound
from headwater.legal import actions, queries, subjects
from headwater.legal.proposal import STATUTES, About, propose
from headwater.legal.rules import BadRequest, ProcessState, Subjects
from headwater.web.access import ActorRequest, page
from headwater.web.portal.forms import ProcessForm, initial_of

_FORM = "portal/process_new.html"


@page(Permission.PROCESS_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: ActorRequest, alert_id: str) -> HttpResponseBase:
    """Show the form for an alert, or keep what was entered as a draft and go on to the review."""
    told = alert(request.actor, alert_id)
    about = About(
        campaign_id=told.row.campaign_id,
        campaign_name=told.row.campaign_name,
        first_call=datetime.fromisoformat(told.facts["first_call_at"]),
    )
    return _start(request, about, told)


@page(Permission.PROCESS_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def start_on(request: ActorRequest) -> HttpResponseBase:
    """Show the form for a campaign or tracebacks that the agency was told of, named in the address, or an empty one."""
    named = Subjects(
        campaigns=frozenset(request.GET.getlist("campaign")[:20]),
        tracebacks=frozenset(request.GET.getlist("traceback")[:50]),
    )
    return _start(request, subjects.facts(request.actor.organisation_id, named), None)


def _start(request: ActorRequest, about: About, told: AlertView | None) -> HttpResponseBase:
    zone = request.user.organisation.time_zone
    if request.method != "POST":
        form = ProcessForm(initial=_proposed(request, about), zone=zone, now=clock.now())
        return _show(request, form, told)
    form = ProcessForm(request.POST, request.FILES, zone=zone, now=clock.now())
    if form.is_valid():
        try:
            alert_id = told.row.id if told else ""
            draft = actions.draft(request.actor, alert_id, form.request(), form.document_read)
        except NotFound as error:
            form.add_error("campaigns", str(error))
        else:
            return HttpResponseRedirect(reverse("process_review", args=[draft.id]))
    return _show(request, form, told, status=422)


@page(Permission.PROCESS_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def revise(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show a draft in the form again, or keep its changes."""
    found = queries.process(request.actor, process_id)
    if found.state is not ProcessState.DRAFT:
        return HttpResponseRedirect(reverse("process", args=[found.id]))
    told = alert(request.actor, found.alert_id) if found.alert_id else None
    zone, held = request.user.organisation.time_zone, bool(found.documents)
    if request.method != "POST":
        form = ProcessForm(initial=initial_of(found.request, zone), zone=zone, now=clock.now(), held=held)
        return _show(request, form, told, draft=found)
    form = ProcessForm(request.POST, request.FILES, zone=zone, now=clock.now(), held=held)
    if form.is_valid():
        try:
            actions.revise(request.actor, process_id, form.request(), form.document_read)
        except NotFound as error:
            form.add_error("campaigns", str(error))
        else:
            return HttpResponseRedirect(reverse("process_review", args=[found.id]))
    return _show(request, form, told, draft=found, status=422)


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


def _proposed(request: ActorRequest, about: About) -> dict[str, object]:
    agency, person = request.user.organisation, request.user
    zone = ZoneInfo(agency.time_zone)
    proposal = propose(
        agency=agency.name,
        agency_state=agency.state,
        officer=f"{person.name}, {person.title}" if person.title else person.name,
        about=about,
        now=clock.now().astimezone(zone),
    )
    return {
        "authority": proposal.authority,
        "statute": proposal.statute,
        "signer": proposal.signer,
        "scope": proposal.scope,
        "campaigns": "" if about.tracebacks else about.campaign_id,
        "tracebacks": " ".join(about.tracebacks),
        "covers_from": proposal.covers_from,
        "return_date": proposal.return_date,
        "called_numbers": True,
    }


def _show(
    request: ActorRequest,
    form: ProcessForm,
    told: AlertView | None,
    *,
    draft: queries.ProcessView | None = None,
    status: int = 200,
) -> HttpResponse:
    zone = request.user.organisation.time_zone
    context = {"form": form, "alert": told, "draft": draft, "statutes": STATUTES, "zone": zone}
    return render(request, _FORM, context, status=status)
