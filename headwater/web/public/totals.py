"""The public's first page: totals by week."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render

from headwater.publication import queries, rules
from headwater.web.public.gate import open_page


@open_page
def totals(request: HttpRequest) -> HttpResponseBase:
    """Show the totals of the weeks that were published."""
    weeks = queries.weeks()
    return render(
        request, "public/totals.html", {"weeks": weeks, "latest": weeks[0] if weeks else None, "rules": rules}
    )


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
