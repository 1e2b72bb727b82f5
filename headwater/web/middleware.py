"""Headers that every answer carries, and errors as pages that say what happened and what to do."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from headwater import errors
from headwater.accounts import refusals, sessions
from headwater.accounts.queries import actor_of

#: Scripts and styles come from this server's files alone; nothing inline, nothing from elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

#: Kind of error -> HTTP status and the heading of its page.
ANSWERS: dict[type[errors.HeadwaterError], tuple[int, str]] = {
    errors.NotFound: (404, "There is no such page or record"),
    errors.Forbidden: (403, "You may not open this"),
    errors.Unauthenticated: (401, "Sign in first"),
    errors.Invalid: (422, "This could not be taken as it is"),
    errors.Conflict: (409, "This contradicts what is recorded"),
    errors.TooLarge: (413, "This is too large"),
    errors.TooMany: (429, "This was asked for too often"),
    errors.Unavailable: (503, "A part of Headwater does not answer now"),
}

#: Header of what a page asks for by itself (headwater.js): it shows nobody's presence.
POLL = "HX-Poll"

Next = Callable[[HttpRequest], HttpResponseBase]


class SecurityHeaders:
    """Adds the headers above, and forbids storing what is not a static file."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the headers; a view that set one itself keeps it."""
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # Static files say themselves how long they may be kept; everything else may be about a person.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class SessionUse:
    """Ends the session that a person left alone, notes the use of the others, and empties the browser at their end."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; where the session ended by it, tell the browser to forget what it keeps of these pages."""
        signed_in = self._stands(request)
        response = self.get_response(request)
        if signed_in is not None and not (signed_in and request.user.is_authenticated):
            # The cookie is taken back by itself; naming cookies here would end the other applications' on this host.
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def _stands(self, request: HttpRequest) -> bool | None:
        """Tell whether the person's session goes on; None where nobody is signed in."""
        try:
            if not request.session.session_key or not request.user.is_authenticated:
                return None
            if sessions.use(
                request.session.session_key,
                address=str(get_adapter().get_client_ip(request)),
                agent=request.headers.get("User-Agent", ""),
                by_person=POLL not in request.headers,
            ):
                return True
            request.session_was_idle = True  # type: ignore[attr-defined] # the audit says why it ended
            logout(request)
        except (OperationalError, InterfaceError):
            # The page itself will meet the same, and says it in words.
            return None
        minutes = settings.HEADWATER.idle_minutes
        messages.info(request, f"You were signed out: nothing was done here for {minutes} minutes.")
        return False


class ErrorPages:
    """Maps the error kinds to pages. What is no kind of ours becomes Django's 500, which tells nothing."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; the work is in ``process_exception``."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page for an error of ours, or None for any other."""
        if isinstance(exception, OperationalError | InterfaceError):
            exception = errors.Unavailable("The database does not answer. Try again in a minute.")
        elif isinstance(exception, DataError):
            # NUL and numbers past the columns' width come from nobody's keyboard; they are no error of ours to log.
            exception = errors.Invalid("A value holds what cannot be kept or searched for. Check what you entered.")
        for kind, (status, heading) in ANSWERS.items():
            if isinstance(exception, kind):
                if status == 403:
                    refused(request, str(exception))
                return answer(request, status=status, heading=heading, message=str(exception))
        return None


def refused(request: HttpRequest, because: str) -> None:
    """Keep in the audit that a person who is known was refused. Strangers are led to sign in; they are not entered."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return
    route = request.resolver_match.route if request.resolver_match else request.path
    refusals.note(
        getattr(request, "actor", None) or actor_of(user),
        what=f"{request.method} {route}",
        because=because,
        address=str(get_adapter().get_client_ip(request)),
        now=monotonic(),
    )


def answer(request: HttpRequest, *, status: int, heading: str, message: str) -> HttpResponse:
    """Return an error page, or its fragment to htmx."""
    template = "errors/fragment.html" if request.headers.get("HX-Request") == "true" else "errors/page.html"
    response = render(request, template, {"heading": heading, "message": message, "status": status}, status=status)
    if status in {429, 503}:
        response.headers["Retry-After"] = "30"
    return response
