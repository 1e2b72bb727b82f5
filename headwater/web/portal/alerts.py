"""The agency's alerts: the list, and one alert with its campaign, whether it still rings, and how far it is traced."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.alerts import actions, queries
from headwater.legal import queries as legal
from headwater.tracebacks.queries import OutcomeCount, outcomes
from headwater.tracebacks.states import OPEN_STATES, Grade
from headwater.trends.queries import VANTAGES
from headwater.web import trends
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """How far the campaign's calls are traced, without the path."""

    total: int
    running: int
    confirmed: int
    origins: tuple[tuple[str, int], ...]
    """Name of a confirmed origin and how many tracebacks ended there, most first."""
    entries: int
    """Tracebacks that ended at a confirmed U.S. point of entry."""
    other: int
    """Tracebacks that ended otherwise."""


@page(Permission.ALERT_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """List the agency's alerts, the newest first."""
    rows = queries.alerts(request.actor)
    return (
        json_answer({"alerts": rows})
        if wants_json(request)
        else render(request, "portal/alerts.html", {"alerts": rows})
    )


@page(Permission.ALERT_READ)
@require_safe
def alert(request: ActorRequest, alert_id: str) -> HttpResponseBase:
    """Show one alert: what is known of its campaign now, and what was said when."""
    now = clock.now()
    told = actions.read(request.actor, alert_id)
    if wants_json(request):
        return json_answer({"alert": told})
    known = told.known
    states = sorted(known["states_hit"].items(), key=lambda pair: (-pair[1], pair[0]))
    trend = queries.trend(request.actor, alert_id, now=now)
    context = {
        "alert": told,
        "known": known,
        "alive": queries.campaign_liveness(request.actor, alert_id, now),
        "traced": traced(outcomes(told.row.campaign_id)),
        "states": states,
        "most": max((count for _, count in states), default=1),
        "vantages": [(VANTAGES.get(vantage, vantage), count) for vantage, count in known.get("vantages", {}).items()],
        "samples": [{**sample, "call_at": datetime.fromisoformat(sample["call_at"])} for sample in known["samples"]],
        "first_call_at": datetime.fromisoformat(known["first_call_at"]),
        "trend": trend,
        "panels": trends.panels(trend, now),
        "processes": _processes(request.actor, alert_id),
    }
    return render(request, "portal/alert.html", context)


@page(Permission.ALERT_READ)
@require_safe
def ringing(request: ActorRequest, alert_id: str) -> HttpResponseBase:
    """Return the fragment that says whether the campaign still rings."""
    alive = queries.campaign_liveness(request.actor, alert_id, clock.now())
    return render(request, "portal/ringing.html", {"alive": alive})


def traced(counts: list[OutcomeCount]) -> Traced:
    """Sum up how far tracebacks came; a count is split by outcome, never bare."""
    grades: Counter[Grade] = Counter()
    origins: Counter[str] = Counter()
    running = 0
    for count in counts:
        if count.state in OPEN_STATES:
            running += count.tracebacks
            continue
        grades[count.grade] += count.tracebacks
        if count.grade is Grade.ORIGIN_CONFIRMED and count.origin_name:
            origins[count.origin_name] += count.tracebacks
    confirmed, entries = grades[Grade.ORIGIN_CONFIRMED], grades[Grade.ENTRY_CONFIRMED]
    return Traced(
        total=running + grades.total(),
        running=running,
        confirmed=confirmed,
        origins=tuple(origins.most_common()),
        entries=entries,
        other=grades.total() - confirmed - entries,
    )


def _processes(actor: Actor, alert_id: str) -> list[legal.ProcessView]:
    return [process for process in legal.processes(actor) if process.alert_id == alert_id]
