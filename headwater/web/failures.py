"""Handlers for errors that Django itself raises, in the same form as ours. Named by each ``urls.py``."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import loader

from headwater.web.middleware import answer, refused


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """400: the request is malformed."""
    message = "The request could not be understood. Go back, reload the page and try again."
    return answer(request, status=400, heading="This request is malformed", message=message)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: Django refused."""
    refused(request, str(exception) or "refused by the framework")
    message = "Your account may not do this. Ask your administrator."
    return answer(request, status=403, heading="You may not open this", message=message)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form carries no valid token of this session."""
    refused(request, reason)
    message = "This form is out of date or did not come from these pages. Reload the page and send it again."
    return answer(request, status=403, heading="The form was not accepted", message=message)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """404: no such route."""
    message = "The address may be mistyped or the page may have moved. Start again from the first page."
    return answer(request, status=404, heading="There is no such page or record", message=message)


def too_many_requests(request: HttpRequest, exception: Any = None) -> HttpResponse:  # noqa: ARG001 - allauth's signature
    """429: the sign-in doors are rate limited."""
    message = "There were too many attempts from here. Wait five minutes, then try again."
    response = answer(request, status=429, heading="Too many attempts", message=message)
    response.headers["Retry-After"] = "300"
    return response


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - nothing of the request is trusted now
    """500: unforeseen; the page tells nothing and needs nothing that may be broken."""
    return HttpResponse(loader.get_template("errors/server_error.html").render(), status=500)
