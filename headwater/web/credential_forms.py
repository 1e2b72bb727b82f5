"""Forms of machine credentials, the same for the desk and for an organisation's own page."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from headwater.accounts import credentials
from headwater.accounts.permissions import SCOPE_ORGANISATIONS, OrganisationKind, Scope
from headwater.accounts.queries import CredentialView
from headwater.calls.records import SourceKind
from headwater.errors import Invalid, NotFound
from headwater.web.access import ActorRequest
from headwater.web.uswds import StyledForm


def words(value: str) -> str:
    """Return an enum's value as words."""
    return value.replace("_", " ").capitalize()


class CredentialForm(StyledForm):
    """A machine credential."""

    ids = "credential_%s"
    name = forms.CharField(label="What people call it", max_length=200)
    scopes = forms.MultipleChoiceField(label="What it opens", widget=forms.CheckboxSelectMultiple)
    source_kind = forms.ChoiceField(
        label="What its records are",
        required=False,
        choices=[("", "It sends none"), *((kind.value, words(kind)) for kind in SourceKind)],
    )
    expires = forms.DateField(
        label="Last day (UTC)",
        help_text="Without one it holds until it is revoked.",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, kind: OrganisationKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fitting = [scope for scope in Scope if kind in SCOPE_ORGANISATIONS[scope]]
        self.fields["scopes"].choices = [(scope.value, scope.value) for scope in fitting]  # type: ignore[attr-defined] # a ChoiceField
        self.fitting = bool(fitting)
        if OrganisationKind.AGENCY is kind:
            del self.fields["source_kind"]


def issue(request: ActorRequest, organisation_id: str, form: CredentialForm) -> tuple[CredentialView, str]:
    """Issue what a valid form asks for."""
    last_day = form.cleaned_data["expires"]
    return credentials.issue(
        request.actor,
        organisation_id=organisation_id,
        scopes=form.cleaned_data["scopes"],
        name=form.cleaned_data["name"],
        source_kind=form.cleaned_data.get("source_kind", ""),
        expires_at=datetime.combine(last_day + timedelta(days=1), time(), UTC) if last_day else None,
    )


def changed(request: ActorRequest) -> str:
    """Do what the buttons beside a credential ask for; return the new token of a rotated one, "" for a revoked one."""
    credential_id, what = request.POST.get("credential", ""), request.POST.get("do", "")
    if what == "revoke":
        credentials.revoke(request.actor, credential_id=credential_id)
        return ""
    if what != "rotate":
        raise NotFound("There is no such act.")
    hours = request.POST.get("overlap", "24")
    if not (hours.isascii() and hours.isdigit() and len(hours) <= 3):
        raise Invalid("Give the overlap in hours, from 0 to 720.")
    return credentials.rotate(request.actor, credential_id=credential_id, overlap=timedelta(hours=int(hours)))[1]
