"""TAXII 2.1 (OASIS): an agency's threat-intelligence platform reads its alerts as STIX 2.1 objects. Reading only.

Served by the portal. A machine proves itself with its credential: as the password of HTTP Basic, which every TAXII
client speaks (the user's name is not looked at), or as a bearer token. Section numbers are of the TAXII 2.1 standard.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from time import monotonic
from typing import Any, Concatenate, Final, ParamSpec

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import path

from headwater.accounts import credentials, refusals
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.alerts import feed
from headwater.alerts.feed import Asked
from headwater.api import limits
from headwater.errors import Forbidden, HeadwaterError, Invalid, NotFound, TooMany, Unauthenticated, Unavailable

MEDIA: Final = "application/taxii+json;version=2.1"
STIX: Final = "application/stix+json;version=2.1"
ROOT: Final = f"{feed.TAXII}alerts/"
#: Kinds of errors and their HTTP status (section 3.6.1).
STATUS: Final[dict[type[HeadwaterError], int]] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Invalid: 400,
    TooMany: 429,
    Unavailable: 503,
}
_ACCEPTED = re.compile(r"application/taxii\+json(\s*;\s*version=2\.1)?|application/\*|\*/\*", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]


def door(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let in who shows an agency's credential and asks for TAXII 2.1; answer errors in its form."""

    @wraps(view)
    def gate(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            if request.method not in ("GET", "HEAD"):
                return _problem(405, "This server is read only", headers={"Allow": "GET, HEAD"})
            actor = _actor(request)
            if not any(_ACCEPTED.fullmatch(part.strip()) for part in request.headers.get("Accept", "").split(",")):
                return _problem(406, f"This server answers {MEDIA} alone; send it as Accept.")
            return view(request, actor, *args, **kwargs)
        except HeadwaterError as error:
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
            if isinstance(error, TooMany):
                return _problem(status, str(error), headers={"Retry-After": str(error.retry_after_s)})
            challenge = {"WWW-Authenticate": 'Basic realm="Headwater TAXII", charset="UTF-8"'} if status == 401 else {}
            return _problem(status, str(error), headers=challenge)

    gate.machine = True  # type: ignore[attr-defined]
    return gate


def _actor(request: HttpRequest) -> Actor:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    token = value.strip()
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            token = ""
    elif scheme.lower() != "bearer":
        token = ""
    address = limits.address_of(request)
    limits.TAXII.check(address, token)
    found = credentials.shown(token) if token else None
    if found is None:
        limits.TAXII.wrong(address)
        raise Unauthenticated(
            "Show your agency's machine credential, as the password of HTTP Basic or as a bearer token."
        )
    limits.TAXII.right(address, token, credential=found.id)
    actor = found.actor
    if actor.organisation_kind is not OrganisationKind.AGENCY or not actor.may(Permission.ALERT_READ):
        because = f"The credential {found.id} does not open an agency's alerts; issue one that does."
        refusals.note(actor, what=f"GET {request.path}", because=because, address=address, now=monotonic())
        raise Forbidden(because)
    return actor


@door
def discovery(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001 - the same for each
    """Say which API roots there are (section 4.1)."""
    root = request.build_absolute_uri(f"/{ROOT}")
    return _answer(
        {
            "title": "Headwater alerts",
            "description": "Alerts on illegal robocall campaigns, for the agencies that they were sent to.",
            "default": root,
            "api_roots": [root],
        }
    )


@door
def root(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001 - the same for each
    """Describe the one API root (section 4.2)."""
    return _answer({"title": "Alerts", "versions": [MEDIA], "max_content_length": 0})


@door
def collections(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001 - no parameter
    """List the collections that the agency may read: its own (section 5.1)."""
    return _answer({"collections": [_collection(actor)]})


@door
def collection(request: HttpRequest, actor: Actor, collection_id: str) -> HttpResponse:  # noqa: ARG001 - no parameter
    """Describe one collection (section 5.2)."""
    _own(actor, collection_id)
    return _answer(_collection(actor))


@door
def manifest(request: HttpRequest, actor: Actor, collection_id: str) -> HttpResponse:
    """List which versions of which objects there are, without them (section 5.3)."""
    page = feed.read(actor, collection_id, _asked(request))
    entries = [
        {"id": one.stix_id, "date_added": _time(one.added_at), "version": one.version, "media_type": STIX}
        for one in page.entries
    ]
    return _envelope(page, entries)


@door
def objects(request: HttpRequest, actor: Actor, collection_id: str) -> HttpResponse:
    """Give the objects, in the order in which they were added (section 5.4)."""
    page = feed.read(actor, collection_id, _asked(request))
    return _envelope(page, [one.body for one in page.entries])


@door
def one_object(request: HttpRequest, actor: Actor, collection_id: str, object_id: str) -> HttpResponse:
    """Give one object, in the versions asked for (section 5.6)."""
    _own(actor, collection_id)
    if not feed.has(actor, object_id):
        raise NotFound(f"The collection holds no object {object_id[:120]}.")
    page = feed.read(actor, collection_id, replace(_asked(request), ids=(object_id,)))
    return _envelope(page, [one.body for one in page.entries])


@door
def versions(request: HttpRequest, actor: Actor, collection_id: str, object_id: str) -> HttpResponse:
    """List the versions of one object (section 5.8)."""
    asked = _asked(request, versions=("all",))
    found = feed.versions(actor, collection_id, object_id, asked)
    return _answer({"versions": list(found)} if found else {})


def _own(actor: Actor, collection_id: str) -> None:
    if collection_id != str(feed.collection_id(actor.organisation_id)):
        raise NotFound("There is no such collection, or it is another agency's.")


def _collection(actor: Actor) -> dict[str, Any]:
    return {
        "id": str(feed.collection_id(actor.organisation_id)),
        "title": "Alerts",
        "alias": "alerts",
        "description": "What this agency was alerted to: campaigns, where they ring, how far they were traced.",
        "can_read": True,
        "can_write": False,
        "media_types": [STIX],
    }


def _asked(request: HttpRequest, *, versions: tuple[str, ...] = ("last",)) -> Asked:
    """Read the filters of section 3.4; what is none is refused by its name."""
    said = request.GET
    return Asked(
        added_after=_moment(said["added_after"]) if "added_after" in said else None,
        ids=_listed(said.get("match[id]", "")),
        types=_listed(said.get("match[type]", "")),
        versions=_versions(said.get("match[version]", "")) or versions,
        after=_number(said["next"], "next") if "next" in said else 0,
        # A server may give fewer than are asked for (section 3.4).
        limit=min(_number(said["limit"], "limit"), feed.PAGE) if "limit" in said else feed.PAGE,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _versions(text: str) -> tuple[str, ...]:
    wanted = _listed(text)
    for one in wanted:
        if one not in ("first", "last", "all") and not _TIME.fullmatch(one):
            raise Invalid(f"match[version] holds {one[:40]!r}, which is neither first, last, all nor a time.")
    return wanted


def _moment(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise Invalid(f"added_after is {text[:40]!r}; it must be a UTC time such as 2026-11-24T15:04:05.123456Z.")
    try:
        # More than microseconds are cut off: the client would otherwise be given what it has again, never less.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except ValueError:
        raise Invalid(f"added_after is {text[:40]!r}, which is no time.") from None


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:20]) < 2**62:
        raise Invalid(f"{name} is {text[:40]!r}; it must be a whole number from 1 on.")
    return int(text)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _envelope(page: feed.Page, objects: list[Any]) -> HttpResponse:
    """Return a page: ``more`` and ``next`` where there is another; an empty object where there is nothing."""
    body: dict[str, Any] = {"objects": objects} if objects else {}
    if page.following:
        body = {"more": True, "next": page.following, **body}
    response = _answer(body)
    if page.entries:
        response.headers["X-TAXII-Date-Added-First"] = _time(page.entries[0].added_at)
        response.headers["X-TAXII-Date-Added-Last"] = _time(page.entries[-1].added_at)
    return response


def _answer(body: Any, *, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), status=status, content_type=MEDIA)


def _problem(status: int, message: str, *, headers: dict[str, str] | None = None) -> HttpResponse:
    """Answer an error as section 3.6.1 writes it."""
    response = _answer({"title": message, "http_status": str(status)}, status=status)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


_OF = "collections/<str:collection_id>/"
urlpatterns = [
    path("", discovery),
    path("alerts/", root),
    path("alerts/collections/", collections),
    path(f"alerts/{_OF}", collection),
    path(f"alerts/{_OF}manifest/", manifest),
    path(f"alerts/{_OF}objects/", objects),
    path(f"alerts/{_OF}objects/<str:object_id>/", one_object),
    path(f"alerts/{_OF}objects/<str:object_id>/versions/", versions),
]
