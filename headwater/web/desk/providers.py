"""The desk's providers: who was asked and how they answered, one provider in full, flags, disputes, graph, reports."""

import io

from django.contrib import messages
from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_POST

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.conduct import actions, issues, publishing, queries, reports
from headwater.conduct.queries import WINDOW, WINDOWS
from headwater.conduct.rules import THRESHOLDS, VERSION
from headwater.conduct.states import DisputeState
from headwater.errors import Conflict, Invalid
from headwater.providers import contacts
from headwater.relief import queries as relief
from headwater.tracebacks import health, pointing
from headwater.web.access import ActorRequest, page
from headwater.web.components import neighbours
from headwater.web.downloads import attachment


def window(request: ActorRequest) -> int:
    """Return the window that was asked for, in days."""
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days in WINDOWS} else WINDOW


@require_GET
@page(Permission.CONDUCT_READ)
def index(request: ActorRequest) -> HttpResponseBase:
    """Every provider that was asked in the window, flagged ones first."""
    days = window(request)
    rows = queries.standings(request.actor, days=days)
    text = request.GET.get("q", "").strip()[:80]
    shown = [one for one in rows if text.lower() in f"{one.provider.name} {one.provider.spc}".lower()]
    context = {
        "rows": shown,
        "all": len(rows),
        "flagged": sum(bool(one.flags) for one in rows),
        "disputes": queries.disputes(request.actor, state=DisputeState.OPEN.value),
        "q": text,
        "days": days,
        "windows": WINDOWS,
    }
    return render(request, "desk/providers.html", context)


@require_GET
@page(Permission.CONDUCT_READ)
def detail(request: ActorRequest, provider_id: str) -> HttpResponseBase:
    """One provider: its record, its neighbours, its filings, its notices. Each look is audited."""
    days = window(request)
    sent = [one for one in relief.notices(request.actor) if one.provider_id == provider_id]
    record = queries.record(
        request.actor, provider_id, days=days, notices=(len(sent), sum(one.answered for one in sent))
    )
    graph = queries.neighbours_of(request.actor, provider_id, days=days)
    actions.note_viewed(request.actor, provider_id)
    context = {
        "record": record,
        "graph": graph,
        # The drawing escapes every text that it holds.
        "drawing": mark_safe(neighbours.draw(graph, provider_id, f"Neighbours of {record.provider.name}")),  # noqa: S308
        "signs": queries.phoenix_signs(request.actor, provider_id),
        "notices": sent,
        "leads": pointing.leads_at(request.actor, provider_id),
        "contacts": contacts.of_provider(provider_id),
        "agent": health.agent(request.actor, provider_id),
        "days": days,
        "windows": WINDOWS,
        "limits": THRESHOLDS[VERSION],
        "now": clock.now(),
    }
    return render(request, "desk/provider.html", context)


@require_GET
@page(Permission.CONDUCT_READ)
def flag(request: ActorRequest, flag_id: str) -> HttpResponseBase:
    """One flag with the tracebacks that raise it, assessed again from its stored evidence."""
    found = queries.flag(request.actor, flag_id)
    context = {
        "flag": found,
        "differences": queries.replay(request.actor, flag_id),
        "limits": THRESHOLDS.get(found.rule_version),
    }
    return render(request, "desk/conduct_flag.html", context)


@require_GET
@page(Permission.CONDUCT_READ)
def disputes(request: ActorRequest) -> HttpResponseBase:
    """Disputes of records: those that wait for a decision first."""
    context = {
        "rows": queries.disputes(request.actor),
        "may_decide": request.actor.may(Permission.CONDUCT_DECIDE),
    }
    return render(request, "desk/disputes.html", context)


@require_POST
@page(Permission.CONDUCT_DECIDE)
def decide(request: ActorRequest, dispute_id: str) -> HttpResponseBase:
    """Uphold or reject one dispute, with the reason."""
    uphold = request.POST.get("decision") == "uphold"
    try:
        actions.decide_dispute(request.actor, dispute_id, uphold=uphold, decision=request.POST.get("reason", ""))
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        said = "is upheld: the call is set aside from every figure" if uphold else "is rejected"
        messages.success(request, f"The dispute {dispute_id} {said}.")
    return redirect("disputes")


@require_GET
@page(Permission.CONDUCT_READ)
def graph(request: ActorRequest) -> HttpResponseBase:
    """Who hands traced calls to whom: hubs, repeat pairs, every edge."""
    days = window(request)
    found = queries.provider_graph(request.actor, days=days)
    context = {"graph": found, "edges": found.edges[:500], "days": days, "windows": WINDOWS}
    return render(request, "desk/provider_graph.html", context)


@require_GET
@page(Permission.CONDUCT_READ)
def graph_json(request: ActorRequest) -> HttpResponseBase:
    """The same for programs: nodes and edges."""
    found = queries.provider_graph(request.actor, days=window(request))
    response = JsonResponse(issues.graph(found))
    response.headers["Content-Disposition"] = 'attachment; filename="headwater-provider-graph.json"'
    return response


@require_GET
@page(Permission.CONDUCT_READ)
def reporting(request: ActorRequest) -> HttpResponseBase:
    """What is reported: to the FCC, and the weekly public list."""
    year = clock.now().year
    context = {
        "years": [year - back for back in range(3)],
        "forms": list(reports.FORMS),
        "issues": issues.issues(),
        "held_days": publishing.HELD.days,
        "may_publish": request.actor.may(Permission.CONDUCT_PUBLISH),
    }
    return render(request, "desk/reports.html", context)


@require_GET
@page(Permission.CONDUCT_READ)
def report(request: ActorRequest, kind: str, year: int, quarter: int, form: str) -> HttpResponseBase:
    """One report as a file."""
    if form not in reports.FORMS:
        raise Invalid(f"A report is written as {', '.join(reports.FORMS)}.")
    made = reports.make(request.actor, kind, year, quarter)
    return attachment(io.BytesIO(reports.written(made, form)), f"{made.name}.{form}", reports.FORMS[form])


@require_POST
@page(Permission.CONDUCT_PUBLISH)
def publish(request: ActorRequest) -> HttpResponseBase:
    """Publish this week's list now, where it is not out yet."""
    issue = publishing.publish(request.actor)
    messages.success(request, f"This week's list is out: {issue}.")
    return redirect("provider-reports")
