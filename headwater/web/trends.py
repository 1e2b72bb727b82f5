"""The trends page of the desk and of the portal: one thing over time, the map of the states, the families.

The same for both: what a reader may see is asked of the queries. ``Accept: application/json`` gives the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from headwater import clock
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.numbering.places import PLACES, name_of
from headwater.trends import providers, queries
from headwater.trends.models import Cut
from headwater.trends.providers import Part
from headwater.trends.queries import Line, TrendView, VantageTrend
from headwater.trends.rules import Event
from headwater.trends.series import DAY
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json
from headwater.web.components import over_time
from headwater.web.components.over_time import DayDrawing, HourDrawing
from headwater.web.components.tile_map import TileMap, tile_map

SPANS = (1, 7, 14, 28)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One vantage point's drawings."""

    trend: VantageTrend
    hours: HourDrawing
    days: DayDrawing
    finding: str
    table: tuple[tuple[str, int], ...]
    """Day -> calls, the newest first: the drawing in words."""
    next_days: tuple[queries.Scored, ...]
    """The nearest forecast of each day that is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table of states or families."""

    line: Line
    path: str
    cells: tuple[tuple[int, str], ...]
    """For each vantage point shown: calls, and the change against the span before in words."""
    sort: int


def _trends(request: ActorRequest) -> HttpResponseBase:
    now = clock.now()
    asked = _asked(request)
    view = _view(request, asked, now)
    states = queries.by_state(request.actor, now=now, days=asked["days"])
    families = queries.by_family(request.actor, now=now, days=asked["days"])
    if wants_json(request):
        return json_answer({"trend": view, "states": states, "families": families,
                            "forecasts": queries.scoreboard(request.actor, now=now)})  # fmt: skip
    kinds = queries.ordered({kind for line in (*states, *families) for kind in line.now})
    vantage = request.GET.get("vantage", "")
    vantage = vantage if vantage in kinds else next(iter(kinds), "app")
    allowed = queries.states_of(request.actor)
    context = {
        "view": view,
        "panels": panels(view, now),
        "asked": asked,
        "spans": [(span, _address(asked, days=span)) for span in SPANS],
        "map": _map(states, vantage, asked=asked, own=allowed or frozenset()),
        "vantage": vantage,
        "vantages": [(kind, queries.VANTAGES.get(kind, kind), _address(asked, vantage=kind)) for kind in kinds],
        "vantage_name": queries.VANTAGES.get(vantage, vantage),
        "kinds": [(kind, queries.VANTAGES.get(kind, kind)) for kind in kinds],
        "states": _rows(states, kinds, asked=asked, cut=Cut.STATE),
        "families": _rows(families, kinds, asked=asked, cut=Cut.FAMILY),
        "scoreboard": queries.scoreboard(request.actor, now=now),
        "allowed": sorted(allowed) if allowed else [],
        "places": [(code, place.name) for code, place in PLACES.items() if allowed is None or code in allowed],
        "parts": list(Part) if request.actor.organisation_kind is OrganisationKind.CONSORTIUM else [],
    }
    return render(request, "trends/page.html", context)


def _asked(request: ActorRequest) -> dict[str, Any]:
    what = request.GET.get("what", Cut.ALL.value)
    days = request.GET.get("days", "7")
    return {
        "what": what if what in {*(c.value for c in Cut), *(p.value for p in Part), "reported"} else Cut.ALL.value,
        "key": request.GET.get("key", "")[:48].strip(),
        "days": int(days) if days in map(str, SPANS) else 7,
    }


def _view(request: ActorRequest, asked: Mapping[str, Any], now: datetime) -> TrendView:
    what, key, days = asked["what"], asked["key"], asked["days"]
    if what == "reported":
        return queries.reported(request.actor, now=now, state=key, days=days)
    if what in {part.value for part in Part}:
        return providers.trend(request.actor, Part(what), key, now=now, days=days)
    return queries.trend(request.actor, Cut(what), key, now=now, days=days)


def _address(asked: Mapping[str, Any], **change: Any) -> str:
    return f"{reverse('trends')}?{urlencode({**asked, **change})}"


def panels(view: TrendView, now: datetime) -> list[Panel]:
    """Return the drawings of every vantage point of a trend."""
    return [_panel(one, view, now) for one in view.vantages]


def _panel(one: VantageTrend, view: TrendView, now: datetime) -> Panel:
    today = now.date()
    drawing = over_time.days(one, today=today)
    ahead = {each.said.day: each for each in reversed(one.next_days)}
    return Panel(
        trend=one,
        hours=over_time.hours(one, start=view.start, end=view.end),
        days=drawing,
        finding=_finding(one, view),
        table=tuple((bar.says.partition(":")[0], one.series.over_days(bar.day, bar.day + DAY)[0])
                    for bar in reversed(drawing.bars) if bar.day <= today),
        next_days=tuple(ahead[day] for day in sorted(ahead)),
    )  # fmt: skip


def _finding(one: VantageTrend, view: TrendView) -> str:
    counts = one.series.over_hours(view.start, view.end)
    total = sum(counts)
    if one.usual:
        usual = sum(each.mean for each in one.usual)
        over = sum(count > each.high for count, each in zip(counts, one.usual, strict=True))
        word = "as usual" if 0.8 <= total / max(usual, 0.1) <= 1.25 else "above" if total > usual else "below"
        above = f"{over} hour{'' if over == 1 else 's'} above their range"
        return f"{total:,} calls where {usual:,.0f} are usual ({word}); {above}."
    return f"{total:,} calls. What is usual is known after 14 days; this is seen for fewer."


def _map(states: list[Line], vantage: str, *, asked: Mapping[str, Any], own: frozenset[str]) -> TileMap:
    readable = {line.key for line in states} | own
    return tile_map(
        {line.key: line.now.get(vantage, 0) for line in states},
        what="calls",
        link=lambda code: _address(asked, what=Cut.STATE.value, key=code) if not own or code in readable else "",
        own=own,
    )


def _rows(lines: list[Line], kinds: list[str], *, asked: Mapping[str, Any], cut: Cut) -> list[Row]:
    rows = [
        Row(
            line=line
            if cut is not Cut.STATE
            else Line(key=line.key, title=name_of(line.key), now=line.now, before=line.before),
            path=_address(asked, what=cut.value, key=line.key),
            cells=tuple(
                (line.now.get(kind, 0), change(line.now.get(kind, 0), line.before.get(kind, 0))) for kind in kinds
            ),
            sort=max(line.now.values(), default=0),
        )
        for line in lines
    ]
    return sorted(rows, key=lambda row: (-row.sort, row.line.title))


def change(now: int, before: int) -> str:
    """Return how a count stands against the one before it, in words."""
    if not before:
        return "new" if now else ""
    if not now:
        return "none now"
    percent = round((now / before - 1) * 100)
    return "same" if percent == 0 else f"{percent:+,}%"


def latest(view: TrendView, most: int = 12) -> list[Event]:
    """Return what happened, of every vantage point, the newest first."""
    return sorted((event for one in view.vantages for event in one.events), key=lambda one: one.at, reverse=True)[:most]


desk = page(Permission.CAMPAIGN_READ)(require_safe(_trends))
portal = page(Permission.ALERT_READ)(require_safe(_trends))
