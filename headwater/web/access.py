"""The gate in front of every page: signed in, second factor shown, right audience, permission held."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Permission
from headwater.accounts.queries import actor_of

P = ParamSpec("P")


class ActorRequest(HttpRequest):
    """A request whose person is known and may open the page."""

    actor: Actor
    user: User


View = Callable[Concatenate[ActorRequest, P], HttpResponseBase]


def page(permission: Permission) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Let only people with ``permission`` reach the view; it reads ``request.actor``."""

    def decorate(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def gate(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            actor = actor_of(request.user)
            actor.require(permission)
            known: Any = request
            known.actor = actor
            return view(known, *args, **kwargs)

        gate.permission = permission  # type: ignore[attr-defined]
        return gate

    return decorate
