"""The gate of the public pages: reading only, the same answer for everybody, kept for some minutes."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

#: Seconds that a browser or a cache may keep a page: it is the same for everybody.
KEPT_S = 300


def open_page(view: View[P]) -> View[P]:
    """Let anybody read the view, with GET and HEAD alone."""

    @wraps(view)
    def gate(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = view(request, *args, **kwargs)
        response.headers["Cache-Control"] = f"public, max-age={KEPT_S}"
        return response

    gate.open = True  # type: ignore[attr-defined]
    return gate
