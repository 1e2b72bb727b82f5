"""The desk's page of one person: how they came in, their second check of contact, role, deputies, leaving."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts import actions, confirming, directory, invitations, leaving
from headwater.accounts.permissions import ROLE_ORGANISATION, Permission, Role
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.web.access import ActorRequest, page
from headwater.web.credential_forms import words
from headwater.web.uswds import StyledForm


class CallForm(StyledForm):
    """The second check of contact by telephone."""

    ids = "call_%s"
    number = forms.CharField(
        label="Number that you call", max_length=30, help_text="The organisation's, not the person's own."
    )
    number_source = forms.CharField(
        label="Where you looked it up",
        help_text="A public directory or the office's own page; never the invitation or the person.",
        max_length=400,
    )


class LeaverForm(StyledForm):
    """Closing an account."""

    ids = "leaver_%s"
    reason = forms.CharField(label="Why", max_length=400)
    successor = forms.ChoiceField(label="Who takes their matters over", required=False)

    def __init__(self, colleagues: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["successor"].choices = [("", "Nobody: there are none"), *colleagues]  # type: ignore[attr-defined] # a ChoiceField


class DeputyForm(StyledForm):
    """A deputy for somebody who is away."""

    ids = "deputy_%s"
    deputy = forms.ChoiceField(label="Who acts for them")
    until = forms.DateField(
        label="Last day (UTC)",
        help_text="At most 90 days ahead.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    reason = forms.CharField(label="Why", max_length=400)

    def __init__(self, colleagues: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["deputy"].choices = colleagues  # type: ignore[attr-defined] # a ChoiceField


@page(Permission.ACCOUNT_MANAGE)
@require_safe
def person(request: ActorRequest, person_id: str) -> HttpResponseBase:
    """Show one person."""
    return _show(request, person_id)


def _show(request: ActorRequest, person_id: str, *, code: str = "", **forms_of: forms.Form) -> HttpResponseBase:
    found = directory.person_page(request.actor, person_id)
    now = clock.now()
    colleagues = _choices(found)
    roles = [role for role in Role if ROLE_ORGANISATION[role] is found.organisation.kind]
    context = {
        "page": found,
        "person": found.person,
        "organisation": found.organisation,
        "checks": [(each, each.state(now)) for each in found.checks],
        "deputies": [(each, each.holds(now)) for each in found.deputies],
        "roles": [(role.value, words(role)) for role in roles],
        "code": f"{code[:4]} {code[4:]}" if code else "",
        "call_form": forms_of.get("call_form") or CallForm(),
        "leaver_form": forms_of.get("leaver_form") or LeaverForm(colleagues),
        "deputy_form": forms_of.get("deputy_form") or DeputyForm(colleagues),
        "own": found.person.id == request.user.id,
    }
    return render(request, "desk/person.html", context, status=422 if forms_of else 200)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def call(request: ActorRequest, person_id: str) -> HttpResponseBase:
    """Begin a check by telephone; the code is on the answer, this once."""
    form = CallForm(request.POST)
    if form.is_valid():
        try:
            _view, code = confirming.begin_by_telephone(
                request.actor,
                person_id=person_id,
                number=form.cleaned_data["number"],
                number_source=form.cleaned_data["number_source"],
            )
        except (Invalid, Conflict) as error:
            form.add_error("number", str(error))
        else:
            return _show(request, person_id, code=code)
    return _show(request, person_id, call_form=form)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def role(request: ActorRequest, person_id: str) -> HttpResponseBase:
    """Give the person another role."""
    found, wanted = directory.person_page(request.actor, person_id).person, request.POST.get("role", "")
    if wanted not in list(Role):
        raise Invalid("There is no such role.")
    if found.id == request.user.id:
        raise Forbidden("Nobody changes their own role.")
    actions.set_role(request.actor, email=found.email, role=Role(wanted))
    return _back(request, person_id, f"{found.name} is {words(wanted).lower()} now.")


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def close(request: ActorRequest, person_id: str) -> HttpResponseBase:
    """Close a leaver's account."""
    found = directory.person_page(request.actor, person_id)
    form = LeaverForm(_choices(found), request.POST)
    if form.is_valid():
        try:
            done = leaving.close(
                request.actor,
                email=found.person.email,
                reason=form.cleaned_data["reason"],
                successor_email=form.cleaned_data["successor"],
            )
        except (Invalid, Conflict, NotFound) as error:
            form.add_error(None, str(error))
        else:
            ended = f" {len(done.credentials)} machine credentials are revoked." if done.credentials else ""
            return _back(request, person_id, f"The account of {found.person.name} is closed.{ended}")
    return _show(request, person_id, leaver_form=form)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def reopen(request: ActorRequest, person_id: str) -> HttpResponseBase:
    """Open a closed account again."""
    found = directory.person_page(request.actor, person_id).person
    leaving.reopen(request.actor, email=found.email, reason=request.POST.get("reason", ""))
    return _back(request, person_id, "The account is open again; the person is confirmed anew before anything opens.")


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def deputy(request: ActorRequest, person_id: str) -> HttpResponseBase:
    """Appoint a deputy for the person, or end one."""
    ended = request.POST.get("end", "")
    if ended:
        leaving.end_deputy(request.actor, deputy_id=ended)
        return _back(request, person_id, "The deputy's right has ended.")
    found = directory.person_page(request.actor, person_id)
    form = DeputyForm(_choices(found), request.POST)
    if form.is_valid():
        until = form.cleaned_data["until"]
        try:
            leaving.appoint(
                request.actor,
                person_email=found.person.email,
                deputy_email=form.cleaned_data["deputy"],
                ends_at=datetime.combine(until + timedelta(days=1), time(), UTC),
                reason=form.cleaned_data["reason"],
            )
        except (Invalid, Conflict, NotFound) as error:
            form.add_error(None, str(error))
        else:
            return _back(request, person_id, "The deputy is appointed.")
    return _show(request, person_id, deputy_form=form)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def help_in(request: ActorRequest, person_id: str) -> HttpResponseBase:
    """Help somebody who lost their password or their second factor."""
    found = directory.person_page(request.actor, person_id)
    what = request.POST.get("lost", "")
    if what == "password":
        invitations.send_help(request.actor, person_id=person_id)
        return _back(request, person_id, f"A link to set a new password is on its way to {found.person.email}.")
    if what != "factor":
        raise NotFound("There is no such act.")
    actions.reset_second_factor(request.actor, email=found.person.email)
    said = "Their second factors are removed. They enrol anew, and a second way of contact is checked again."
    return _back(request, person_id, said)


def _choices(found: directory.PersonPage) -> list[tuple[str, str]]:
    return [(each.email, f"{each.name} ({each.email})") for each in found.colleagues]


def _back(request: ActorRequest, person_id: str, said: str) -> HttpResponseBase:
    messages.success(request, said)
    return HttpResponseRedirect(reverse("person", args=[person_id]))
