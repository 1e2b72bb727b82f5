"""Sign-in with one's organisation's own account: OpenID Connect and SAML."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from headwater import clock
from headwater.accounts import identity_providers, oidc, saml
from headwater.accounts.identity_providers import ProviderView
from headwater.accounts.models import User
from headwater.accounts.oidc import Identity
from headwater.accounts.rules import Protocol
from headwater.errors import NotFound, Unauthenticated, Unavailable
from headwater.web import application
from headwater.web.failures import too_many_requests
from headwater.web.signin import limits
from headwater.web.uswds import StyledForm

#: Member of the session that holds what was asked of which provider.
PENDING = "headwater_single_sign_on"
AFTER = "headwater_after_sign_on"
MOST_RESPONSE = 400_000


class AddressForm(StyledForm):
    """Whose organisation."""

    email = forms.EmailField(
        label="Work e-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponseBase:
    """Find the provider of an address's domain. Whether the address itself is known plays no part."""
    form = AddressForm(request.POST or None)
    found, asked = None, request.method == "POST" and form.is_valid()
    if asked:
        if not limits.within(request, "single_sign_on"):
            return too_many_requests(request)
        found = identity_providers.for_address(form.cleaned_data["email"], application=_here())
    context = {"form": form, "provider": found, "none_found": asked and found is None}
    return render(request, "account/organisation_sign_in.html", context, status=422 if form.errors else 200)


@require_safe
def start(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Send the browser to the provider, and remember in its session what was asked."""
    if not limits.within(request, "single_sign_on"):
        return too_many_requests(request)
    provider, now = identity_providers.standing(provider_id, application=_here()), clock.now()
    try:
        if provider.protocol is Protocol.OIDC:
            address, asked = oidc.begin(
                identity_providers.client(provider), redirect_uri=provider.redirect_uri, now=now
            )
            request.session[PENDING] = asked.as_dict()
        else:
            address, request_ = saml.begin(identity_providers.service(provider), now=now)
            request.session[PENDING] = request_.as_dict()
    except Unavailable as error:
        return _refused(request, provider, error)
    after = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(after, allowed_hosts=None, require_https=request.is_secure())
    request.session[AFTER] = after if safe else ""
    return HttpResponseRedirect(address)


@require_safe
def oidc_answer(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take the answer of an OpenID Connect provider."""
    provider = _standing(provider_id, Protocol.OIDC)
    kept = request.session.pop(PENDING, None)
    try:
        if not isinstance(kept, dict) or set(kept) != set(oidc.Pending.__dataclass_fields__):
            raise Unauthenticated("This answer belongs to no sign-in of this browser. Start again.")
        identity = oidc.finish(
            identity_providers.client(provider),
            oidc.Pending(**kept),
            request.GET.dict(),
            redirect_uri=provider.redirect_uri,
            now=clock.now(),
        )
        return _sign_in(request, provider, identity)
    except (Unauthenticated, Unavailable) as error:
        return _refused(request, provider, error)


@csrf_exempt
@require_POST
def saml_answer(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take the response of a SAML provider.

    It is posted from the provider's site, so that the browser keeps our session cookie back (SameSite=Lax). So the
    first time the same is posted once more, from our own page; only then is the session there that asked for it. A
    form token would add nothing: what is taken must answer what this very session asked.
    """
    provider = _standing(provider_id, Protocol.SAML)
    encoded = request.POST.get("SAMLResponse", "")
    if len(encoded) > MOST_RESPONSE:
        return _refused(request, provider, Unauthenticated("The response is too long."))
    if request.POST.get("again") != "1":
        context = {"response": encoded, "action": reverse("account_saml", args=[provider.id])}
        return render(request, "account/saml_again.html", context)
    kept = request.session.pop(PENDING, None)
    try:
        known = isinstance(kept, dict) and set(kept) == set(saml.Pending.__dataclass_fields__)
        pending = saml.Pending(**kept) if known else None
        identity = saml.finish(identity_providers.service(provider), pending, encoded, now=clock.now())
        return _sign_in(request, provider, identity)
    except Unauthenticated as error:
        return _refused(request, provider, error)


@require_safe
def metadata(request: HttpRequest, provider_id: str) -> HttpResponseBase:  # noqa: ARG001 - Django's signature
    """Hand out our SAML metadata, as the provider's administrators load it. It holds nothing secret."""
    provider = _standing(provider_id, Protocol.SAML)
    text = saml.metadata(identity_providers.service(provider))
    return HttpResponse(text, content_type="application/samlmetadata+xml")


def _sign_in(request: HttpRequest, provider: ProviderView, identity: Identity) -> HttpResponseBase:
    """Go on as after a right password: to the second factor, unless the provider's counts."""
    arrived = identity_providers.arrive(provider, identity, address=_address(request))
    user = User.objects.get(id=arrived.person_id)
    after = request.session.pop(AFTER, "")
    record_authentication(request, user, method="organisation", provider=provider.id)
    if arrived.second_factor_shown:
        record_authentication(request, user, method="mfa", type="organisation", provider=provider.id)
        marked: Any = request
        marked.second_factor_at_provider = True
    answer: HttpResponseBase = perform_login(request, Login(user=user, redirect_url=after or None))
    return answer


def _refused(request: HttpRequest, provider: ProviderView, error: Exception) -> HttpResponseBase:
    identity_providers.refuse(provider, error, address=_address(request))
    context = {"provider": provider, "message": str(error)}
    return render(request, "account/organisation_refused.html", context, status=403)


def _standing(provider_id: str, protocol: Protocol) -> ProviderView:
    provider = identity_providers.standing(provider_id, application=_here())
    if provider.protocol is not protocol:
        raise NotFound("There is no such identity provider.")
    return provider


def _here() -> str:
    return application.current().key


def _address(request: HttpRequest) -> str:
    return str(get_adapter().get_client_ip(request))
