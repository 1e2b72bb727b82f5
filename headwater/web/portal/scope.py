"""What an accepted process opens, to the people named on it: the live view, its calls, one traceback with its path."""

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.legal import access
from headwater.legal.views import words_of
from headwater.web.access import ActorRequest, page
from headwater.web.components.bars import Bars, bars


@page(Permission.PROCESS_READ)
@require_safe
def live(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show what the process opens, as it stands now."""
    return render(request, "portal/scope.html", _live(request, process_id))


@page(Permission.PROCESS_READ)
@require_safe
def part(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Return the part of the live view that refreshes by itself: it ends with the access, as the page does."""
    return render(request, "portal/scope_live.html", _live(request, process_id))


def _live(request: ActorRequest, process_id: str) -> dict[str, Any]:
    found = access.live(request.actor, process_id, now=clock.now())
    return {
        "live": found,
        "classes": words_of(found.scope.classes),
        "drawing": _drawing(found),
        "most": max((count for _, count in found.states), default=1),
        "alive": found.liveness,
        "calls": found.calls,
    }


def _drawing(found: access.Live) -> Bars:
    start = found.at - access.CURVE_STEPS * access.CURVE_STEP
    labels = [f"{start + (step + 1) * access.CURVE_STEP:%H:%M}" for step in range(access.CURVE_STEPS)]
    total = sum(found.curve)
    sentence = f"{total:,} calls of the scope in the last 24 hours, by half hours, UTC."
    return bars(labels, {"calls": found.curve}, sentence=sentence, every=8, last_is_unfinished=False)


@page(Permission.PROCESS_READ)
@require_safe
def ringing(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Return the fragment that says whether calls of the scope still ring."""
    alive, calls = access.ringing(request.actor, process_id, now=clock.now())
    return render(request, "portal/scope_ringing.html", {"alive": alive, "calls": calls})


@page(Permission.PROCESS_READ)
@require_safe
def calls(request: ActorRequest, process_id: str) -> HttpResponseBase:
    """Show one page of the calls in the scope."""
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    found = access.calls(request.actor, process_id, now=clock.now(), page=number)
    return render(request, "portal/scope_calls.html", {"found": found, "process_id": process_id})


@page(Permission.PROCESS_READ)
@require_safe
def traceback(request: ActorRequest, process_id: str, traceback_id: str) -> HttpResponseBase:
    """Show one traceback in the scope with its path."""
    found = access.traceback(request.actor, process_id, traceback_id, now=clock.now())
    return render(request, "portal/scope_traceback.html", {"traceback": found, "process_id": process_id})
