"""The agency's requests: list, one process with its steps, decision, package; withdrawal and supply; downloads."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.campaigns.queries import liveness
from headwater.evidence import queries as evidence
from headwater.evidence.states import PackageState
from headwater.legal import actions, queries
from headwater.legal.rules import ProcessState
from headwater.relief import queries as relief
from headwater.relief.rules import CAUTION
from headwater.web.access import ActorRequest, page
from headwater.web.components.before_after import before_after
from headwater.web.components.process_steps import steps
from headwater.web.portal.forms import ReasonForm, SupplyForm

_WITHDRAWABLE = {ProcessState.SERVED, ProcessState.UNDER_REVIEW, ProcessState.DEFICIENT, ProcessState.DRAFT}


@page(Permission.PROCESS_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """List the agency's requests, the newest first."""
    return render(request, "portal/processes.html", {"processes": queries.processes(request.actor)})


@page(Permission.PROCESS_READ)
@require_safe
def process(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show one process."""
    return _show(request, process_id)


@page(Permission.PROCESS_READ)
@require_safe
def ringing(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Return the fragment that says whether the campaign still rings."""
    found = queries.process(request.actor, process_id)
    alive = liveness(found.campaign_id, clock.now())
    return render(request, "portal/ringing.html", {"alive": alive, "process": found})


@page(Permission.PROCESS_SUBMIT)
@require_POST
def withdraw(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Withdraw a process that is not decided."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _show(request, process_id, withdrawal=form, status=422)
    actions.withdraw(request.actor, process_id, reason=form.cleaned_data["reason"])
    return HttpResponseRedirect(reverse("process", args=[process_id]))


@page(Permission.PROCESS_SUBMIT)
@require_POST
def supply(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Answer the consortium's request for more."""
    form = SupplyForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, process_id, supplement=form, status=422)
    values = form.cleaned_data
    actions.supply(request.actor, process_id, note=values["note"], document=values["document"])
    return HttpResponseRedirect(reverse("process", args=[process_id]))


def _show(
    request: ActorRequest,
    process_id: str,
    *,
    withdrawal: ReasonForm | None = None,
    supplement: SupplyForm | None = None,
    status: int = 200,
) -> HttpResponse:
    found = queries.process(request.actor, process_id)
    packages = evidence.packages(request.actor, process_id)
    context: dict[str, Any] = {
        "process": found,
        "steps": steps(found),
        "packages": packages,
        "sealed": next((p for p in packages if p.state is PackageState.SEALED), None),
        "alive": liveness(found.campaign_id, clock.now()),
        "addendum": relief.addendum(request.actor, process_id, now=clock.now()),
        "just_served": "served" in request.GET and found.state is ProcessState.SERVED,
        "may_withdraw": found.state in _WITHDRAWABLE,
        "withdrawal": withdrawal or ReasonForm(),
        "supplement": (supplement or SupplyForm()) if found.state is ProcessState.DEFICIENT else None,
        "zone": request.user.organisation.time_zone,
    }
    if context["addendum"] is not None:
        context["drawing"] = before_after(context["addendum"].chart)
        context["caution"] = CAUTION
    return render(request, "portal/process.html", context, status=status)
