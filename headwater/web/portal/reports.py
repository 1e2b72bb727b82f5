"""An agency reports calls that it knows of, and follows what became of them."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, TooLarge
from headwater.reports import actions, queries
from headwater.reports.rules import FRESH, MOST_AUTOMATIC, BadReport
from headwater.reports.states import ReportState, TraceRequest
from headwater.web.access import ActorRequest, page
from headwater.web.portal.report_forms import BLOCKS, AskForm, CallForm, FileForm, NoteForm, RecordingForm


@page(Permission.REPORT_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """List the agency's reports, the newest first."""
    return render(request, "portal/reports.html", {"reports": queries.reports(request.actor)})


@page(Permission.REPORT_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def calls(request: ActorRequest) -> HttpResponseBase:
    """Show the form of example calls, or bring them."""
    zone = request.user.organisation.time_zone
    if request.method != "POST":
        return _calls(request, [CallForm(prefix=f"calls.{n}", zone=zone) for n in range(BLOCKS)], NoteForm())
    note = NoteForm(request.POST)
    # Blocks after the first that were left empty are no calls.
    forms = [
        CallForm(request.POST, prefix=f"calls.{n}", zone=zone, empty_permitted=n > 0, use_required_attribute=False)
        for n in range(BLOCKS)
    ]
    valid = [form.is_valid() for form in forms]
    if all(valid) and note.is_valid():
        entered = [form for n, form in enumerate(forms) if n == 0 or form.has_changed()]
        try:
            made = actions.report_calls(request.actor, [form.call for form in entered], note=note.cleaned_data["note"])
        except BadReport as error:
            _tell(error, entered)
        else:
            return HttpResponseRedirect(reverse("report", args=[made.id]))
    return _calls(request, forms, note, status=422)


@page(Permission.REPORT_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def file(request: ActorRequest) -> HttpResponseBase:
    """Show the form of a complaint export, or bring it."""
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        name, octets = form.cleaned_data["file"]
        try:
            made = actions.report_file(request.actor, name, octets, note=form.cleaned_data["note"])
        except (BadReport, TooLarge) as error:
            form.add_error("file", str(error))
        else:
            return HttpResponseRedirect(reverse("report", args=[made.id]))
    return render(request, "portal/report_file.html", {"form": form}, status=422 if request.method == "POST" else 200)


@page(Permission.REPORT_SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def recording(request: ActorRequest) -> HttpResponseBase:
    """Show the form of a recording, or bring it."""
    zone = request.user.organisation.time_zone
    form = RecordingForm(request.POST or None, request.FILES or None, zone=zone)
    if request.method == "POST" and form.is_valid():
        name, octets = form.cleaned_data["file"]
        try:
            made = actions.report_recording(request.actor, form.call, name, octets, note=form.cleaned_data["note"])
        except BadReport as error:
            form.tell({field.rpartition(".")[2]: problem for field, problem in error.problems.items()})
        else:
            return HttpResponseRedirect(reverse("report", args=[made.id]))
    context = {"form": form, "zone": zone}
    return render(request, "portal/report_recording.html", context, status=422 if request.method == "POST" else 200)


@page(Permission.REPORT_READ)
@require_safe
def report(request: ActorRequest, report_id: str) -> HttpResponseBase:
    """Show one report and what became of it."""
    return _show(request, report_id, AskForm())


@page(Permission.REPORT_SUBMIT)
@require_POST
def ask(request: ActorRequest, report_id: str) -> HttpResponseBase:
    """Ask for the reported calls to be traced."""
    form = AskForm(request.POST)
    if form.is_valid():
        try:
            actions.ask_tracebacks(request.actor, report_id, reason=form.cleaned_data["reason"])
        except (BadReport, Conflict) as error:
            form.add_error("reason", str(error))
        else:
            return HttpResponseRedirect(reverse("report", args=[report_id]))
    return _show(request, report_id, form, status=422)


def _calls(request: ActorRequest, forms: list[CallForm], note: NoteForm, *, status: int = 200) -> HttpResponse:
    zone = request.user.organisation.time_zone
    return render(request, "portal/report_calls.html", {"forms": forms, "note": note, "zone": zone}, status=status)


def _tell(error: BadReport, forms: list[CallForm]) -> None:
    """Show each problem beside the field of its call."""
    for where, problem in error.problems.items():
        _, place, field = where.split(".", 2)
        forms[int(place)].tell({field: problem})


def _show(request: ActorRequest, report_id: str, form: AskForm, *, status: int = 200) -> HttpResponse:
    found = queries.report(request.actor, report_id)
    offered = (
        found.state is ReportState.TAKEN
        and found.trace is TraceRequest.NONE
        and request.actor.may(Permission.REPORT_SUBMIT)
    )
    context: dict[str, Any] = {
        "report": found,
        "form": form if offered else None,
        "days": FRESH.days,
        "automatic": MOST_AUTOMATIC,
    }
    return render(request, "portal/report.html", context, status=status)
