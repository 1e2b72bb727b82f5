"""The public's first page: totals by week."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render

from headwater.publication import queries, rules
from headwater.web.components.tile_map import tile_map
from headwater.web.public.gate import open_page


@open_page
def totals(request: HttpRequest) -> HttpResponseBase:
    """Show the totals of the weeks that were published."""
    weeks = queries.weeks()
    latest = weeks[0] if weeks else None
    counts = {code: count or 0 for code, count in latest.totals["states"].items()} if latest else {}
    few = frozenset(code for code, count in latest.totals["states"].items() if count is None) if latest else frozenset()
    drawn = tile_map(counts, what="calls", link=lambda _code: "", few=few)
    return render(request, "public/totals.html", {"weeks": weeks, "latest": latest, "rules": rules, "map": drawn})


@open_page
def totals_json(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001 - the same for everybody
    """Give the same totals to programs."""
    return JsonResponse(
        {
            "smallest_count_told": rules.SMALLEST,
            "weeks": [
                {
                    "monday": week.monday.isoformat(),
                    "closed": week.closed,
                    "made_at": week.made_at.isoformat(),
                    "rule_version": week.rule_version,
                    **week.totals,
                }
                for week in queries.weeks()
            ],
        }
    )
