"""Legal process at the desk: the review queue with its clock, one process with all that a reviewer decides on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.campaigns.queries import liveness
from headwater.evidence import actions as evidence_actions
from headwater.evidence import queries as evidence
from headwater.evidence.states import PackageState
from headwater.legal import actions, queries
from headwater.legal.rules import (
    IN_REVIEW,
    LONGEST_TEXT,
    BadRequest,
    Decision,
    Grant,
    Waiting,
    waiting,
)
from headwater.web.access import ActorRequest, page
from headwater.web.components.process_steps import steps

_DECISIONS = [
    (Decision.ACCEPT.value, "Accept: a package is sealed in the scope asked for"),
    (Decision.ASK_FOR_MORE.value, "Deficient: ask the agency for more"),
    (Decision.OBJECT.value, "Object"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One process in the queue, with its clock."""

    process: queries.ProcessView
    clock: Waiting


class DecisionForm(forms.Form):
    """A decision with its reason and how the requester was checked."""

    decision = forms.ChoiceField(
        label="Decision", choices=_DECISIONS, widget=forms.RadioSelect(attrs={"class": "usa-radio__input"})
    )
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "5"}),
        help_text="The agency reads it in the decision letter.",
    )
    identity_check = forms.CharField(
        label="How you made sure who served it",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
        help_text="For example: called the office at its published number and spoke to the signer.",
    )
    grant_called_numbers = forms.BooleanField(
        label="Open called numbers in full",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "usa-checkbox__input"}),
        help_text="Raw records and signed answers contain them; without this they are withheld and their hashes given.",
    )
    grant_customer_identity = forms.BooleanField(
        label="Open customer identity",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "usa-checkbox__input"}),
        help_text="Only where the document itself asks for it.",
    )


@page(Permission.PROCESS_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """Show what waits for a decision, and what was decided."""
    now = clock.now()
    found = queries.processes(request.actor)
    queue = sorted(
        (
            _queued(process, process.served_at, now)
            for process in found
            if process.state in IN_REVIEW and process.served_at
        ),
        key=lambda queued: queued.clock.left,
    )
    others = [process for process in found if process.state not in IN_REVIEW]
    return render(request, "desk/processes.html", {"queue": queue, "others": others})


def _queued(process: queries.ProcessView, served_at: datetime, now: datetime) -> Queued:
    return Queued(process=process, clock=waiting(served_at, now))


@page(Permission.PROCESS_READ)
@require_safe
def process(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show one process."""
    return _show(request, process_id)


@page(Permission.PROCESS_REVIEW)
@require_POST
def begin(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Take a process into review."""
    actions.begin_review(request.actor, process_id)
    return HttpResponseRedirect(reverse("process", args=[process_id]))


@page(Permission.PROCESS_REVIEW)
@require_http_methods(["POST"])
def decide(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Take a decision; an acceptance also asks for the package."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _show(request, process_id, form=form, status=422)
    values = form.cleaned_data
    told = {"reason": values["reason"], "identity_check": values["identity_check"]}
    try:
        if values["decision"] == Decision.ACCEPT:
            grant = Grant(
                called_numbers=values["grant_called_numbers"], customer_identity=values["grant_customer_identity"]
            )
            evidence_actions.accept_and_produce(request.actor, process_id, grant=grant, **told)
        else:
            actions.decide(request.actor, process_id, decision=Decision(values["decision"]), **told)
    except BadRequest as error:
        for field, problem in error.problems.items():
            form.add_error(field, problem)
        return _show(request, process_id, form=form, status=422)
    messages.success(request, "The decision is recorded. The agency sees it with its reason.")
    return HttpResponseRedirect(reverse("process", args=[process_id]))


@page(Permission.PACKAGE_SEAL)
@require_POST
def produce(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Have a package sealed again: after a failed sealing, or as a fresh addendum."""
    evidence_actions.request_package(request.actor, process_id)
    return HttpResponseRedirect(reverse("process", args=[process_id]))


def _show(
    request: ActorRequest, process_id: str, *, form: DecisionForm | None = None, status: int = 200
) -> HttpResponse:
    now = clock.now()
    found = queries.process(request.actor, process_id)
    packages = evidence.packages(request.actor, process_id)
    reviewing = found.state in IN_REVIEW and request.actor.may(Permission.PROCESS_REVIEW)
    initial = {"grant_called_numbers": found.request.called_numbers}
    context: dict[str, Any] = {
        "process": found,
        "packages": packages,
        "steps": steps(found),
        "clock": waiting(found.served_at, now) if found.served_at and found.state in IN_REVIEW else None,
        "alive": liveness(found.campaign_id, now),
        "form": (form or DecisionForm(initial=initial)) if reviewing else None,
        "may_produce": found.accepted
        and request.actor.may(Permission.PACKAGE_SEAL)
        and not any(
            package.state is PackageState.SEALING and now - package.requested_at < evidence_actions.LONGEST_SEALING
            for package in packages
        ),
        "may_download": request.actor.may(Permission.PACKAGE_DOWNLOAD),
        "zone": "UTC",
    }
    return render(request, "desk/process.html", context, status=status)
