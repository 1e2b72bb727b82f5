"""``headwater campaigns trends``: one thing over time, what is usual, what happened, what is expected."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from headwater import clock
from headwater.accounts.actors import system
from headwater.site.setup import django

ACTOR = system("operator")


class Of(StrEnum):
    """What a trend can be asked of."""

    ALL = "all"
    FAMILY = "family"
    STATE = "state"
    CAMPAIGN = "campaign"
    REPORTED = "reported"
    DELIVERED = "delivered"
    SIGNED = "signed"
    ORIGIN = "origin"


def trends(
    what: Annotated[Of, typer.Argument(help="What to look at.")] = Of.ALL,
    key: Annotated[
        str, typer.Argument(help="The family, state, campaign, code or provider; none for the country.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=28, help="Days to show.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print every value as JSON.")] = False,
) -> None:
    """Show calls by vantage point over time: what is usual, what happened, what is expected next, and how that fared.

    Vantage points are never added up. `reported` is every call told of, campaign or not; `delivered`, `signed` and
    `origin` are of one provider.
    """
    django()
    # Imported here: Django must be ready before a module with models is imported.
    from headwater.trends import providers, queries
    from headwater.trends.models import Cut

    now = clock.now()
    if what is Of.REPORTED:
        view = queries.reported(ACTOR, now=now, state=key, days=days)
    elif what in (Of.DELIVERED, Of.SIGNED, Of.ORIGIN):
        view = providers.trend(ACTOR, providers.Part(what.value), key, now=now, days=days)
    else:
        view = queries.trend(ACTOR, Cut(what.value), key, now=now, days=days)
    if as_json:
        print(msgspec.json.encode(msgspec.to_builtins(view, builtin_types=(), str_keys=True)).decode())
        return
    _show(view)


def _show(view: Any) -> None:
    console = Console()
    console.print(f"[bold]{view.title}[/bold], {view.start:%Y-%m-%d} to {view.end:%Y-%m-%d %H:%M} UTC")
    if view.note:
        console.print(view.note)
    if not view.vantages:
        console.print("No call was seen in twelve weeks.")
    for one in view.vantages:
        counts = one.series.over_hours(view.start, view.end)
        console.print(f"\n[bold]{one.label}[/bold]: {sum(counts):,} calls", end="")
        console.print(f" where {sum(each.mean for each in one.usual):,.0f} are usual" if one.usual else "")
        console.print(_days(one, view))
        for event in one.events[:6]:
            console.print(f"  {event.at:%Y-%m-%d %H:%M} {event.kind.label}: {event.sentence}")
        for said in one.next_days:
            this = said.said
            bounds = f"({this.low:,} to {this.high:,}, 90%)"
            console.print(f"  Expected on {this.day}: {this.expected:,.0f} {bounds}, said {said.made_at:%m-%d %H:%M}")
        _scores(console, one)


def _days(one: Any, view: Any) -> Table:
    table = Table("Day", "Calls", box=None, padding=(0, 2))
    first, last = view.start.date(), view.end.date() + timedelta(days=1)
    for step, calls in enumerate(one.series.over_days(first, last)):
        table.add_row(f"{first + timedelta(days=step):%a %Y-%m-%d}", f"{calls:,}")
    return table


def _scores(console: Console, one: Any) -> None:
    for words, score in (("said and kept", one.score), ("the rule tried on the same days", one.tried)):
        if score.forecasts:
            inside = f"{score.covered} of {score.forecasts} days inside 90%, error {score.error:.1f} calls a day"
            console.print(f"  Forecasts, {words}: {inside}; last week's count erred {score.naive_error:.1f}.")
