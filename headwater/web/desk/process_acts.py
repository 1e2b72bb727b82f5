"""What a reviewer does to a process: check, take up, decide, produce, certify, close; ask for time and answer."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict
from headwater.evidence import actions as evidence_actions
from headwater.evidence import queries as evidence_queries
from headwater.legal import actions, queries
from headwater.legal.kinds import discloses
from headwater.legal.parties import Time
from headwater.legal.rules import BadRequest
from headwater.web.access import ActorRequest, page
from headwater.web.desk.process_forms import (
    AnswerForm,
    CertifyForm,
    DecisionForm,
    ExtensionForm,
    IdentityForm,
    ReasonForm,
)
from headwater.web.desk.processes import show


@page(Permission.PROCESS_REVIEW)
@require_POST
def identity(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Note how the requester was checked."""
    form = IdentityForm(request.POST)

    def act() -> None:
        how = form.cleaned_data["identity_check"]
        actions.check_identity(request.actor, process_id, method=form.method, how=how)

    return _done(request, process_id, form, act, name="identity", said="The check of the requester is recorded.")


@page(Permission.PROCESS_REVIEW)
@require_POST
def begin(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Take a process into review."""
    actions.begin_review(request.actor, process_id)
    return HttpResponseRedirect(reverse("process", args=[process_id]))


@page(Permission.PROCESS_REVIEW)
@require_POST
def decide(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Take a decision; an acceptance that discloses also asks for the package."""
    found = queries.process(request.actor, process_id)
    form = DecisionForm(request.POST, process=found)

    def act() -> None:
        told: dict[str, Any] = {"reason": form.cleaned_data["reason"], "decision": form.decided, **form.identity}
        if form.accepts and discloses(found.request.process_type):
            evidence_actions.accept_and_produce(request.actor, process_id, grant=form.grant, **told)
        else:
            grant = form.grant if form.accepts else None
            actions.decide(request.actor, process_id, grant=grant, **told)

    said = "The decision is recorded. The agency is told and reads it in the letter."
    return _done(request, process_id, form, act, name="form", said=said)


@page(Permission.PACKAGE_SEAL)
@require_POST
def produce(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Have a package sealed again: after a failed sealing, or as a fresh addendum."""
    evidence_actions.request_package(request.actor, process_id)
    return HttpResponseRedirect(reverse("process", args=[process_id]))


@page(Permission.PACKAGE_SEAL)
@require_POST
def make_public(request: ActorRequest, package_id: str) -> HttpResponseBase:
    """Have the public version of a package made."""
    process_id = evidence_queries.find(request.actor, package_id, now=clock.now()).process_id
    try:
        evidence_actions.ask_public(request.actor, package_id)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The public version is being made: it appears at the package within seconds.")
    return HttpResponseRedirect(reverse("process", args=[process_id]))


@page(Permission.PACKAGE_SEAL)
@require_POST
def certify(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Note who signed the certificates of what was produced."""
    form = CertifyForm(request.POST)

    def act() -> None:
        actions.certify(request.actor, process_id, certified_by=form.cleaned_data["certified_by"])

    return _done(request, process_id, form, act, name="certification", said="The certification is recorded.")


@page(Permission.PROCESS_REVIEW)
@require_POST
def close(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Close a process: what it opened is closed at once."""
    form = ReasonForm(request.POST)

    def act() -> None:
        actions.close(request.actor, process_id, reason=form.cleaned_data["reason"])

    return _done(request, process_id, form, act, name="closing", said="The process is closed, and what it had opened.")


@page(Permission.PROCESS_REVIEW)
@require_POST
def ask_time(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Ask the agency for a later return date."""
    form = ExtensionForm(request.POST)

    def act() -> None:
        reason = form.cleaned_data["reason"]
        actions.ask_extension(request.actor, process_id, what=Time.RETURN_DATE, until=form.moment, reason=reason)

    return _done(request, process_id, form, act, name="extension", said="The agency is asked for more time.")


@page(Permission.PROCESS_REVIEW)
@require_POST
def answer_time(request: ActorRequest, process_id: str, extension_id: int) -> HttpResponseBase:
    """Answer the agency's request for more time."""
    form = AnswerForm(request.POST)

    def act() -> None:
        values = form.cleaned_data
        actions.answer_extension(
            request.actor, process_id, extension_id, granted=values["granted"] == "yes", answer=values["answer"]
        )

    return _done(request, process_id, form, act, name="answer", said="The answer is recorded; the agency is told.")


def _done(  # noqa: PLR0913 - what is done, with what, said how
    request: ActorRequest, process_id: str, form: forms.Form, act: Callable[[], None], *, name: str, said: str
) -> HttpResponseBase:
    """Do what a valid form asks for and go back to the process; else show the form with what is wrong."""
    if form.is_valid():
        try:
            act()
        except BadRequest as error:
            for field, problem in error.problems.items():
                form.add_error(field if field in form.fields else None, problem)
        else:
            messages.success(request, said)
            return HttpResponseRedirect(reverse("process", args=[process_id]))
    return show(request, process_id, status=422, **{name: form})
