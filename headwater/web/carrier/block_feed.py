"""The carrier's page of the block feed: the entries in force, and its own appeals."""

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid, NotFound
from headwater.relief import block_list, blocking
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json


@page(Permission.BLOCK_APPEAL)
@require_safe
def entries(request: ActorRequest) -> HttpResponseBase:
    """Show the entries in force and the provider's appeals."""
    found = block_list.listed(request.actor, now=clock.now())
    appeals = block_list.appeals(request.actor)
    if wants_json(request):
        return json_answer({"entries": found, "appeals": appeals})
    return render(
        request,
        "carrier/block_feed.html",
        {"entries": found, "appeals": appeals, "entry": request.GET.get("entry", "")[:16]},
    )


@page(Permission.BLOCK_APPEAL)
@require_POST
def appeal(request: ActorRequest) -> HttpResponseBase:
    """Take in one appeal."""
    try:
        found = blocking.appeal(request.actor, request.POST.get("entry", "").strip(), text=request.POST.get("text", ""))
    except (Invalid, Conflict, NotFound) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Appeal {found.id} is received; the decision and its reason appear below.")
    return HttpResponseRedirect(reverse("carrier-block-feed"))
