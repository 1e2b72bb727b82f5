"""The same answer for a program as for a person: a page asked for with ``Accept: application/json`` is its values."""

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the request asks for JSON and not for a page."""
    return request.headers.get("Accept", "").split(",")[0].partition(";")[0].strip() == "application/json"


def json_answer(value: Any, *, status: int = 200) -> HttpResponse:
    """Return ``value`` (frozen values, lists, mappings) as JSON; times are ISO 8601 in UTC."""
    octets = msgspec.json.encode(msgspec.to_builtins(value, builtin_types=(), str_keys=True))
    return HttpResponse(octets, status=status, content_type="application/json")
