"""The live addendum of a sealed package, for desk and portal alike, and its signed snapshots."""

import io
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict
from headwater.relief import addenda
from headwater.web import downloads
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json
from headwater.web.components.before_after import before_after


@page(Permission.PROCESS_READ)
@require_safe
def addendum(request: ActorRequest, package_id: str) -> HttpResponseBase:
    """Show what the campaigns did since the package was sealed."""
    return _shown(request, package_id, "addendum/page.html")


@page(Permission.PROCESS_READ)
@require_safe
def live(request: ActorRequest, package_id: str) -> HttpResponseBase:
    """Return the figures alone, as they are now."""
    return _shown(request, package_id, "addendum/live.html")


@page(Permission.PACKAGE_DOWNLOAD)
@require_POST
def sign(request: ActorRequest, package_id: str) -> HttpResponseBase:
    """Ask for a signed snapshot."""
    try:
        addenda.ask(request.actor, package_id)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The snapshot is being signed: it appears below within seconds.")
    return HttpResponseRedirect(reverse("addendum", args=[package_id]))


@page(Permission.PACKAGE_DOWNLOAD)
@require_GET
def snapshot(request: ActorRequest, package_id: str, addendum_id: str) -> HttpResponseBase:
    """Hand out one signed snapshot."""
    name, octets = addenda.document(request.actor, package_id, addendum_id)
    return downloads.attachment(io.BytesIO(octets), name, "application/json")


def _shown(request: ActorRequest, package_id: str, template: str) -> HttpResponse:
    found = addenda.since(request.actor, package_id, now=clock.now())
    if wants_json(request):
        return json_answer(found)
    context: dict[str, Any] = {
        "since": found,
        "campaigns": [(one, before_after(one.chart) if one.chart else None) for one in found.campaigns],
        "may_sign": request.actor.may(Permission.PACKAGE_DOWNLOAD),
    }
    return render(request, template, context)


def urls() -> list[URLPattern]:
    """Return the routes, the same in desk and portal."""
    return [
        path("packages/<str:package_id>/addendum/", addendum, name="addendum"),
        path("packages/<str:package_id>/addendum/live/", live, name="addendum-live"),
        path("packages/<str:package_id>/addendum/sign/", sign, name="addendum-sign"),
        path("packages/<str:package_id>/addendum/<str:addendum_id>.json", snapshot, name="addendum-snapshot"),
    ]
