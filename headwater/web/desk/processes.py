"""Legal process at the desk: the review queue with its clocks, one process with all that a reviewer decides on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.campaigns.queries import liveness
from headwater.evidence import actions as evidence_actions
from headwater.evidence import queries as evidence
from headwater.evidence.states import PackageState
from headwater.legal import figures, queries
from headwater.legal.kinds import KINDS, discloses
from headwater.legal.rules import IN_REVIEW, ProcessState, Waiting, business_days_left, waiting
from headwater.outbox import queries as outbox
from headwater.web.access import ActorRequest, page
from headwater.web.components.process_steps import steps
from headwater.web.desk.process_forms import (
    AnswerForm,
    CertifyForm,
    DecisionForm,
    ExtensionForm,
    IdentityForm,
    ReasonForm,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One process in the queue, with its clocks."""

    process: queries.ProcessView
    clock: Waiting
    days_left: int
    """Business days to the return date; negative once it is past."""


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


@page(Permission.PROCESS_READ)
@require_safe
def measured(request: ActorRequest) -> HttpResponseBase:
    """Show how long processes took from service to production."""
    return render(request, "desk/process_figures.html", {"figures": figures.measured(now=clock.now())})


def _queued(process: queries.ProcessView, served_at: datetime, now: datetime) -> Queued:
    due = process.due or process.request.return_date
    return Queued(process=process, clock=waiting(served_at, now), days_left=business_days_left(due, now.date()))


@page(Permission.PROCESS_READ)
@require_safe
def process(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show one process."""
    return show(request, process_id)


def show(request: ActorRequest, process_id: str, *, status: int = 200, **entered: forms.Form) -> HttpResponse:
    """Show one process; ``entered`` are forms that could not be taken, by their names on the page."""
    now = clock.now()
    found = queries.process(request.actor, process_id)
    packages = evidence.packages(request.actor, process_id)
    context: dict[str, Any] = {
        "process": found,
        "packages": packages,
        "steps": steps(found),
        "clock": waiting(found.served_at, now) if found.served_at and found.state in IN_REVIEW else None,
        "days_left": business_days_left(found.due or found.request.return_date, now.date()),
        "alive": liveness(found.campaign_id, now),
        "kind": KINDS[found.request.process_type],
        "sent": outbox.about(found.id),
        "may_produce": found.accepted
        and discloses(found.request.process_type)
        and request.actor.may(Permission.PACKAGE_SEAL)
        and not any(
            package.state is PackageState.SEALING and now - package.requested_at < evidence_actions.LONGEST_SEALING
            for package in packages
        ),
        "may_download": request.actor.may(Permission.PACKAGE_DOWNLOAD),
        "may_make_public": request.actor.may(Permission.PACKAGE_SEAL) and not found.request.sealed,
        "zone": "UTC",
        **_forms(request, found, entered),
    }
    return render(request, "desk/process.html", context, status=status)


def _forms(request: ActorRequest, found: queries.ProcessView, entered: dict[str, forms.Form]) -> dict[str, Any]:
    """Return the forms of what the person may do now, each as it was entered or empty."""
    reviews, seals = request.actor.may(Permission.PROCESS_REVIEW), request.actor.may(Permission.PACKAGE_SEAL)
    unanswered = [one for one in found.extensions if one.granted is None]
    offered: dict[str, Any] = {}
    if reviews and found.state in IN_REVIEW:
        initial = {"grant_called_numbers": found.request.called_numbers}
        offered["form"] = DecisionForm(initial=initial, process=found)
        if found.state is ProcessState.SERVED:
            offered["identity"] = IdentityForm()
    if reviews and not found.ended:
        if not any(one.what == "return_date" for one in unanswered) and not found.decided:
            offered["extension"] = ExtensionForm()
        if any(one.asked_by_agency for one in unanswered):
            offered["answer"] = AnswerForm()
        if found.decided or found.state is ProcessState.DEFICIENT:
            offered["closing"] = ReasonForm()
    if seals and found.state is ProcessState.PRODUCED:
        offered["certification"] = CertifyForm()
    return {**offered, **{name: form for name, form in entered.items() if name in offered}}
