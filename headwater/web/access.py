"""The gate in front of every page: signed in, second factor, confirmed, right audience, permission, fresh."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode, urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import FRESH_TO_ACT, FRESH_TO_OPEN, Permission
from headwater.accounts.queries import actor_of, deputy_actor
from headwater.errors import Forbidden
from headwater.web import application

P = ParamSpec("P")
#: Member of the session that names the deputyship in which the person acts for a colleague.
ACTING = "headwater_acting_as_deputy"
LOOKS = ("GET", "HEAD")


class ActorRequest(HttpRequest):
    """A request whose person is known and may open the page."""

    actor: Actor
    user: User


View = Callable[Concatenate[ActorRequest, P], HttpResponseBase]


def page(permission: Permission) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Let only people with ``permission`` reach the view; it reads ``request.actor``.

    Who is not signed in, or has not shown a second factor in this session, is sent there first; who is not yet
    confirmed waits. Who belongs to another audience, or lacks the permission, gets a 403. An act that
    ``permissions.FRESH_TO_ACT`` names needs that the person showed who they are in the last minutes.
    """

    def decorate(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def gate(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            detour = sign_in_detour(request) or waiting_detour(request)
            if detour is not None:
                return detour
            known: Any = request
            known.actor = present_actor(request)
            if request.path == "/" and not known.actor.may(permission):
                return _first_page(known.actor)
            known.actor.require(permission)
            return freshness_detour(request, permission) or view(known, *args, **kwargs)

        gate.permission = permission  # type: ignore[attr-defined]
        return gate

    return decorate


def own_account(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let every signed-in person of this audience, second factor shown, reach a page of their own account.

    No permission is needed, and who is not yet confirmed comes in too. They are themselves there, nobody's deputy.
    """

    @wraps(view)
    def gate(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        detour = sign_in_detour(request)
        if detour is not None:
            return detour
        known: Any = request
        known.actor = admitted(known.user)
        return view(known, *args, **kwargs)

    return gate


def admitted(user: User) -> Actor:
    """Return the actor of ``user``, or refuse one whose organisation this application is not for."""
    return _of_this_audience(actor_of(user))


def present_actor(request: HttpRequest) -> Actor:
    """Return who acts in this session: the person, or the person as a colleague's deputy while that holds."""
    user: Any = request.user
    acting = request.session.get(ACTING)
    if acting:
        deputised = deputy_actor(user, acting)
        if deputised is not None:
            return _of_this_audience(deputised)
        request.session.pop(ACTING, None)
        messages.warning(request, "You no longer act as a deputy: the time is over, or it was ended.")
    return admitted(user)


def _of_this_audience(actor: Actor) -> Actor:
    here = application.current()
    if actor.organisation_kind is not here.audience:
        message = f"These are the {here.name.lower()} pages. Your account belongs to another application of Headwater."
        raise Forbidden(message)
    return actor


def second_factor_shown(request: HttpRequest) -> bool:
    """Tell whether the person of this session has shown a second factor in it."""
    if not request.user.is_authenticated:
        return False
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


def second_factor_step(request: HttpRequest) -> str:
    """Return where a signed-in person without a second factor in this session goes: to enrol one, or to show it."""
    kinds = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    if Authenticator.Type.TOTP in kinds:
        return reverse("mfa_reauthenticate")
    return reverse("mfa_reauthenticate_webauthn" if Authenticator.Type.WEBAUTHN in kinds else "mfa_activate_totp")


def is_fresh(request: HttpRequest) -> bool:
    """Tell whether the person showed who they are in the last minutes; the sign-in itself counts."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def sign_in_detour(request: HttpRequest) -> HttpResponseBase | None:
    """Return where the person must go before any page opens, or None."""
    if second_factor_shown(request):
        return None
    if not request.user.is_authenticated:
        answer = redirect_to_login(request.get_full_path())
    else:
        answer = _step(second_factor_step(request), request.get_full_path())
    return _for_htmx(request, answer)


def waiting_detour(request: HttpRequest) -> HttpResponseBase | None:
    """Return the way to the waiting page for who is signed in and not yet confirmed, or None."""
    user: Any = request.user
    if user.confirmed_at is not None:
        return None
    admitted(user)
    return _for_htmx(request, HttpResponseRedirect(reverse("account_waiting")))


def freshness_detour(request: HttpRequest, permission: Permission) -> HttpResponseBase | None:
    """Return the way to confirm who one is, where the act needs it and the last time is too long ago, or None.

    What a form without files sent is kept in the session and done once the person has confirmed.
    """
    looks = request.method in LOOKS
    needed = permission in (FRESH_TO_OPEN if looks else FRESH_TO_ACT | FRESH_TO_OPEN)
    if not needed or is_fresh(request):
        return None
    step = second_factor_step(request)
    if looks:
        return _for_htmx(request, _step(step, request.get_full_path()))
    if request.content_type == "application/x-www-form-urlencoded":
        return _for_htmx(request, suspend_request(request, step))
    messages.warning(request, "Nothing was sent yet: confirm that it is you, then send the form again.")
    return _for_htmx(request, _step(step, _came_from(request)))


def _came_from(request: HttpRequest) -> str:
    """Return the page of ours that the request says that it came from; the first page where it says another."""
    try:
        back = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    return back.path if back.netloc == request.get_host() else "/"


def _first_page(actor: Actor) -> HttpResponseBase:
    """Lead from the application's root to the first page that the person may open."""
    for item in application.current().navigation:
        if item.path != "/" and item.permission is not None and actor.may(item.permission):
            return HttpResponseRedirect(item.path)
    raise Forbidden(f"{actor.label} may open no page here. Ask your administrator for a role.")


def _step(step: str, after: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{step}?{urlencode({'next': after})}")


def _for_htmx(request: HttpRequest, answer: HttpResponseRedirect) -> HttpResponseBase:
    if request.headers.get("HX-Request") == "true":
        # A fragment must not be replaced by the sign-in page: htmx loads that as a page of its own.
        return HttpResponse(status=401, headers={"HX-Redirect": answer.url})
    return answer
