"""One's own organisation in the portal and the carrier pages: colleagues, confirming them, keys, leavers."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts import confirming, leaving, queries
from headwater.accounts.permissions import SCOPE_ORGANISATIONS, Permission
from headwater.errors import Conflict, Invalid, NotFound
from headwater.web.access import ActorRequest, page
from headwater.web.credential_forms import CredentialForm, changed, issue


@page(Permission.ACCOUNT_CONFIRM)
@require_safe
def organisation(request: ActorRequest) -> HttpResponseBase:
    """Show the colleagues, and to who looks after them the keys."""
    return _show(request)


def _show(request: ActorRequest, *, token: str = "", form: CredentialForm | None = None) -> HttpResponseBase:
    actor, now = request.actor, clock.now()
    kind = actor.organisation_kind
    assert kind is not None  # noqa: S101 - a person is of an organisation, which has a kind
    looks_after = actor.may(Permission.ACCOUNT_MANAGE_OWN)
    colleagues = queries.colleagues(actor)
    context: dict[str, Any] = {
        "colleagues": colleagues,
        "open": [each for each in colleagues if each.is_active and each.confirmed_at],
        "person_id": actor.person_id,
        "looks_after": looks_after,
        "deputies": [(each, each.holds(now)) for each in leaving.deputies(actor)] if looks_after else [],
        "token": token,
    }
    if looks_after and any(kind in of for of in SCOPE_ORGANISATIONS.values()):
        context["credentials"] = [(each, each.state(now)) for each in queries.credentials(actor)]
        context["credential_form"] = form or CredentialForm(kind)
    return render(request, "account/organisation.html", context, status=422 if form else 200)


@page(Permission.ACCOUNT_CONFIRM)
@require_POST
def confirm(request: ActorRequest) -> HttpResponseBase:
    """Confirm a new colleague."""
    try:
        done = confirming.confirm_colleague(
            request.actor, person_id=request.POST.get("person", ""), note=request.POST.get("note", "")
        )
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{done.name} is confirmed; their account is open.")
    return HttpResponseRedirect(reverse("own-organisation"))


@page(Permission.ACCOUNT_MANAGE_OWN)
@require_POST
def close(request: ActorRequest) -> HttpResponseBase:
    """Close a leaver's account."""
    known = {each.id: each for each in queries.colleagues(request.actor)}
    person = known.get(request.POST.get("person", ""))
    if person is None:
        raise NotFound("Your organisation has no such person.")
    try:
        leaving.close(
            request.actor,
            email=person.email,
            reason=request.POST.get("reason", ""),
            successor_email=request.POST.get("successor", ""),
        )
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The account of {person.name} is closed.")
    return HttpResponseRedirect(reverse("own-organisation"))


@page(Permission.ACCOUNT_MANAGE_OWN)
@require_POST
def issue_credential(request: ActorRequest) -> HttpResponseBase:
    """Issue a machine credential of the own organisation; its token is on the answer, this once."""
    kind = request.actor.organisation_kind
    assert kind is not None  # noqa: S101 - a person is of an organisation, which has a kind
    form = CredentialForm(kind, request.POST)
    if form.is_valid():
        try:
            _view, token = issue(request, request.actor.organisation_id, form)
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            return _show(request, token=token)
    return _show(request, form=form)


@page(Permission.ACCOUNT_MANAGE_OWN)
@require_POST
def change_credential(request: ActorRequest) -> HttpResponseBase:
    """Rotate or revoke a machine credential of the own organisation."""
    token = changed(request)
    if token:
        return _show(request, token=token)
    messages.success(request, "The credential is revoked: it opens nothing from now on.")
    return HttpResponseRedirect(reverse("own-organisation"))
