"""The gate in front of every page: signed in, second factor shown, right audience, permission held."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Permission
from headwater.accounts.queries import actor_of
from headwater.errors import Forbidden
from headwater.web import application

P = ParamSpec("P")


class ActorRequest(HttpRequest):
    """A request whose person is known and may open the page."""

    actor: Actor
    user: User


View = Callable[Concatenate[ActorRequest, P], HttpResponseBase]


def page(permission: Permission) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Let only people with ``permission`` reach the view; it reads ``request.actor``.

    Who is not signed in, or has not shown a second factor in this session, is sent there first. Who belongs to
    another audience, or lacks the permission, gets a 403.
    """

    def decorate(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def gate(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            detour = _detour(request)
            if detour is not None:
                return detour
            known: Any = request
            known.actor = admitted(known.user)
            known.actor.require(permission)
            return view(known, *args, **kwargs)

        gate.permission = permission  # type: ignore[attr-defined]
        return gate

    return decorate


def admitted(user: User) -> Actor:
    """Return the actor of ``user``, or refuse one whose organisation this application is not for."""
    actor = actor_of(user)
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
    enrolled = Authenticator.objects.filter(user=request.user, type=Authenticator.Type.TOTP).exists()
    return reverse("mfa_reauthenticate") if enrolled else reverse("mfa_activate_totp")


def _detour(request: HttpRequest) -> HttpResponseBase | None:
    """Return where the person must go before any page opens, or None."""
    if second_factor_shown(request):
        return None
    if not request.user.is_authenticated:
        answer = redirect_to_login(request.get_full_path())
    else:
        step = second_factor_step(request)
        answer = HttpResponseRedirect(f"{step}?{urlencode({'next': request.get_full_path()})}")
    if request.headers.get("HX-Request") == "true":
        # A fragment must not be replaced by the sign-in page: htmx loads that as a page of its own.
        return HttpResponse(status=401, headers={"HX-Redirect": answer.url})
    return answer
