"""How a machine shows itself to the agency API: a credential that holds the scope of what it asks for."""

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from headwater.accounts import credentials
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Scope
from headwater.api import limits
from headwater.errors import Unauthenticated


class Bearer(HttpBearer):
    """A machine credential that holds one scope; one of another door looks like one that proves nothing."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        """Return the machine as an actor.

        Raises:
            TooMany: wrong tokens flood from there, or this one asks too often.
            Unauthenticated: the token proves nothing, or not this.
        """
        address = limits.address_of(request)
        limits.AGENCIES.check(address, token)
        found = credentials.shown(token)
        if found is None or self._scope not in found.scopes:
            limits.AGENCIES.wrong(address)
            raise Unauthenticated(
                f"Show a valid machine credential with the scope {self._scope}: Authorization: Bearer ..."
            )
        limits.AGENCIES.right(address, token, credential=found.id)
        return found.actor


def actor_of(request: HttpRequest) -> Actor:
    """Return who was let in."""
    known: Any = request
    found: Actor = known.auth
    return found
