"""The person's own account: who they are here, their second factors, their password, their sessions."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts import leaving, queries, sessions
from headwater.web.access import ActorRequest, own_account

#: What a second factor can be. Recovery codes alone are none.
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


@own_account
@require_safe
def security(request: ActorRequest) -> HttpResponseBase:
    """Show the signed-in person's own account."""
    factors = list(Authenticator.objects.filter(user=request.user).order_by("id"))
    codes = next((each for each in factors if each.type == Authenticator.Type.RECOVERY_CODES), None)
    now = clock.now()
    context = {
        "person": request.user,
        "permissions": sorted(request.actor.permissions),
        "totp": next((each for each in factors if each.type == Authenticator.Type.TOTP), None),
        "passkeys": [each.wrap() for each in factors if each.type == Authenticator.Type.WEBAUTHN],
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "idle_minutes": settings.HEADWATER.idle_minutes,
        "sessions": len(sessions.of_person(request.user.id, current_key=_key(request))),
        "acts_for": [
            each for each in leaving.deputies(request.actor) if each.holds(now) and each.deputy_id == request.user.id
        ],
    }
    return render(request, "account/security.html", context)


@own_account
@require_safe
def session_list(request: ActorRequest) -> HttpResponseBase:
    """Show the browsers in which the person is signed in to this application."""
    found = sessions.of_person(request.user.id, current_key=_key(request))
    context = {"sessions": found, "idle_minutes": settings.HEADWATER.idle_minutes}
    return render(request, "account/sessions.html", context)


@own_account
@require_POST
def end_session(request: ActorRequest) -> HttpResponseBase:
    """End one session, or all but this one."""
    if request.POST.get("session"):
        sessions.end(request.actor, request.user.id, session=request.POST["session"])
        messages.success(request, "The session has ended.")
    else:
        ended = sessions.end_others(request.actor, request.user.id, current_key=_key(request))
        messages.success(request, f"{ended} other {'session has' if ended == 1 else 'sessions have'} ended.")
    return HttpResponseRedirect(reverse("account_sessions"))


@own_account
@require_safe
def permissions(request: ActorRequest) -> HttpResponseBase:
    """Show what the person may do here, in plain words, and from which role it comes."""
    return render(request, "account/permissions.html", {"person": request.user, "rows": queries.granted(request.user)})


def _key(request: ActorRequest) -> str:
    return request.session.session_key or ""
