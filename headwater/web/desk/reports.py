"""Reports of agencies at the desk: what they brought, and the tracebacks that they ask for."""

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater.accounts.permissions import Permission
from headwater.reports import actions, queries
from headwater.reports.actions import LONGEST_REASON
from headwater.reports.states import TraceRequest
from headwater.web.access import ActorRequest, page


class DecisionForm(forms.Form):
    """Whether the reported calls are traced, and why."""

    opens = forms.ChoiceField(
        label="Decision",
        choices=[("yes", "Open tracebacks"), ("no", "Decline")],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input"}),
    )
    answer = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
        help_text="The agency reads it.",
    )


@page(Permission.REPORT_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """List reports, those that wait for a decision first."""
    found = queries.reports(request.actor)
    waiting = [one for one in found if one.trace is TraceRequest.ASKED]
    return render(request, "desk/agency_reports.html", {"waiting": waiting, "reports": found})


@page(Permission.REPORT_READ)
@require_safe
def report(request: ActorRequest, report_id: str) -> HttpResponseBase:
    """Show one report."""
    return _show(request, report_id, DecisionForm())


@page(Permission.TRACEBACK_OPEN)
@require_POST
def decide(request: ActorRequest, report_id: str) -> HttpResponseBase:
    """Open the tracebacks that an agency asks for, or decline."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _show(request, report_id, form, status=422)
    values = form.cleaned_data
    actions.decide_tracebacks(request.actor, report_id, opens=values["opens"] == "yes", answer=values["answer"])
    messages.success(request, "The decision is recorded; the agency sees it with its reason.")
    return HttpResponseRedirect(reverse("agency-report", args=[report_id]))


def _show(request: ActorRequest, report_id: str, form: DecisionForm, *, status: int = 200) -> HttpResponseBase:
    found = queries.report(request.actor, report_id)
    decides = found.trace is TraceRequest.ASKED and request.actor.may(Permission.TRACEBACK_OPEN)
    context = {"report": found, "form": form if decides else None}
    return render(request, "desk/agency_report.html", context, status=status)
