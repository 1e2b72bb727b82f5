"""The desk's pages of identity providers: where an organisation's people sign in with their own account."""

import json

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from headwater.accounts import identity_providers, queries, saml
from headwater.accounts.identity_providers import ProviderView
from headwater.accounts.permissions import Permission
from headwater.accounts.rules import Protocol, SecondFactorRule
from headwater.errors import Invalid, NotFound
from headwater.web.access import ActorRequest, page
from headwater.web.uswds import StyledForm


class ProviderForm(StyledForm):
    """An identity provider of either protocol."""

    protocol = forms.ChoiceField(
        label="It speaks",
        choices=[(Protocol.OIDC.value, "OpenID Connect"), (Protocol.SAML.value, "SAML 2.0")],
        initial=Protocol.OIDC.value,
        widget=forms.RadioSelect,
    )
    name = forms.CharField(label="Name", help_text="As it stands on the sign-in page.", max_length=200)
    domains = forms.CharField(
        label="Mail domains",
        help_text="Whose people are led there from the sign-in page, separated by blanks.",
        required=False,
        max_length=1000,
    )
    issuer = forms.CharField(
        label="Issuer", help_text="Such as https://login.example.gov.", required=False, max_length=500
    )
    client_id = forms.CharField(label="Client ID", required=False, max_length=200)
    client_secret = forms.CharField(
        label="Client secret",
        help_text="Leave it empty to prove ourselves with a key of our own (private_key_jwt), as login.gov asks.",
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    metadata = forms.CharField(
        label="Metadata document",
        help_text="The provider's XML as it is.",
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    second_factor = forms.ChoiceField(
        label="Second factor",
        choices=[
            (SecondFactorRule.HEADWATER.value, "Headwater's own, as after a password"),
            (SecondFactorRule.PROVIDER.value, "The provider's, where it says that one was shown"),
        ],
        initial=SecondFactorRule.HEADWATER.value,
        widget=forms.RadioSelect,
    )
    strong_contexts = forms.CharField(
        label="How the provider says that one was shown",
        help_text="Values of acr, amr or AuthnContextClassRef, separated by blanks: such as "
        "https://refeds.org/profile/mfa.",
        required=False,
        max_length=1000,
    )


@page(Permission.ACCOUNT_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: ActorRequest, organisation_id: str) -> HttpResponseBase:
    """Register an identity provider."""
    organisation = queries.organisation(request.actor, organisation_id)
    form = ProviderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = _register(request, organisation_id, form)
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            return HttpResponseRedirect(reverse("identity-provider", args=[organisation_id, made.id]))
    context = {"form": form, "organisation": organisation}
    return render(request, "desk/identity_provider_new.html", context, status=422 if form.errors else 200)


def _register(request: ActorRequest, organisation_id: str, form: ProviderForm) -> ProviderView:
    values = form.cleaned_data
    protocol = Protocol(values["protocol"])
    described = saml.read_metadata(values["metadata"]) if protocol is Protocol.SAML else None
    return identity_providers.register(
        request.actor,
        organisation_id=organisation_id,
        protocol=protocol,
        name=values["name"],
        issuer=described.issuer if described else values["issuer"],
        client_id="" if described else values["client_id"],
        client_secret="" if described else values["client_secret"],
        sign_in_url=described.sign_in_url if described else "",
        certificates="".join(described.certificates) if described else "",
        domains=values["domains"].split(),
        second_factor=SecondFactorRule(values["second_factor"]),
        strong_contexts=values["strong_contexts"].split(),
    )


@page(Permission.ACCOUNT_MANAGE)
@require_safe
def provider(request: ActorRequest, organisation_id: str, provider_id: str) -> HttpResponseBase:
    """Show one identity provider, with what its administrators enter on their side."""
    found = _find(request, organisation_id, provider_id)
    jwk = json.dumps(found.client_jwk, sort_keys=True) if found.client_jwk else ""
    return render(request, "desk/identity_provider.html", {"provider": found, "jwk": jwk})


@page(Permission.ACCOUNT_MANAGE)
@require_POST
def switch(request: ActorRequest, organisation_id: str, provider_id: str) -> HttpResponseBase:
    """Switch an identity provider on or off."""
    found = _find(request, organisation_id, provider_id)
    enabled = request.POST.get("enabled") == "1"
    identity_providers.switch(request.actor, provider_id=found.id, enabled=enabled)
    messages.success(request, f"{found.name} is switched {'on' if enabled else 'off'}.")
    return HttpResponseRedirect(reverse("organisation", args=[organisation_id]))


def _find(request: ActorRequest, organisation_id: str, provider_id: str) -> ProviderView:
    for each in identity_providers.of_organisation(request.actor, organisation_id):
        if each.id == provider_id:
            return each
    raise NotFound(f"There is no identity provider {provider_id[:20]} of that organisation.")
