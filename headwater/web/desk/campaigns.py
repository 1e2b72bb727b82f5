"""The desk's campaign screens: the list, one campaign, one of its exemplars, and what a person does there."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.alerts import queries as alerts
from headwater.campaigns import (
    actions,
    graph,
    hearing,
    joined,
    latest,
    queries,
    recordings,
    shared,
    signals,
    transcripts,
)
from headwater.campaigns.queries import Order
from headwater.campaigns.rules import CONFIRM_AT, poisson_interval
from headwater.campaigns.states import CampaignState
from headwater.campaigns.values import CampaignPage, CampaignRow
from headwater.errors import Conflict, Invalid, Unavailable
from headwater.numbering.numbers import E164
from headwater.signers import queries as signers
from headwater.tracebacks import actions as tracebacks
from headwater.tracebacks import forwarding
from headwater.tracebacks import queries as traced
from headwater.tracebacks.forwarding import ForwardView
from headwater.trends import queries as trends
from headwater.trends.models import Cut
from headwater.trends.queries import VANTAGES
from headwater.web import trends as web_trends
from headwater.web.access import ActorRequest, page
from headwater.web.components import evidence_graph
from headwater.web.components.sparkline import Sparkline, sparkline

#: Filters of the list: word in the address -> what it shows. The first is shown without one.
FILTERS: dict[str, tuple[str, tuple[CampaignState, ...]]] = {
    "campaigns": (
        "Campaigns",
        (CampaignState.CONFIRMED, CampaignState.ACTIVE, CampaignState.DORMANT, CampaignState.STOPPED),
    ),
    "ringing": ("Confirmed and active", (CampaignState.CONFIRMED, CampaignState.ACTIVE)),
    "dormant": ("Dormant", (CampaignState.DORMANT,)),
    "stopped": ("Stopped", (CampaignState.STOPPED,)),
    "suspected": (f"Suspected (fewer than {CONFIRM_AT} calls)", (CampaignState.SUSPECTED,)),
    "all": ("All", ()),
}
_STATES_SHOWN = 4
#: Calls of each campaign of a list whose signatures are looked at.
_SIGNED_OF = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One campaign of the list, with its drawing."""

    row: CampaignRow
    spark: Sparkline
    states: tuple[tuple[str, int], ...]
    more_states: int
    rate: tuple[float, float, float]
    """Calls a minute over the last ten minutes, with the ends of its 95% interval."""
    days: tuple[tuple[str, str, Sparkline], ...] = ()
    """(vantage point, its name, calls of each of the last 7 days), side by side."""
    signed: tuple[tuple[str, str, int], ...] = ()
    """(signer, attestation, calls) among the latest calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One filter or one sortable column, with the address that chooses it."""

    label: str
    path: str
    current: bool


