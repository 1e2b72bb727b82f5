"""The sources that Headwater asks by itself: where each stands, what its last pulls came to."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater.accounts.permissions import Permission
from headwater.connectors import queries
from headwater.web.access import ActorRequest, page

#: State of a connector, or outcome of a pull -> (status, word).
STATES = {
    "working": ("passed", "Working"),
    "waiting": ("submitted", "Not asked yet"),
    "failing": ("failed", "Failing"),
    "broken": ("failed", "File does not hold"),
    "off": ("dormant", "Switched off"),
    "done": ("passed", "Done"),
    "unchanged": ("passed", "Nothing new"),
    "later": ("submitted", "Asked to wait"),
    "failed": ("failed", "Failed"),
}


@page(Permission.CALL_READ)
@require_safe
def sources(request: ActorRequest) -> HttpResponse:
    """Show every connector and the last pulls."""
    views = [
        {"view": view, "status": STATES[view.state][0], "word": STATES[view.state][1]}
        for view in queries.connectors(request.actor, settings.HEADWATER.home)
    ]
    pulls = [
        {"view": view, "status": STATES[view.outcome.value][0], "word": STATES[view.outcome.value][1]}
        for view in queries.pulls(request.actor, limit=30)
    ]
    return render(request, "desk/sources.html", {"connectors": views, "pulls": pulls})
