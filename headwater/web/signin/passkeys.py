"""Passkeys: allauth's views, but that nobody takes away their last second factor."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import views
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from headwater.web.access import sign_in_detour
from headwater.web.signin.security import SECOND_FACTORS


class Remove(views.RemoveWebAuthnView):  # type: ignore[misc] # allauth ships no types
    """Removes a passkey, unless the person has no other second factor."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it, or say why it stays."""
        others = Authenticator.objects.filter(user=self.request.user, type__in=SECOND_FACTORS).exclude(
            pk=self.get_object().pk
        )
        if not others.exists():
            messages.error(self.request, "This is your only second factor. Set up another first.")
            return HttpResponseRedirect(reverse("account_security"))
        answer: HttpResponse = super().form_valid(form)
        return answer


_add = views.AddWebAuthnView.as_view()
_edit = views.EditWebAuthnView.as_view()
_remove = Remove.as_view()


def _guarded(request: HttpRequest, *, enrolling: bool = False) -> HttpResponseBase | None:
    """Return where the person must go first. Who has no second factor yet may enrol a passkey as their first."""
    if enrolling and request.user.is_authenticated:
        have = Authenticator.objects.filter(user=request.user, type__in=SECOND_FACTORS)
        if not have.exists():
            return None
    return sign_in_detour(request)


def add(request: HttpRequest) -> HttpResponseBase:
    """Add a passkey."""
    return _guarded(request, enrolling=True) or _add(request)


def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Name a passkey."""
    return _guarded(request) or _edit(request, pk=pk)


def remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Remove a passkey."""
    return _guarded(request) or _remove(request, pk=pk)
