"""How often the doors of sign-in may be tried: ``ACCOUNT_RATE_LIMITS`` of the settings, counted by allauth."""

from allauth.core.internal import ratelimit
from django.http import HttpRequest


def within(request: HttpRequest, action: str, *, key: str | None = None) -> bool:
    """Count a try of ``action`` from this address (and for ``key``), looks included; tell whether it is within."""
    return bool(ratelimit.consume(request, app="allauth.account", action=action, key=key, limit_get=True))
