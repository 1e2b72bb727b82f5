"""The review queue: merges that the evidence proposes, names that wait, signals; and the edits people ask for."""

import uuid

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater.accounts.permissions import Permission
from headwater.campaigns import edits, graph, queries, signals
from headwater.errors import Conflict, Invalid, NotFound
from headwater.web.access import ActorRequest, page


@page(Permission.CAMPAIGN_READ)
@require_safe
def review(request: ActorRequest) -> HttpResponseBase:
    """Show what waits for a person: merges, names, edits that are done and can be undone."""
    context = {
        "proposals": graph.merge_proposals(request.actor),
        "unnamed": graph.unnamed(request.actor),
        "edits": edits.latest(request.actor),
        "may_edit": request.actor.may(Permission.CAMPAIGN_EDIT),
    }
    return render(request, "desk/campaign_review.html", context)


@page(Permission.CAMPAIGN_READ)
@require_safe
def signal_list(request: ActorRequest) -> HttpResponseBase:
    """Show the newest signals of metadata, also of calls whose words nobody heard."""
    return render(request, "desk/signals.html", {"signals": signals.signals(request.actor, limit=100)})


@page(Permission.CAMPAIGN_READ)
@require_safe
def membership(request: ActorRequest, campaign_id: str, record_id: uuid.UUID) -> HttpResponseBase:
    """Show why one call belongs to its campaign: every piece of evidence with its weight."""
    member = queries.membership(request.actor, campaign_id, record_id)
    return render(request, "desk/membership.html", {"member": member, "campaign_id": campaign_id})


@page(Permission.CAMPAIGN_EDIT)
@require_POST
def merge(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Ask that another campaign go into this one."""
    other = request.POST.get("other", "").strip()
    try:
        edits.ask_merge(request.actor, campaign_id, other, why=request.POST.get("why", ""))
    except (Conflict, Invalid, NotFound) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{other} goes into {campaign_id} within seconds; the review page can undo it.")
    return HttpResponseRedirect(reverse("campaign", args=[campaign_id]))


@page(Permission.CAMPAIGN_EDIT)
@require_POST
def split(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Ask that the chosen scripts, with the calls that joined by them, become a campaign of their own."""
    try:
        chosen = [uuid.UUID(one) for one in request.POST.getlist("exemplar")]
        edits.ask_split(request.actor, campaign_id, chosen, why=request.POST.get("why", ""))
    except ValueError:
        messages.error(request, "One of the chosen scripts is none. Load the page again.")
    except (Conflict, Invalid, NotFound) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The scripts become a campaign of their own within seconds.")
    return HttpResponseRedirect(reverse("campaign", args=[campaign_id]))


@page(Permission.CAMPAIGN_EDIT)
@require_POST
def undo(request: ActorRequest, edit_id: int) -> HttpResponseBase:
    """Ask that a merge or split be undone."""
    try:
        edits.ask_undo(request.actor, edit_id)
    except (Conflict, NotFound) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Its calls go back within seconds.")
    return HttpResponseRedirect(reverse("campaign-review"))


@page(Permission.CAMPAIGN_EDIT)
@require_POST
def allow(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Mark the campaign as a lawful sender's, or end that."""
    try:
        edits.allow(request.actor, campaign_id, request.POST.get("because", ""))
    except (Conflict, NotFound) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Noted. It is shown last; nothing of it was deleted.")
    return HttpResponseRedirect(reverse("campaign", args=[campaign_id]))
