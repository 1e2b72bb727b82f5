"""The desk's pages of organisations: the list, one organisation with its people, domains, keys and providers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from headwater import clock
from headwater.accounts import actions, directory, identity_providers, invitations
from headwater.accounts.permissions import (
    ROLE_ORGANISATION,
    OrganisationKind,
    Permission,
    Role,
)
from headwater.errors import Conflict, Invalid
from headwater.web.access import ActorRequest, page
from headwater.web.credential_forms import CredentialForm, changed, issue, words
from headwater.web.uswds import StyledForm


class OrganisationForm(StyledForm):
    """A new organisation, or what of one can be corrected."""

    kind = forms.ChoiceField(label="Kind", choices=[(kind.value, words(kind)) for kind in OrganisationKind])
    name = forms.CharField(label="Name", max_length=200)
    state = forms.CharField(
        label="State", help_text="Two letters, for a state agency.", max_length=2, required=False, strip=True
    )
    address = forms.CharField(
        label="Postal address",
        help_text="As it stands on packages.",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    time_zone = forms.CharField(label="Time zone", help_text="Such as America/Detroit.", initial="America/New_York")


class InvitationForm(StyledForm):
    """Whom to invite."""

    ids = "invite_%s"
    email = forms.EmailField(label="Work e-mail address", max_length=254)
    name = forms.CharField(label="Name", max_length=200)
    title = forms.CharField(label="Title", max_length=200, required=False)
    role = forms.ChoiceField(label="Role")

    def __init__(self, kind: OrganisationKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fitting = [role for role in Role if ROLE_ORGANISATION[role] is kind]
        self.fields["role"].choices = [(role.value, words(role)) for role in fitting]  # type: ignore[attr-defined] # a ChoiceField


class DomainForm(StyledForm):
    """A verified domain."""

    ids = "domain_%s"
    domain = forms.CharField(label="Domain", help_text="The part after the @, such as michigan.gov.", max_length=253)
    how = forms.CharField(
        label="How it was verified",
        help_text="Such as: listed on the office's own page, and in the .gov registry.",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@page(Permission.ACCOUNT_MANAGE)
@require_safe
def organisations(request: ActorRequest) -> HttpResponseBase:
    """List the organisations."""
    return render(request, "desk/organisations.html", {"lines": directory.lines(request.actor)})


@page(Permission.ACCOUNT_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: ActorRequest) -> HttpResponseBase:
    """Register an organisation."""
    form = OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            made = actions.create_organisation(
                request.actor,
                kind=OrganisationKind(values["kind"]),
                name=values["name"],
                state=values["state"].upper(),
                address=values["address"],
                time_zone=values["time_zone"],
            )
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            return HttpResponseRedirect(reverse("organisation", args=[made.id]))
    return render(request, "desk/organisation_new.html", {"form": form}, status=422 if form.errors else 200)


@page(Permission.ACCOUNT_MANAGE)
@require_safe
def organisation(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Show one organisation."""
    return show(request, organisation_id)


def show(request: ActorRequest, organisation_id: str, *, token: str = "", **forms_of: forms.Form) -> HttpResponseBase:
    """Show one organisation, with a refused form of it, or a token that is shown this once."""
    found = directory.organisation_page(request.actor, organisation_id)
    kind, now = found.organisation.kind, clock.now()
    filled = {name: getattr(found.organisation, name) for name in ("name", "state", "address", "time_zone")} | {
        "kind": kind.value
    }
    edit = forms_of.get("edit_form") or OrganisationForm(initial=filled)
    del edit.fields["kind"]
    context: dict[str, Any] = {
        "page": found,
        "organisation": found.organisation,
        "invitations": [(each, each.state(now)) for each in found.invitations],
        "credentials": [(each, each.state(now)) for each in found.credentials],
        "providers": identity_providers.of_organisation(request.actor, organisation_id),
        "token": token,
        "edit_form": edit,
        "invitation_form": forms_of.get("invitation_form") or InvitationForm(kind),
        "domain_form": forms_of.get("domain_form") or DomainForm(),
        "credential_form": forms_of.get("credential_form") or CredentialForm(kind),
        "has_people": any(of is kind for of in ROLE_ORGANISATION.values()),
        "refused": next(iter(forms_of), ""),
    }
    return render(request, "desk/organisation.html", context, status=422 if forms_of else 200)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def edit(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Correct an organisation."""
    form = OrganisationForm({**request.POST.dict(), "kind": OrganisationKind.AGENCY.value})
    if form.is_valid():
        values = form.cleaned_data
        try:
            actions.edit_organisation(
                request.actor,
                organisation_id=organisation_id,
                name=values["name"],
                state=values["state"].upper(),
                address=values["address"],
                time_zone=values["time_zone"],
            )
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            return _back(request, organisation_id, "It is corrected.")
    return show(request, organisation_id, edit_form=form)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def invite(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Invite a person."""
    kind = directory.organisation_page(request.actor, organisation_id).organisation.kind
    form = InvitationForm(kind, request.POST)
    if form.is_valid():
        try:
            sent = invitations.invite(
                request.actor,
                organisation_id=organisation_id,
                email=form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                title=form.cleaned_data["title"],
                role=Role(form.cleaned_data["role"]),
            )
        except (Invalid, Conflict) as error:
            form.add_error("email", str(error))
        else:
            return _back(
                request, organisation_id, f"A link is on its way to {sent.email}. It holds for three days, once."
            )
    return show(request, organisation_id, invitation_form=form)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def revoke_invitation(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Take an invitation back."""
    view = invitations.revoke(request.actor, invitation_id=request.POST.get("invitation", ""))
    return _back(request, organisation_id, f"The invitation of {view.email} is taken back.")


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def domain(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Enter a verified domain, or withdraw one."""
    withdrawn = request.POST.get("withdraw", "")
    if withdrawn:
        actions.withdraw_domain(request.actor, organisation_id=organisation_id, domain=withdrawn)
        return _back(request, organisation_id, f"{withdrawn} is off the list.")
    form = DomainForm(request.POST)
    if form.is_valid():
        try:
            entered = actions.verify_domain(
                request.actor,
                organisation_id=organisation_id,
                domain=form.cleaned_data["domain"],
                how=form.cleaned_data["how"],
            )
        except (Invalid, Conflict) as error:
            form.add_error("domain", str(error))
        else:
            return _back(request, organisation_id, f"{entered} is on the list.")
    return show(request, organisation_id, domain_form=form)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def issue_credential(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Issue a machine credential; its token is on the answer, this once."""
    kind = directory.organisation_page(request.actor, organisation_id).organisation.kind
    form = CredentialForm(kind, request.POST)
    if form.is_valid():
        try:
            _view, token = issue(request, organisation_id, form)
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            return show(request, organisation_id, token=token)
    return show(request, organisation_id, credential_form=form)


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def change_credential(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Rotate or revoke a machine credential."""
    token = changed(request)
    if token:
        return show(request, organisation_id, token=token)
    return _back(request, organisation_id, "The credential is revoked: it opens nothing from now on.")


def _back(request: ActorRequest, organisation_id: str, said: str) -> HttpResponseBase:
    messages.success(request, said)
    return HttpResponseRedirect(reverse("organisation", args=[organisation_id]))
