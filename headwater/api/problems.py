"""Errors as APIs answer them: one form (RFC 9457), one table from kind to status."""

import json
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from headwater import errors

#: Kind of error -> HTTP status. What is no kind of ours becomes a 500 that tells nothing.
STATUS: dict[type[errors.HeadwaterError], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem(status: HTTPStatus, detail: str) -> HttpResponse:
    """Return a problem document; ``detail`` is shown to whoever asked."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    response = HttpResponse(json.dumps(body), status=status.value, content_type="application/problem+json")
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="headwater"'
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "5"
    return response


def answer(request: HttpRequest, error: Exception) -> HttpResponse:  # noqa: ARG001 - django-ninja's signature
    """Return the problem document of an error of ours."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side. Try again later.")
    response = problem(status, str(error))
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response
