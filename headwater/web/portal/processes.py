"""The agency's requests: list, one process with its steps, decision, package; withdrawal and supply; downloads."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.campaigns.queries import liveness
from headwater.errors import Conflict, NotFound
from headwater.evidence import queries as evidence
from headwater.evidence.states import PackageState
from headwater.legal import actions, queries
from headwater.legal.kinds import discloses
from headwater.legal.parties import Time
from headwater.legal.rules import TRANSITIONS, BadRequest, ProcessState, Step
from headwater.outbox import queries as outbox
from headwater.relief import queries as relief
from headwater.relief.rules import CAUTION
from headwater.web.access import ActorRequest, page
from headwater.web.components.before_after import before_after
from headwater.web.components.process_steps import steps
from headwater.web.portal.forms import AnswerForm, ExtensionForm, PersonForm, ReasonForm, SupplyForm

_WITHDRAWABLE = {state for state, step in TRANSITIONS if step is Step.WITHDRAW}


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


@page(Permission.PROCESS_SUBMIT)
@require_POST
def name_person(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Open a process to a colleague."""
    form = PersonForm(request.POST)

    def act() -> None:
        actions.name_person(request.actor, process_id, email=form.cleaned_data["email"])

    return _done(request, process_id, form, act, name="person")


@page(Permission.PROCESS_SUBMIT)
@require_POST
def remove_person(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Close a process to one of its people."""
    actions.remove_person(request.actor, process_id, email=request.POST.get("email", "")[:320])
    return HttpResponseRedirect(reverse("process", args=[process_id]))


@page(Permission.PROCESS_SUBMIT)
@require_POST
def ask_time(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Ask the consortium for longer access, or for the renewal of a preservation."""
    form = ExtensionForm(request.POST, offered=(Time.ACCESS, Time.PRESERVATION))

    def act() -> None:
        values = form.cleaned_data
        until = form.moment(clock.now())
        actions.ask_extension(
            request.actor, process_id, what=Time(values["what"]), until=until, reason=values["reason"]
        )

    return _done(request, process_id, form, act, name="extension")


@page(Permission.PROCESS_SUBMIT)
@require_POST
def answer_time(request: ActorRequest, process_id: str, extension_id: int) -> HttpResponseBase:
    """Answer the consortium's request for a later return date."""
    form = AnswerForm(request.POST)

    def act() -> None:
        values = form.cleaned_data
        actions.answer_extension(
            request.actor, process_id, extension_id, granted=values["granted"] == "yes", answer=values["answer"]
        )

    return _done(request, process_id, form, act, name="answer")


def _done(
    request: ActorRequest, process_id: str, form: forms.Form, act: Callable[[], None], *, name: str
) -> HttpResponseBase:
    """Do what a valid form asks for and go back to the process; else show the form with what is wrong."""
    if form.is_valid():
        try:
            act()
        except (BadRequest, NotFound, Conflict) as error:
            problems = error.problems if isinstance(error, BadRequest) else {"": str(error)}
            for field, problem in problems.items():
                form.add_error(field if field in form.fields else None, problem)
        else:
            return HttpResponseRedirect(reverse("process", args=[process_id]))
    return _show(request, process_id, status=422, **{name: form})


def _show(request: ActorRequest, process_id: str, *, status: int = 200, **entered: forms.Form) -> HttpResponse:
    now = clock.now()
    found = queries.process(request.actor, process_id)
    packages = evidence.packages(request.actor, process_id)
    context: dict[str, Any] = {
        "process": found,
        "steps": steps(found),
        "packages": packages,
        "sealed": next((p for p in packages if p.state is PackageState.SEALED), None),
        "alive": liveness(found.campaign_id, now),
        "addenda": [(one, before_after(one.chart)) for one in relief.addenda(request.actor, process_id, now=now)],
        "caution": CAUTION,
        "just_served": "served" in request.GET and found.state is ProcessState.SERVED,
        "may_withdraw": found.state in _WITHDRAWABLE,
        "opens": any(scope.process == found.id for scope in queries.open_scopes(request.actor, now=now)),
        "sent": outbox.about(found.id, addresses=False),
        "zone": request.user.organisation.time_zone,
        **_forms(found, entered),
    }
    return render(request, "portal/process.html", context, status=status)


def _forms(found: queries.ProcessView, entered: dict[str, forms.Form]) -> dict[str, Any]:
    """Return the forms of what may be done now, each as it was entered or empty."""
    offered: dict[str, Any] = {"withdrawal": ReasonForm()}
    unanswered = [one for one in found.extensions if one.granted is None]
    if found.state in (ProcessState.DEFICIENT, ProcessState.OBJECTED):
        offered["supplement"] = SupplyForm()
    if not found.ended:
        offered["person"] = PersonForm()
        times = [Time.ACCESS] if found.accepted and discloses(found.request.process_type) else []
        times += [Time.PRESERVATION] if found.hold_id else []
        times = [one for one in times if not any(asked.what == one for asked in unanswered)]
        if times:
            offered["extension"] = ExtensionForm(offered=times)
        if any(not one.asked_by_agency for one in unanswered):
            offered["answer"] = AnswerForm()
    return {**offered, **{name: form for name, form in entered.items() if name in offered}}
