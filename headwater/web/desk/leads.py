"""The desk's leads: where a campaign's calls may originate, from all its tracebacks together. Never a finding."""

from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater.accounts.permissions import Permission
from headwater.tracebacks import pointing
from headwater.web.access import ActorRequest, page


@page(Permission.TRACEBACK_READ)
@require_safe
def leads(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Show the leads of one campaign with the tracebacks behind each. Each look is audited."""
    return render(request, "desk/leads.html", {"found": pointing.leads_of(request.actor, campaign_id)})


@page(Permission.TRACEBACK_READ)
@require_safe
def leads_json(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Hand out the same for programs."""
    response = JsonResponse(pointing.document(pointing.leads_of(request.actor, campaign_id)))
    response.headers["Content-Disposition"] = f'attachment; filename="headwater-leads-{campaign_id}.json"'
    return response