@page(Permission.CAMPAIGN_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """List campaigns; filter, order and page are in the address."""
    chosen = request.GET.get("show", "")
    chosen = chosen if chosen in FILTERS else next(iter(FILTERS))
    order = next((o for o in Order if o.value == request.GET.get("sort")), Order.LAST_CALL)
    found = queries.campaigns(
        request.actor,
        now=clock.now(),
        states=FILTERS[chosen][1],
        order=order,
        page=_page_number(request),
    )
    context = {
        "filters": [
            Choice(label=label, path=_address(show=word, sort=order.value), current=word == chosen)
            for word, (label, _) in FILTERS.items()
        ],
        "columns": {
            o.value: Choice(label="", path=_address(show=chosen, sort=o.value), current=o is order) for o in Order
        },
        "lines": _lines(found.rows),
        "found": found,
        "previous": _address(show=chosen, sort=order.value, page=found.page - 1) if found.page > 1 else "",
        "next": _address(show=chosen, sort=order.value, page=found.page + 1) if found.page < found.pages else "",
        "chosen": chosen,
        "suspected": found.by_state[CampaignState.SUSPECTED],
        "ringing": _ringing(found),
        "detector": queries.detector(),
        "hearing": transcripts.hearing(),
        "unheard": hearing.missing(),
        "confirm_at": CONFIRM_AT,
    }
    return render(request, "desk/campaign_list.html", context)


def _ringing(found: CampaignPage) -> int:
    return found.by_state[CampaignState.CONFIRMED] + found.by_state[CampaignState.ACTIVE]


def _lines(rows: Sequence[CampaignRow]) -> list[Line]:
    """Return the lines of a list, with what is looked up for all of them at once."""
    ids = [row.id for row in rows]
    days = trends.campaign_spark(ids, now=clock.now())
    signed = _signed(latest.latest_calls(ids, each=_SIGNED_OF))
    return [replace(_line(row), days=_days(days.get(row.id, {})), signed=signed.get(row.id, ())) for row in rows]


def _days(days: Mapping[str, Sequence[int]]) -> tuple[tuple[str, str, Sparkline], ...]:
    return tuple(
        (vantage, name, sparkline(counts, what=f"Calls a day of the last 7, seen by {name.lower()}"))
        for vantage, counts in days.items()
        for name in (VANTAGES.get(vantage, vantage),)
    )


def _signed(calls: Mapping[uuid.UUID, str]) -> dict[str, tuple[tuple[str, str, int], ...]]:
    """Return campaign -> who signed its latest calls, most first; ``calls`` is record -> campaign."""
    found, _ = signers.at_hand(calls)
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for record_id, one in found.items():
        if one.spc:
            counts.setdefault(calls[record_id], Counter())[one.spc, one.attest] += 1
    return {
        campaign: tuple((spc, attest, number) for (spc, attest), number in counted.most_common(2))
        for campaign, counted in counts.items()
    }


def _line(row: CampaignRow) -> Line:
    minutes = 10
    lately = sum(row.spark[-int(minutes * 60 // queries.SPARK_STEP.total_seconds()) :])
    low, high = poisson_interval(lately)
    return Line(
        row=row,
        spark=sparkline(row.spark, what="Calls in the last hour, two minutes a step"),
        states=row.states_hit[:_STATES_SHOWN],
        more_states=max(len(row.states_hit) - _STATES_SHOWN, 0),
        rate=(lately / minutes, low / minutes, high / minutes),
    )


def _address(**parameters: Any) -> str:
    return f"{reverse('campaigns')}?{urlencode(parameters)}"


def _page_number(request: ActorRequest) -> int:
    text = request.GET.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


@page(Permission.CAMPAIGN_READ)
@require_safe
def campaign(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Show one campaign."""
    now = clock.now()
    view = queries.campaign(request.actor, campaign_id, now=now)
    members = queries.members(request.actor, campaign_id, page=_page_number(request))
    own = reverse("campaign", args=[campaign_id])
    may = request.actor.may
    nodes = graph.nodes(request.actor, campaign_id)
    trend = trends.trend(request.actor, Cut.CAMPAIGN, campaign_id, now=now)
    shown = [row.record_id for row in members.rows] + ([view.sample.member.record_id] if view.sample else [])
    recorded, recorded_note = _recorded(shown)
    context = {
        "view": view,
        "line": _line(view.row),
        "spark_steps": _steps(view.row),
        "members": members,
        "signed": signers.mix((row.record_id for row in members.rows), campaign=campaign_id),
        "previous": f"{own}?page={members.page - 1}#calls" if members.page > 1 else "",
        "next": f"{own}?page={members.page + 1}#calls" if members.page < members.pages else "",
        "tracebacks": traced.for_campaign(request.actor, campaign_id) if may(Permission.TRACEBACK_READ) else [],
        "callbacks": _callbacks(request, campaign_id),
        "alerts": alerts.alerts(request.actor, campaign_id=campaign_id),
        "panels": web_trends.panels(trend, now),
        "happened": web_trends.latest(trend),
        "recorded": recorded,
        "recorded_note": recorded_note,
        "may_hear": may(Permission.CALL_READ),
        "may_open": may(Permission.TRACEBACK_OPEN) and view.row.confirmed_at is not None,
        "may_name": may(Permission.CAMPAIGN_NAME),
        "may_edit": may(Permission.CAMPAIGN_EDIT),
        "nodes": nodes,
        "graph": evidence_graph.draw(view.row.name, nodes, shared.sharing(request.actor, campaign_id, nodes)),
        "signals": signals.signals(request.actor, campaign_id=campaign_id, limit=10),
        "joined": joined.page(request.actor, campaign_id),
        "exemplars": queries.exemplars(request.actor, campaign_id),
        "confirm_at": CONFIRM_AT,
    }
    return render(request, "desk/campaign.html", context)


def _callbacks(request: ActorRequest, campaign_id: str) -> list[tuple[str, int, ForwardView | None]]:
    """Return (number, calls that say it, its latest trace forward) of what calls ask to be called back on."""
    latest_of: dict[str, ForwardView] = {}
    for one in reversed(forwarding.forwards(request.actor, campaign_id=campaign_id)):
        latest_of[one.trace.number] = one
    said = dict(graph.callbacks(request.actor, campaign_id))
    numbers = dict.fromkeys((*said, *latest_of))
    return [(number, said.get(E164(number), 0), latest_of.get(number)) for number in numbers]


def _recorded(record_ids: Sequence[uuid.UUID]) -> tuple[set[uuid.UUID], str]:
    """Return which of these calls have a recording, and why that is not known where it is not."""
    try:
        return set(recordings.of_calls(record_ids)), ""
    except (Unavailable, Invalid) as error:
        return set(), str(error)


def _steps(row: CampaignRow) -> list[tuple[str, int]]:
    """Return the sparkline's steps that hold calls, in words: the table beneath the drawing."""
    minutes = int(queries.SPARK_STEP.total_seconds() // 60)
    last = len(row.spark)
    return [
        (f"{(last - step) * minutes} to {(last - step - 1) * minutes} min ago", calls)
        for step, calls in enumerate(row.spark)
        if calls
    ]


@page(Permission.CAMPAIGN_READ)
@require_safe
def exemplar(request: ActorRequest, campaign_id: str, record_id: uuid.UUID) -> HttpResponseBase:
    """Show one exemplar in full: what calls are compared with."""
    sample = queries.exemplar(request.actor, campaign_id, record_id)
    return render(request, "desk/exemplar.html", {"sample": sample, "campaign_id": campaign_id})


@page(Permission.TRACEBACK_OPEN)
@require_POST
def open_traceback(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Open tracebacks of the campaign's fresh calls."""
    opened = tracebacks.open_for_campaign(request.actor, campaign_id)
    if opened:
        messages.success(request, f"Opened {len(opened)}: {', '.join(opened)}.")
    else:
        messages.info(
            request, "Nothing was opened: as many of this campaign's calls as the rules allow are traced already."
        )
    return HttpResponseRedirect(reverse("campaign", args=[campaign_id]))


@page(Permission.CAMPAIGN_NAME)
@require_POST
def name(request: ActorRequest, campaign_id: str) -> HttpResponseBase:
    """Give the campaign the name that was typed; left as proposed, it is accepted."""
    try:
        actions.rename(request.actor, campaign_id, request.POST.get("name", ""))
    except (Conflict, Invalid) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The name is accepted.")
    return HttpResponseRedirect(reverse("campaign", args=[campaign_id]))
